"""One task attempt: record batches in, part files staged on the server out.

Encoding happens on the calling thread (pyarrow releases the GIL), uploading on the runtime's loop,
and a byte budget between them makes the encoder, and so Spark, wait for the wire. A part that is
complete goes on uploading while the next one fills.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import posixpath
import threading
import uuid
from collections import deque
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    AcknowledgedDataLostError,
    EncodeError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.formats.base import RowFiles
from sftp_async.layout.part_names import PartFile
from sftp_async.progress.summary import Counters
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.checksums import verify
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload, UploadedFile
from sftp_async.write.part_writer import FillingPart, Upload
from sftp_async.write.partition_router import fan_out, most_open
from sftp_async.write.partitioner import Partitioning
from sftp_async.write.row_paths import safe_paths
from sftp_async.write.task_directories import TaskDirectories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.runtime import Runtime
    from sftp_async.remote.ssh import Connection

#: Part files of one task that may still be uploading beside those being filled.
TAILS = 8
#: The same where each row is a file: they are small, and each waits for the server several times.
ROW_FILES = 32
#: With `max_file_bytes`, a batch is encoded in slices of about this fraction of a file.
SLICES_PER_FILE = 8


class TaskWriter:
    """Writes one partition, once; make a new one for each attempt.

    Args:
        layout: where the job writes.
        options: resolved options.
        file_format: the format, checked against the schema.
        partition: Spark's partition id.
        runtime: the process's runtime.

    Peak memory, beside the encoders' own: `max_buffer_bytes`, plus one chunk for each open part;
    with `partition_by`, three times `sorting.GATHERED` for rows to be sorted.

    """

    def __init__(
        self,
        layout: Layout,
        options: SFTPOptions,
        file_format: Format,
        partition: int,
        runtime: Runtime,
    ) -> None:
        self._layout = layout
        self._options = options
        self._format = file_format
        self._partition = partition
        self._runtime = runtime
        self._attempt = uuid.uuid4().hex
        self._sequence = itertools.count()
        #: How far it is; grows on two threads, each its own numbers.
        self.counters = Counters()
        self._pool = runtime.pool(options)
        self._retry = RetryPolicy.of(options)
        self._budget = ByteBudget(options.max_buffer_bytes)
        self._partitioning = Partitioning(options.partition_by)
        self._most_open = (
            most_open(file_format.buffered_bytes)
            if options.partition_by
            else options.files_per_partition
        )
        tails = ROW_FILES if isinstance(file_format, RowFiles) else TAILS
        self._slots = threading.Semaphore(self._most_open + tails)
        self._uploads: deque[Upload] = deque()
        self._parts: list[PartFile] = []
        self._directories = TaskDirectories(layout, self._pool, self._retry)
        #: Of `commit_mode=direct`: what was written under final names, and who still writes.
        self._visible: list[str] = []
        self._running: set[asyncio.Task[Any]] = set()

    def write(self, batches: Iterable[pa.RecordBatch]) -> tuple[PartFile, ...]:
        """Encode and upload all batches.

        Returns:
            The part files, in the order of their rows; each one closed and its size confirmed.
            Empty if there was nothing to write. With `partition_by` one or more for each value,
            with a format of `RowFiles` one for each row.

        Raises:
            EncodeError: a value, or this partition, cannot be written in the format, or a value
                makes no partition directory.
            SFTPAsyncError: rows cannot be sorted on the local disk (`partition_by`).
            TransferError, ConnectError: the server or the way to it failed, retries included.

        On any error the uploads are cancelled; what was staged is left for the job's abort.

        """
        try:
            if isinstance(self._format, RowFiles):
                self._fill_row_files(batches, self._format)
            elif self._options.partition_by:
                self._fill_partitions(batches)
            else:
                self._fill_parts(batches)
            while self._uploads:
                self._parts.append(self._uploads.popleft().result())
            return tuple(self._parts)
        except BaseException:
            for upload in self._uploads:
                upload.future.cancel()
            if self._layout.direct:
                with suppress(SFTPAsyncError):
                    self._runtime.run(self._clear_up())
            raise

    def _fill_parts(self, batches: Iterable[pa.RecordBatch]) -> None:
        # An exact file keeps the order of the rows: its parts cannot fill side by side.
        lanes = 1 if self._layout.file_name is not None else self._options.files_per_partition
        side_by_side: list[FillingPart | None] = [None] * lanes
        turn = itertools.cycle(range(len(side_by_side)))
        for batch in self._checked(batches):
            lane = next(turn)
            side_by_side[lane] = self._fill(side_by_side[lane], batch)
        if not self._uploads and not self._parts and self._writes_when_empty():
            side_by_side[0] = self._open_part()
        for part in side_by_side:
            if part is not None:
                part.finish()

    def _fill_row_files(self, batches: Iterable[pa.RecordBatch], rows: RowFiles) -> None:
        """Write each row to its file; an empty DataFrame makes none."""
        for batch in self._checked(batches):
            for number, path in enumerate(safe_paths(rows, batch)):
                self._budget.check()
                part = self._open_part(path=path)
                part.add(batch.slice(number, 1))
                part.finish()

    def _fill_partitions(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Write each value's rows to files of its own; an empty DataFrame has no value."""
        under_way: dict[str, FillingPart | None] = {}
        rows = fan_out(self._checked(batches), self._partitioning, self._most_open)
        with closing(rows):
            for directory, some in rows:
                part = under_way.pop(directory, None)
                if some is not None:
                    under_way[directory] = self._fill(part, some, directory)
                elif part is not None:
                    part.finish()

    def _checked(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Leave out what is empty; stop when an upload has failed."""
        for batch in batches:
            if batch.num_rows:
                self._budget.check()
                self.counters.rows += batch.num_rows
                yield batch

    def _fill(
        self, part: FillingPart | None, batch: pa.RecordBatch, directory: str = ""
    ) -> FillingPart | None:
        """Add rows to a part, and to further ones as each is full; returns the one under way."""
        for piece in self._slices(batch):
            while piece.num_rows:
                if part is None:
                    part = self._open_part(directory)
                piece = part.add(piece)
                if part.full:
                    part.finish()
                    part = None
        return part

    def _writes_when_empty(self) -> bool:
        """Partition 0 stands for an empty DataFrame; an exact file's header comes from it, too."""
        return self._partition == 0 and (
            self._options.write_empty or self._layout.file_name is not None
        )

    def _slices(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        limit = self._options.max_file_bytes
        if not limit:
            yield batch
            return
        per_row = max(1, batch.nbytes // batch.num_rows)
        rows = max(1, limit // SLICES_PER_FILE // per_row)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)

    def _open_part(self, directory: str = "", path: str = "") -> FillingPart:
        sequence = next(self._sequence)
        exact = self._layout.file_name is not None
        if exact and (self._partition or sequence) and not self._format.concatenable:
            raise EncodeError(
                f"One exact file in {self._options.format} format cannot be joined from several "
                f"partitions, and partition {self._partition} has rows",
                path=self._layout.target,
                hint="Write df.coalesce(1), or give a directory as path",
            )
        while not self._slots.acquire(timeout=1):
            self._budget.check()
        # What is done need not be kept with all that it took to upload it.
        while self._uploads and self._uploads[0].future.done():
            self._parts.append(self._uploads.popleft().result())
        staged, final = self._layout.part_names(self._partition, sequence, self._attempt, directory)
        upload = self._start(staged, path or final)
        self._uploads.append(upload)
        # A joined file has one header: that of the first part of partition 0.
        header = not exact or (self._partition == 0 and sequence == 0)
        return FillingPart(upload, self._format.open(header=header), self._options)

    def _start(self, staged: str, final: str) -> Upload:
        path = self._layout.paths.staged(staged)
        transfer = FileUpload(
            path,
            self._pool,
            self._retry,
            self._acknowledged,
            None if self._options.channels_per_file == "auto" else self._options.channels_per_file,
            any_name=not self._layout.direct,
        )
        digests = {"sha256": hashlib.sha256()}
        if self._options.checksum_files == "md5":
            digests["md5"] = hashlib.md5(usedforsecurity=False)
        directory = posixpath.dirname(final)
        if self._layout.direct:
            self._visible.append(path)
        future = self._runtime.submit(self._run(transfer, digests["sha256"], directory))
        future.add_done_callback(self._ended)
        return Upload(
            self._runtime.loop, self._budget, transfer, digests, future, final, self._layout.direct
        )

    async def _run(
        self, transfer: FileUpload, digest: hashlib._Hash, directory: str
    ) -> UploadedFile:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            if self._layout.direct and directory:
                await self._directories.make(directory)
            file = await self._upload(transfer)
            if self._options.verify != "size":
                await self._verify(file, digest.hexdigest())
            return file
        except RemoteNotFoundError as error:
            raise TransferError(
                "The staging directory is gone: the job this task belongs to has ended",
                host=error.host,
                path=self._layout.staging,
            ) from error

    async def _upload(self, transfer: FileUpload) -> UploadedFile:
        try:
            file = await transfer.run()
        except AcknowledgedDataLostError:
            # Of an open file the name may be gone, with the whole job.
            async with self._pool.lease() as connection:
                await connection.stat(self._layout.staging)
            raise
        if self._layout.direct:
            # A staged file cannot outlive its job; one with a final name has to look.
            async with self._pool.lease() as connection:
                try:
                    await connection.stat(self._layout.staging)
                except RemoteNotFoundError:
                    await connection.remove(file.path)
                    await self._directories.unmake(connection)
                    raise
        return file

    async def _clear_up(self) -> None:
        """Remove what a task that fails has written under final names, if its job is over.

        Of a job that goes on, its commit or abort removes it.
        """
        await asyncio.gather(*self._running, return_exceptions=True)
        async with self._pool.lease() as connection:
            try:
                await connection.stat(self._layout.staging)
            except RemoteNotFoundError:
                for path in self._visible:
                    with suppress(RemoteNotFoundError):
                        await connection.remove(path)
                await self._directories.unmake(connection)

    async def _verify(self, file: UploadedFile, digest: str) -> None:
        async def step(connection: Connection) -> None:
            await verify(connection, file.path, 0, file.size, digest, self._options.verify)

        await run_operation(self._pool, self._retry, step, retry_connect=True)

    def _acknowledged(self, size: int) -> None:
        self.counters.bytes += size
        self._budget.release(size)

    def _ended(self, future: Future[UploadedFile]) -> None:
        self._slots.release()
        if future.cancelled():
            self._budget.fail(TransferError("The upload was cancelled"))
        elif (error := future.exception()) is not None:
            self._budget.fail(error)
        else:
            self.counters.files += 1
