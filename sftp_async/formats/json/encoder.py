"""Encodes JSON Lines files as Spark writes them: one object for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.arrow_text import ROW_GATHER_ROWS, text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.from_options import (
    cell_text,
    file_charset,
    file_compression,
)
from sftp_async.formats.json.text import JSONText
from sftp_async.formats.line_encoder import LineEncoder
from sftp_async.formats.schema_checks import (
    check_columns,
    check_intervals,
    is_nested,
    leaves,
    unsupported_type,
)
from sftp_async.formats.values.cell_text import CellText, check_zone, is_text
from sftp_async.formats.values.intervals import NarrowIntervals
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from sftp_async.formats.charset import Charset
    from sftp_async.formats.compressed_stream import Compression
    from sftp_async.options import FormatOptions

try:
    from sftp_async.formats.json.vectorized import JSONRowGather
except ImportError:  # NumPy is not installed
    JSONRowGather = None  # type: ignore[assignment,misc]


def open_json(options: FormatOptions, schema: pa.Schema) -> JSONLinesFormat:
    """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    cells = cell_text(options, problems)
    charset = file_charset(options, problems, "line_sep", json=True)
    with problems.collect():
        compression = file_compression(options)
    with problems.collect():
        check_columns(schema, "json", case_sensitive=options.case_sensitive)
        check_intervals(schema, nested_only=True)
    for name, kind in leaves(schema):
        with problems.collect():
            _check_type(name, kind)
    problems.raise_all()
    return JSONLinesFormat(
        schema,
        cells,
        line_sep=options.line_sep,
        compression=compression,
        keep_nulls=not options.ignore_null_fields,
        intervals=NarrowIntervals.of(schema),
        charset=charset,
    )


def _check_type(name: str, kind: pa.DataType) -> None:
    types = pa.types
    if types.is_map(kind) and not _is_key(kind.key_type):
        hint = "JSON's keys are strings: cast them with transform_keys"
        raise unsupported_type(name, kind, "JSON", hint)
    if not (CellText.holds(kind) or is_nested(kind) or types.is_null(kind)):
        raise unsupported_type(name, kind, "JSON", f"Cast it: CAST(`{name}` AS STRING)")
    check_zone(name, kind)


def _is_key(kind: pa.DataType) -> bool:
    """Return whether map keys of this type are printed as they are; Spark's dates are numbers."""
    types = pa.types
    return is_text(kind) or bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


class JSONLinesFormat(Format):
    """JSON Lines files.

    Args:
        schema: the columns, checked by `open_json`.
        cells: formats of dates and timestamps.
        line_sep: what ends a line.
        compression: of the file as a whole.
        keep_nulls: write fields that are null.
        intervals: the columns that Arrow takes for intervals of all fields.
        charset: None is UTF-8.

    """

    concatenable = True

    def __init__(
        self,
        schema: pa.Schema,
        cells: CellText,
        *,
        line_sep: str,
        compression: Compression,
        keep_nulls: bool,
        intervals: NarrowIntervals,
        charset: Charset | None,
    ) -> None:
        self.extension = f"json{compression.extension}"
        self.buffered_bytes = compression.buffered_bytes
        self._names: list[str] = schema.names
        self._text = JSONText(cells, keep_nulls=keep_nulls)
        self._keep_nulls = keep_nulls
        self._end = "}" + line_sep
        self._compression = compression
        self._intervals = intervals
        self._charset = charset
        self._mark = charset.mark if charset else b""

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header but a byte order mark."""
        mark = self._mark if header else b""
        return LineEncoder(self._lines, self._compression, mark, charset=self._charset)

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        batch = self._intervals.as_text(batch)
        if (
            JSONRowGather is not None
            and batch.num_rows >= ROW_GATHER_ROWS
            and not self._holds_nulls(batch)
        ):
            lines = JSONRowGather(self._text).lines(batch, self._end)
            if lines is not None:
                return lines
        rows = self._text.objects(self._names, batch.columns, rows=batch.num_rows, end=self._end)
        return text_buffer(rows)

    def _holds_nulls(self, batch: pa.RecordBatch) -> bool:
        """Return whether there are null fields to write, which `JSONRowGather` leaves out."""
        return self._keep_nulls and any(column.null_count for column in batch.columns)
