"""Fills one part file: rows through its encoder, bytes into chunks, chunks to its upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.formats.base import PartEncoder
    from sftp_async.options import SFTPOptions
    from sftp_async.write.part_uploads import PartUpload


@dataclass
class PartWriter:
    """Writes the rows of one part file."""

    part: PartUpload
    encoder: PartEncoder
    options: SFTPOptions

    def __post_init__(self) -> None:
        self._send = self.part.handle.send
        self._gathered: list[memoryview] = []
        self._gathered_size = 0
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the next row belongs to another file."""
        rows, size = self.options.max_records_per_file, self.options.max_file_bytes
        held = self._bytes + self.encoder.held_bytes
        return bool((rows and self.part.rows >= rows) or (size and held >= size))

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take as many rows as may go into this file; returns the rest.

        Raises:
            EncodeError: a value cannot be written in the format.
            TransferError, ConnectError: an upload of this task has failed.

        """
        limit = self.options.max_records_per_file
        take = min(batch.num_rows, limit - self.part.rows) if limit else batch.num_rows
        taken = batch.slice(0, take)
        self._gather(self.encoder.encode(taken))
        if self.part.sums is not None:
            self.part.sums.add(taken)
        self.part.rows += take
        return batch.slice(take)

    def finish(self) -> None:
        """Send what is left, and the end of the file."""
        for piece in self.encoder.tail():
            self._gather(piece)
        self.part.content, self.part.key_packet = self.encoder.content, self.encoder.key_packet
        if self._gathered_size:
            self._send(self._join())
        self.part.handle.finish()

    def _gather(self, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        if not len(view):
            return
        self._bytes += len(view)
        self._gathered.append(view)
        self._gathered_size += len(view)
        chunk_size = self.options.chunk_size
        if self._gathered_size < chunk_size:
            return
        joined = self._join()
        for start in range(0, len(joined), chunk_size):
            self._send(joined[start : start + chunk_size])

    def _join(self) -> memoryview:
        gathered, self._gathered, self._gathered_size = self._gathered, [], 0
        return gathered[0] if len(gathered) == 1 else memoryview(b"".join(gathered))
