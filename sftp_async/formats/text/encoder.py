"""Encodes text files: the values of one string column, a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.from_options import file_charset, file_compression
from sftp_async.formats.line_encoder import LineEncoder
from sftp_async.formats.schema_checks import check_columns, unsupported_type
from sftp_async.formats.values.cell_text import is_text
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from sftp_async.formats.charset import Charset
    from sftp_async.formats.compressed_stream import Compression
    from sftp_async.options import FormatOptions


def open_text(options: FormatOptions, schema: pa.Schema) -> TextFormat:
    """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    charset = file_charset(options, problems, "line_sep")
    with problems.collect():
        compression = file_compression(options)
    with problems.collect():
        check_columns(schema, "text")
        _check_only_column(schema)
    problems.raise_all()
    return TextFormat(line_sep=options.line_sep, compression=compression, charset=charset)


def _check_only_column(schema: pa.Schema) -> None:
    if len(schema) != 1:
        raise EncodeError(
            f"Text files hold one column, but there are {len(schema)}: {', '.join(schema.names)}",
            hint="Select one, or join them with concat_ws",
        )
    field = schema.field(0)
    if not is_text(field.type):
        hint = f"Cast it: CAST(`{field.name}` AS STRING)"
        raise unsupported_type(field.name, field.type, "a text file", hint)


class TextFormat(Format):
    """Text files, as Spark's: a null is an empty line, and a value's own line breaks stay.

    Args:
        line_sep: what ends a line.
        compression: of the file as a whole.
        charset: None is UTF-8.

    """

    concatenable = True

    def __init__(
        self, *, line_sep: str, compression: Compression, charset: Charset | None = None
    ) -> None:
        self.extension = f"txt{compression.extension}"
        self.buffered_bytes = compression.buffered_bytes
        self._line_sep = line_sep
        self._compression = compression
        self._charset = charset
        self._mark = charset.mark if charset else b""

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header but a byte order mark."""
        mark = self._mark if header else b""
        # Spark's text files have a string's bytes as they are.
        return LineEncoder(self._lines, self._compression, mark, charset=self._charset, raw=True)

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        return text_buffer(
            pc.binary_join_element_wise(
                batch.column(0).cast(pa.string()),
                self._line_sep,
                "",
                null_handling="replace",
                null_replacement="",
            )
        )
