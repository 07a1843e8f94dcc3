"""Uploads and downloads a file atomically, in bounded memory."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import posixpath
import stat
import sys
import threading
import time
import uuid
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from sftp_async.errors import (
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteUnsupportedError,
    SFTPAsyncError,
    ShortReadError,
    TransferError,
)
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.options.write import fixed_channels
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.download import read_range
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload, UploadedFile
from sftp_async.tools.cli.local_files import PERMISSIONS, written
from sftp_async.tools.cli.remote_names import entry_if_any, rename

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from pathlib import Path

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.remote.pool import ConnectionPool


@dataclass
class TransferProgress:
    """Counts the bytes and seconds of a transfer.

    Args:
        on_bytes: called with the bytes done and the bytes in total (None: not known), or None.

    """

    on_bytes: Callable[[int, int | None], None] | None
    total: int | None = 0
    done: int = 0
    seconds: float = 0.0
    _started: float = field(default=0.0, repr=False)

    def start(self, total: int | None) -> None:
        """Set the number of bytes in total, and start the clock."""
        self.total, self._started = total, time.monotonic()
        self.add(0)

    def add(self, count: int) -> None:
        """Count more bytes as done."""
        self.done += count
        self.seconds = time.monotonic() - self._started
        if self.on_bytes is not None:
            self.on_bytes(self.done, self.total)


# Download


async def download(
    pool: ConnectionPool,
    path: str,
    local: Path,
    on_bytes: Callable[[int], None],
    *,
    replace: bool,
) -> int:
    """Download a file to `local`: atomically, unless it is a pipe or a device.

    Returns:
        The size in bytes.

    Raises:
        SFTPAsyncError: the download failed, or the file changed meanwhile; no local file is left.
        OSError: the file cannot be written; no local file is left.

    """
    async with written(local, replace=replace) as write, pool.lease() as connection:
        return await copy_out(connection, path, write, on_bytes)


async def copy_out(
    connection: RemoteFileSystem,
    path: str,
    write: Callable[[bytes], Awaitable[None]],
    on_bytes: Callable[[int], None],
) -> int:
    """Pass the content of a remote file on in order, and return its size in bytes.

    Raises:
        TransferError: the file could not be read, or changed meanwhile.

    """
    found = await connection.stat(path)
    if found.is_dir:
        raise TransferError(
            "It is a directory, not a file",
            host=connection.address,
            path=path,
            hint="Add -r for all that is in it, where the command has it",
        )
    try:
        async with aclosing(read_range(connection, path, 0, found.size)) as pieces:
            async for piece in pieces:
                await write(piece)
                on_bytes(len(piece))
    except ShortReadError as error:
        raise _changed(connection.address, path) from error
    if await connection.stat(path) != found:
        raise _changed(connection.address, path)
    return found.size


def _changed(host: str | None, path: str) -> TransferError:
    return TransferError(
        "The file changed while it was read",
        host=host,
        path=path,
        hint="Another program may still write it: try again when it is complete",
    )


# Upload


class Source:
    """What is uploaded: a local file, a pipe, or standard input.

    Args:
        path: the file; None is standard input.

    Attributes:
        size: in bytes; None: it is known at the end.
        permissions: of a regular file, for the copy of it; None: it is none.

    Raises:
        OSError: it cannot be opened, or is a directory.

    """

    def __init__(self, path: Path | None) -> None:
        self._file: BinaryIO | None = None
        self._descriptor: int | None = None
        self.size: int | None = None
        self.permissions: int | None = None
        if path is not None:
            opened = path.open("rb", buffering=0)
            status = os.fstat(opened.fileno())
            if stat.S_ISREG(status.st_mode):
                self.size = status.st_size
                self.permissions = status.st_mode & PERMISSIONS
            self._file = opened
        elif sys.stdin is None:
            raise OSError(errno.EBADF, "Standard input is closed")
        elif isinstance(sys.stdin.buffer, io.BufferedReader):
            self._descriptor = sys.stdin.fileno()
        else:
            self._file = sys.stdin.buffer  # of a test

    @property
    def waits(self) -> bool:
        """Whether a read may wait without end, for the program that writes to a pipe."""
        return self.size is None

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the content in blocks of up to `size` bytes."""
        if self._descriptor is not None:
            # Not through the buffered reader: a thread that waits in it would block the exit.
            while block := os.read(self._descriptor, size):
                yield block
        else:
            assert self._file is not None
            while block := self._file.read(size):
                yield block

    def close(self) -> None:
        """Close the file; not what a thread may still wait for: it ends with the process."""
        if self._file is not None and not self.waits:
            self._file.close()


