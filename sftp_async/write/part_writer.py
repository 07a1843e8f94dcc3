"""A part file under way: rows through its encoder, bytes into chunks, chunks to its upload."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.layout.part_names import PartFile

if TYPE_CHECKING:
    import asyncio
    import hashlib
    from concurrent.futures import Future

    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.formats.base import PartEncoder
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.byte_budget import ByteBudget
    from sftp_async.remote.upload import FileUpload, UploadedFile


@dataclass
class Upload:
    """A part file under way, seen from the encoder's thread."""

    loop: asyncio.AbstractEventLoop
    budget: ByteBudget
    transfer: FileUpload
    #: Of what was sent so far, by algorithm.
    digests: dict[str, hashlib._Hash]
    future: Future[UploadedFile]
    final: str
    #: It is written under its final name.
    direct: bool
    rows: int = 0

    def send(self, chunk: memoryview) -> None:
        """Hand a chunk over; waits while the budget is used up."""
        for digest in self.digests.values():
            digest.update(chunk)
        self.budget.acquire(len(chunk))
        self.loop.call_soon_threadsafe(self.transfer.feed, chunk)

    def finish(self) -> None:
        """Say that it has had its last chunk."""
        self.loop.call_soon_threadsafe(self.transfer.end)

    def result(self) -> PartFile:
        """Wait for the end; raises what went wrong."""
        file = self.future.result()
        staged = self.final if self.direct else posixpath.basename(file.path)
        sums = {name: digest.hexdigest() for name, digest in self.digests.items()}
        return PartFile(
            staged, self.final, self.rows, file.size, sha256=sums["sha256"], md5=sums.get("md5", "")
        )


@dataclass
class FillingPart:
    """A part file being filled: rows through the encoder, bytes gathered into chunks."""

    upload: Upload
    encoder: PartEncoder
    options: SFTPOptions

    def __post_init__(self) -> None:
        self._gathered: list[memoryview] = []
        self._gathered_size = 0
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the next row belongs into another file."""
        rows, size = self.options.max_records_per_file, self.options.max_file_bytes
        return bool((rows and self.upload.rows >= rows) or (size and self._bytes >= size))

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take as many rows as may go into this file; returns the rest.

        Raises:
            EncodeError: a value cannot be written in the format.
            TransferError, ConnectError: an upload of this task has failed.

        """
        limit = self.options.max_records_per_file
        take = min(batch.num_rows, limit - self.upload.rows) if limit else batch.num_rows
        self._gather(self.encoder.encode(batch.slice(0, take)))
        self.upload.rows += take
        return batch.slice(take)

    def finish(self) -> None:
        """Send what is left, and the end of the file."""
        self._gather(self.encoder.finish())
        if self._gathered_size:
            self.upload.send(self._join())
        self.upload.finish()

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
            self.upload.send(joined[start : start + chunk_size])

    def _join(self) -> memoryview:
        gathered, self._gathered, self._gathered_size = self._gathered, [], 0
        return gathered[0] if len(gathered) == 1 else memoryview(b"".join(gathered))
