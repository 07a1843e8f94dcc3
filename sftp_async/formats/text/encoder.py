"""Text files: the values of one string column, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.compression import Compression
from sftp_async.formats.line_encoder import LineEncoder

if TYPE_CHECKING:
    from sftp_async.formats.charset import Charset


class TextFormat(Format):
    """Text files, as Spark's: a null is an empty line, and a value's own line breaks stay.

    Args:
        line_sep: what ends a line.
        compression: of the file as a whole.
        charset: None is UTF-8.

    """

    joinable = True

    def __init__(
        self, *, line_sep: str, compression: Compression, charset: Charset | None = None
    ) -> None:
        self.extension = f"txt{compression.extension}"
        self.held = compression.held
        self._line_sep = line_sep
        self._compression = compression
        self._charset = charset
        self._mark = charset.mark if charset else b""

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header but a byte order mark."""
        mark = self._mark if header else b""
        return LineEncoder(self._lines, self._compression, mark, charset=self._charset)

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