async def upload(
    pool: ConnectionPool,
    options: SFTPOptions,
    source: Source,
    path: str,
    on_bytes: Callable[[int], None],
    *,
    replace: bool,
    budget_bytes: int | None = None,
) -> int:
    """Upload under a hidden name, and rename the file when it is complete.

    A file that replaces another has its permission bits, and a new one those of the local file,
    less what the server takes away from new files; `file_permissions` of the options counts more.
    At no moment has it more than at the end, but for those of its owner, where the server creates
    files with the bits that it is asked for.

    Returns:
        The size in bytes.

    Raises:
        SFTPAsyncError: the upload failed; no hidden file is left, if the server can be reached.

    """
    hidden = posixpath.join(posixpath.dirname(path), hidden_name("put", uuid.uuid4().hex))
    blocks = source.blocks(options.chunk_size)
    try:
        wanted = await _Permissions.of(pool, options, source, path, replace=replace)
        try:
            size = await send(
                pool,
                options,
                blocks,
                hidden,
                on_bytes,
                budget_bytes=budget_bytes,
                waits=source.waits,
                permissions=wanted.first,
            )
        except RemoteNotFoundError as error:
            raise RemoteNotFoundError(
                "The directory of the file does not exist",
                host=error.host,
                path=posixpath.dirname(path) or ".",
                hint="Create it first, or add --create-dirs",
            ) from error
        async with pool.lease() as connection:
            await wanted.complete(connection, hidden)
            await rename(connection, hidden, path, replace=replace)
    except BaseException:
        with suppress(SFTPAsyncError):
            async with pool.lease() as connection:
                await connection.remove(hidden)
        raise
    return size


@dataclass(frozen=True)
class _Permissions:
    """The permission bits of a remote file.

    Attributes:
        bits: at the end; None: the server decides.
        exact: the server's umask does not count.

    """

    bits: int | None
    exact: bool = False

    @classmethod
    async def of(
        cls,
        pool: ConnectionPool,
        options: SFTPOptions,
        source: Source,
        path: str,
        *,
        replace: bool,
    ) -> _Permissions:
        if options.file_permissions is not None:
            return cls(int(options.file_permissions, 8), exact=True)
        if replace:
            async with pool.lease() as connection:
                found = await entry_if_any(connection, path)
            if found is not None and found.mode is not None:
                return cls(found.mode & PERMISSIONS, exact=True)
        return cls(source.permissions)

    @property
    def first(self) -> int | None:
        """Those of the file while it is written: its owner may have to open it once more."""
        return None if self.bits is None else self.bits & PERMISSIONS | stat.S_IRUSR | stat.S_IWUSR

    async def complete(self, connection: RemoteFileSystem, path: str) -> None:
        """Set what the server has not set at the creation; it may refuse."""
        if self.bits is None:
            return
        with suppress(RemotePermissionError, RemoteUnsupportedError, RemoteFailureError):
            found = (await connection.lstat(path)).mode
            bits = self.bits
            if found is not None and not self.exact:
                bits &= found
            if found is None or bits != stat.S_IMODE(found):
                await connection.set_attributes(path, bits, None)


async def send(
    pool: ConnectionPool,
    options: SFTPOptions,
    blocks: Iterable[bytes],
    path: str,
    on_bytes: Callable[[int], None],
    *,
    budget_bytes: int | None = None,
    waits: bool = False,
    permissions: int | None = None,
) -> int:
    """Write a new file from blocks, with a bounded number of their bytes in memory.

    Args:
        pool: the pool of connections.
        options: the options of the transfer; references need not be resolved.
        blocks: the blocks of the content; read on another thread.
        path: the remote path; it must not exist.
        on_bytes: called with each number of bytes that the server has acknowledged.
        budget_bytes: most bytes of the blocks in memory; `max_buffer_bytes` if not given.
        waits: a block may not come for a long time: after an error, or a cancellation, the thread
            is left behind instead of waited for.
        permissions: permission bits to create the file with; None: those of the server.

    Returns:
        The size in bytes that the server confirmed.

    """
    budget = ByteBudget(budget_bytes or options.max_buffer_bytes)
    loop = asyncio.get_running_loop()
    fed: asyncio.Future[None] = loop.create_future()

    def acknowledged(count: int) -> None:
        on_bytes(count)
        budget.release(count)

    def feed() -> None:
        error: BaseException | None = None
        try:
            for block in blocks:
                budget.acquire(len(block))
                loop.call_soon_threadsafe(file.feed, memoryview(block))
        except BaseException as raised:  # noqa: BLE001 - raised where the thread is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, error)

    def finish(error: BaseException | None) -> None:
        if fed.done():
            return
        if error is None:
            file.end()
            fed.set_result(None)
        else:
            fed.set_exception(error)

    def stop_feeding(ended: asyncio.Task[UploadedFile]) -> None:
        error = asyncio.CancelledError() if ended.cancelled() else ended.exception()
        if error is not None:
            budget.fail(error)
            if waits and not fed.done():
                fed.set_exception(error)

    file = FileUpload(
        path,
        pool,
        RetryPolicy.of(options),
        acknowledged,
        fixed_channels(options),
        permissions=permissions,
    )
    sending = asyncio.create_task(file.run())
    sending.add_done_callback(stop_feeding)
    # A daemon: it must not delay the end of the process.
    threading.Thread(target=feed, name="sftp_async-feed", daemon=True).start()
    try:
        await asyncio.shield(fed)
        return (await sending).size
    finally:
        # A thread cannot be cancelled: it ends when it next asks the failed budget for bytes.
        budget.fail(asyncio.CancelledError())
        sending.cancel()
        if waits and not fed.done():
            fed.cancel()
        await asyncio.gather(sending, fed, return_exceptions=True)
