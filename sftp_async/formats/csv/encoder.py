"""Encodes CSV files as Spark writes them, with no value lost when they are read back.

The text of a value of each column type, which JSON and XML share, is made by `CellText`, in
`formats/values/cell_text.py`; quotes and separators are `CSVDialect`'s, in `csv/dialect.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.arrow_text import ROW_GATHER_ROWS
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.csv.dialect import CSVDialect
from sftp_async.formats.from_options import (
    cell_text,
    file_charset,
    file_compression,
)
from sftp_async.formats.line_encoder import LineEncoder
from sftp_async.formats.schema_checks import check_columns, is_nested, unsupported_type
from sftp_async.formats.values.cell_text import CellText, check_zone
from sftp_async.formats.values.intervals import NarrowIntervals
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.charset import Charset
    from sftp_async.formats.compressed_stream import Compression
    from sftp_async.options import FormatOptions

try:
    from sftp_async.formats.csv.vectorized import CSVRowGather
except ImportError:  # NumPy is not installed
    CSVRowGather = None  # type: ignore[assignment,misc]

#: The options whose text goes into the files unchanged.
_TEXTS = (
    *("sep", "quote", "escape", "char_to_escape_quote_escaping"),
    *("null_value", "empty_value", "line_sep"),
)


def open_csv(options: FormatOptions, schema: pa.Schema) -> CSVFormat:
    """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    cells = cell_text(options, problems)
    problems.add(_dialect_problems(options))
    charset = file_charset(options, problems, *_TEXTS)
    with problems.collect():
        compression = file_compression(options)
    with problems.collect():
        check_columns(schema, "csv")
    for field in schema:
        with problems.collect():
            _check_column(field)
    problems.raise_all()
    dialect = CSVDialect(
        sep=options.sep,
        quote=options.quote,
        escape=options.escape,
        null_value=options.null_value,
        empty_value=options.empty_value,
        line_sep=options.line_sep,
        quote_all=options.quote_all,
        escape_quotes=options.escape_quotes,
        escape_escape=options.char_to_escape_quote_escaping,
        ignore_leading=options.ignore_leading_white_space,
        ignore_trailing=options.ignore_trailing_white_space,
    )
    return CSVFormat(
        schema,
        dialect,
        cells,
        header=options.header,
        compression=compression,
        intervals=NarrowIntervals.of(schema),
        charset=charset,
    )


def _check_column(field: pa.Field) -> None:
    if not CellText.holds(field.type):
        raise unsupported_type(field.name, field.type, "CSV", _hint(field))
    check_zone(field.name, field.type)


def _dialect_problems(options: FormatOptions) -> Iterator[str]:
    """Yield the rules between separators and quotes that the options break, as sentences."""
    if options.quote and not options.escape:
        yield (
            "escape is empty: Spark could not read back a quote inside a value. "
            "Set it to a backslash, or to the quote itself to double it."
        )
    if not {*options.sep}.isdisjoint(options.line_sep):
        yield "sep and line_sep must not share a character."
    if options.quote and options.quote in options.line_sep:
        yield "quote and line_sep must not share a character."
    if not options.quote:
        marks = {*options.sep, *options.line_sep, "\n", "\r"}
        for name in ("null_value", "empty_value"):
            if not marks.isdisjoint(getattr(options, name)):
                yield f"{name} holds a separator or a line break, and quote is empty."
        if options.quote_all:
            yield "quote_all is true, but quote is empty."


def _hint(field: pa.Field) -> str:
    name = f"`{field.name}`"
    if is_nested(field.type):
        return f"Write it as JSON text, to_json({name}), or take format=json or parquet"
    return f"Cast it: CAST({name} AS STRING)"


class CSVFormat(Format):
    """CSV files.

    Args:
        schema: the columns, checked by `open_csv`.
        dialect: separators and quotes.
        text: formats of dates and timestamps.
        header: whether a file starts with the column names.
        compression: of the file as a whole.
        intervals: the columns that Arrow takes for intervals of all fields.
        charset: None is UTF-8.

    Raises:
        EncodeError: the character set lacks a character of the header.

    """

    concatenable = True

    def __init__(
        self,
        schema: pa.Schema,
        dialect: CSVDialect,
        text: CellText,
        *,
        header: bool,
        compression: Compression,
        intervals: NarrowIntervals,
        charset: Charset | None,
    ) -> None:
        self.extension = f"csv{compression.extension}"
        self.buffered_bytes = compression.buffered_bytes
        self._dialect = dialect
        self._text = text
        self._compression = compression
        self._intervals = intervals
        self._charset = charset
        self._names: list[str] = schema.names
        titles = [pa.array([name], pa.string()) for name in self._names]
        line = dialect.lines(self._names, titles).to_pybytes() if header else b""
        self._header = charset.mark + charset.encode(line) if charset else line

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file, with a header if both the options and `header` ask for it."""
        start = self._header if header else b""
        return LineEncoder(self._lines, self._compression, start, charset=self._charset)

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        batch = self._intervals.as_text(batch)
        large = batch.num_rows >= ROW_GATHER_ROWS
        if large and self._dialect.is_unmarked(batch):
            return self._dialect.lines(self._names, batch.columns, unmarked=True)
        if CSVRowGather is not None and large and self._dialect.suits_row_gather(batch):
            return CSVRowGather(self._dialect, self._text).lines(batch)
        return self._dialect.lines(self._names, [self._text.of(column) for column in batch.columns])
