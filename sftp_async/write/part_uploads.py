"""Runs the uploads of one task attempt: how many at once, how much in memory, and their results.

A part that is complete goes on uploading while the next one fills. A byte budget that all uploads
share makes the encoder's thread, and so Spark, wait for the server.
"""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    AcknowledgedDataLostError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.formats.values.exact_sums import ExactSums
from sftp_async.layout.part_names import PartFile
from sftp_async.options.control_template import sum_columns
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.checksums import verify
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload, UploadedFile
from sftp_async.write.in_place import InPlaceCleanup
from sftp_async.write.upload_handle import UploadHandle

if TYPE_CHECKING:
    from sftp_async.formats.archive_frame import Content
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions
    from sftp_async.progress.summary import Counters
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.remote.runtime import Runtime


@dataclass
class PartUpload:
    """One part file in flight, seen from the thread that encodes it."""

    handle: UploadHandle
    #: Of what was sent so far, by algorithm.
    digests: dict[str, hashlib._Hash]
    final: str
    #: It is written under its final name.
    in_place: bool
    #: Of its rows; None: no control record holds any.
    sums: ExactSums | None = None
    #: Rows that its encoder has taken.
    rows: int = 0
    #: What an archive around it states of it: see `PartEncoder.content`.
    content: Content | None = None
    #: See `PartEncoder.key_packet`.
    key_packet: bytes = b""

    def result(self) -> PartFile:
        """Wait for the end of the upload; raises as `UploadHandle.result`."""
        file = self.handle.result()
        staged = self.final if self.in_place else posixpath.basename(file.path)
        digests = {name: digest.hexdigest() for name, digest in self.digests.items()}
        return PartFile(
            staged,
            self.final,
            self.rows,
            file.size,
            sha256=digests["sha256"],
            md5=digests.get("md5", ""),
            plain_size=self.content.size if self.content else 0,
            crc32=self.content.crc32 if self.content else 0,
            sums=() if self.sums is None else tuple(self.sums.unscaled),
            key_packet=self.key_packet,
        )


class PartUploads:
    """The part files that one task attempt uploads, in the order in which they were started.

    Args:
        layout: where the job writes.
        options: resolved options.
        runtime: the process's runtime.
        counters: grow by the files and bytes that the server has.
        most: uploads in flight at once, those of parts that still fill included.

    """

    def __init__(
        self,
        layout: Layout,
        options: SFTPOptions,
        runtime: Runtime,
        counters: Counters,
        most: int,
    ) -> None:
        self._layout = layout
        self._options = options
        self._runtime = runtime
        self._counters = counters
        self._pool = runtime.pool(options)
        self._retry = RetryPolicy.of(options)
        self._budget = ByteBudget(options.max_buffer_bytes)
        #: Raises the error of an upload that has failed, if one has; called for each batch.
        self.check = self._budget.check
        self._sum_columns = sum_columns(options.header_lines, options.footer_lines)
        self._slots = threading.Semaphore(most)
        self._in_flight: deque[PartUpload] = deque()
        self._parts: list[PartFile] = []
        #: Tasks of the event loop that run the uploads; touched on its thread alone.
        self._running: set[asyncio.Task[Any]] = set()
        self._in_place = InPlaceCleanup(layout, self._pool, self._retry) if layout.direct else None

    @property
    def started(self) -> bool:
        """Whether there is a part file, complete or not."""
        return bool(self._in_flight or self._parts)

    def start(self, staged: str, final: str) -> PartUpload:
        """Start an upload; waits while there are too many.

        Args:
            staged: name of the part file in staging.
            final: path of the visible file, relative to the target.

        Raises:
            TransferError, ConnectError: another upload has failed.

        """
        while not self._slots.acquire(timeout=1):
            self.check()
        # The result of an ended upload takes less memory than the upload.
        while self._in_flight and self._in_flight[0].handle.done:
            self._parts.append(self._in_flight.popleft().result())
        path = self._layout.paths.staged(staged)
        upload = FileUpload(
            path,
            self._pool,
            self._retry,
            self._acknowledged,
            None if self._options.channels_per_file == "auto" else self._options.channels_per_file,
            any_name=self._in_place is None,
            check_size=self._options.verify != "none",
        )
        if self._in_place is not None:
            self._in_place.add(path)
        digests = {"sha256": hashlib.sha256()}
        if self._options.checksum_files == "md5":
            digests["md5"] = hashlib.md5(usedforsecurity=False)
        work = self._run(upload, digests["sha256"], posixpath.dirname(final))
        handle = UploadHandle(self._runtime, self._budget, upload, work, digests)
        sums = ExactSums(self._sum_columns) if self._sum_columns else None
        part = PartUpload(handle, digests, final, self._layout.direct, sums)
        self._in_flight.append(part)
        handle.on_end(self._ended)
        return part

    def results(self) -> tuple[PartFile, ...]:
        """Wait for all uploads, and return the part files in the order of their start.

        Raises:
            TransferError, ConnectError: one has failed, retries included.

        """
        while self._in_flight:
            self._parts.append(self._in_flight.popleft().result())
        return tuple(self._parts)

    def cancel(self) -> None:
        """Stop all uploads of a task that has failed."""
        for part in self._in_flight:
            part.handle.cancel()
        if self._in_place is not None:
            with suppress(SFTPAsyncError):
                self._runtime.run(self._clean_up(self._in_place))

    async def _clean_up(self, in_place: InPlaceCleanup) -> None:
        await asyncio.gather(*self._running, return_exceptions=True)
        await in_place.run()

    async def _run(self, upload: FileUpload, digest: hashlib._Hash, directory: str) -> UploadedFile:
        """Upload a file and verify it."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            if self._in_place is not None and directory:
                await self._in_place.make_directory(directory)
            file = await self._upload(upload)
            if self._options.verify not in ("size", "none"):
                await self._verify(file, digest.hexdigest())
            return file
        except RemoteNotFoundError as error:
            raise TransferError(
                "The staging directory is gone: the job this task belongs to has ended",
                host=error.host,
                path=self._layout.staging,
            ) from error

    async def _upload(self, upload: FileUpload) -> UploadedFile:
        try:
            file = await upload.run()
        except AcknowledgedDataLostError:
            # The whole job may be gone, and with it the name of the open file.
            async with self._pool.lease() as connection:
                await connection.stat(self._layout.staging)
            raise
        if self._in_place is not None:
            await self._in_place.check_job(file.path)
        return file

    async def _verify(self, file: UploadedFile, digest: str) -> None:
        async def step(connection: RemoteFileSystem) -> None:
            await verify(connection, file.path, 0, file.size, digest, self._options.verify)

        await run_operation(self._pool, self._retry, step, retry_connect=True)

    def _acknowledged(self, size: int) -> None:
        self._counters.bytes += size
        self._budget.release(size)

    def _ended(self, error: BaseException | None) -> None:
        self._slots.release()
        if error is None:
            self._counters.files += 1
        else:
            self._budget.fail(error)
