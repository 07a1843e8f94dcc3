"""Encodes the files of all line-based formats: batches to lines, lines to a compressed stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import slices
from sftp_async.formats.base import PartEncoder
from sftp_async.formats.values import utf8

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from sftp_async.formats.charset import Charset
    from sftp_async.formats.compressed_stream import Compression


class LineEncoder(PartEncoder):
    """One part file of lines.

    Args:
        lines: returns the bytes of a batch's rows.
        compression: of the file as a whole.
        header: bytes before the first row; in the file even if no row comes.
        footer: bytes after the last row, likewise.
        charset: of the rows, which are UTF-8 without one.
        raw: bytes that are no UTF-8 go into the file as they are.

    Strings may hold any bytes in Spark. As in its own files, U+FFFD stands for what is no UTF-8.

    """

    def __init__(
        self,
        lines: Callable[[pa.RecordBatch], pa.Buffer],
        compression: Compression,
        header: bytes = b"",
        footer: bytes = b"",
        *,
        charset: Charset | None = None,
        raw: bool = False,
    ) -> None:
        self._lines = lines
        self._charset = charset
        self._raw = raw and charset is None
        self._stream = compression.open()
        self._header = header
        self._footer = footer

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes that `batch` adds to the file; may be empty while a codec buffers input.

        Raises:
            EncodeError: a value cannot be written in this format.

        """
        if not self._raw:
            batch = self._well_formed(batch)
        try:
            texts = [self._text(part) for part in slices(batch)] if batch.num_rows else []
        except pa.ArrowException as error:
            raise EncodeError(f"A batch of {batch.num_rows} rows has no text: {error}") from error
        if len(texts) == 1 and not self._header:
            return self._stream.compress(texts[0])
        return self._compress([self._take_header(), *texts])

    def finish(self) -> Buffer:
        """Return the bytes that complete the file, its header if no row came."""
        end = self._compress([self._take_header(), self._footer])
        return b"".join((end, self._stream.flush()))

    def _well_formed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        fields = zip(batch.schema, batch.columns, strict=True)
        broken = [field.name for field, column in fields if utf8.is_malformed(column)]
        if not broken:
            return batch
        if self._charset is not None and not self._charset.can_write(utf8.REPLACEMENT):
            raise EncodeError(
                f"Column {broken[0]!r} holds bytes that are no UTF-8 text, and "
                f"{self._charset.name} lacks the character that would stand for them (U+FFFD)",
                hint="Set encoding=UTF-8, or make text of the bytes with base64 or hex",
            )
        columns = [utf8.well_formed(column) for column in batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _text(self, batch: pa.RecordBatch) -> Buffer:
        text = self._lines(batch)
        return self._charset.encode(text) if self._charset else text

    def _take_header(self) -> bytes:
        header, self._header = self._header, b""
        return header

    def _compress(self, pieces: list[Buffer]) -> bytes:
        return b"".join([self._stream.compress(piece) for piece in pieces])
