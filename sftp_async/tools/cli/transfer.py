"""Uploads and downloads single files atomically, in bounded memory."""

from __future__ import annotations

import asyncio
import os
import posixpath
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sftp_async.errors import (
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    SFTPAsyncError,
    ShortReadError,
    TransferError,
)
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.download import read_range
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload, UploadedFile
from sftp_async.tools.cli.run import pool_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.ssh import Connection


@dataclass
class TransferProgress:
    """Counts the bytes and seconds of a transfer.

    Args:
        on_bytes: called with the bytes done and the bytes in total, or None.

    """

    on_bytes: Callable[[int, int], None] | None
    total: int = 0
    done: int = 0
    seconds: float = 0.0
    _started: float = field(default=0.0, repr=False)

    def start(self, total: int) -> None:
        """Set the number of bytes in total, and start the clock."""
        self.total, self._started = total, time.monotonic()
        self.add(0)

    def add(self, count: int) -> None:
        """Count more bytes as done."""
        self.done += count
        self.seconds = time.monotonic() - self._started
        if self.on_bytes is not None:
            self.on_bytes(self.done, self.total)


async def listing(options: SFTPOptions, path: str) -> list[RemoteEntry]:
    """Return the entries of a directory, or the entry of a file."""
    async with pool_of(options) as pool, pool.lease() as connection:
        found = await connection.stat(path)
        return await connection.listdir(path) if found.is_dir else [found]


# Download


async def download(
    options: SFTPOptions, path: str, local: Path, progress: TransferProgress, *, replace: bool
) -> int:
    """Download a file under a hidden name next to `local`, and rename it when it is complete.

    Returns:
        The size in bytes.

    Raises:
        SFTPAsyncError: the download failed, or the file changed meanwhile; no local file is left.
        OSError: the file cannot be written; no local file is left.

    """
    # Not derived from the name of `local`, which may be as long as a name can be.
    unfinished = local.parent / hidden_name("get", uuid.uuid4().hex)
    async with pool_of(options) as pool, pool.lease() as connection:
        found = await connection.stat(path)
        if found.is_dir:
            raise TransferError("It is a directory, not a file", host=options.address, path=path)
        if not local.parent.is_dir():
            raise SFTPAsyncError(
                f"The local directory {local.parent} does not exist", hint="Create it first"
            )
        try:
            with unfinished.open("xb") as sink:
                progress.start(found.size)
                try:
                    async with aclosing(read_range(connection, path, 0, found.size)) as pieces:
                        async for piece in pieces:
                            sink.write(piece)
                            progress.add(len(piece))
                except ShortReadError as error:
                    raise _changed(options.address, path) from error
                if await connection.stat(path) != found:
                    raise _changed(options.address, path)
                sink.flush()
                os.fsync(sink.fileno())
            _name_locally(unfinished, local, replace=replace)
        finally:
            unfinished.unlink(missing_ok=True)
    return found.size


def _changed(host: str | None, path: str) -> TransferError:
    return TransferError(
        "The file changed while it was read",
        host=host,
        path=path,
        hint="Another program may still write it: try again when it is complete",
    )


def _name_locally(unfinished: Path, local: Path, *, replace: bool) -> None:
    if replace:
        unfinished.replace(local)
        return
    try:
        local.hardlink_to(unfinished)  # unlike a rename, it never replaces
    except FileExistsError:
        raise SFTPAsyncError(f"{local} already exists", hint="Replace it with --force") from None
    except OSError:  # a file system without links
        if local.exists():
            raise
        unfinished.rename(local)


# Upload


async def upload(
    options: SFTPOptions, local: Path, path: str, progress: TransferProgress, *, replace: bool
) -> tuple[str, int]:
    """Upload a file under a hidden name, and rename it when it is complete.

    Returns:
        The remote path, and the size in bytes.

    Raises:
        SFTPAsyncError: the upload failed; no hidden file is left, if the server can be reached.

    """
    with local.open("rb") as source:
        progress.start(os.fstat(source.fileno()).st_size)
        async with pool_of(options) as pool:
            async with pool.lease() as connection:
                path = await _final_path(connection, path, local.name, replace=replace)
            hidden = posixpath.join(posixpath.dirname(path), hidden_name("put", uuid.uuid4().hex))
            blocks = iter(lambda: source.read(options.chunk_size), b"")
            try:
                size = await send(pool, options, blocks, hidden, progress.add)
                async with pool.lease() as connection:
                    await _rename(connection, hidden, path, replace=replace)
            except BaseException:
                with suppress(SFTPAsyncError):
                    async with pool.lease() as connection:
                        await connection.remove(hidden)
                raise
    return path, size


async def send(
    pool: ConnectionPool,
    options: SFTPOptions,
    blocks: Iterable[bytes],
    path: str,
    on_bytes: Callable[[int], None],
) -> int:
    """Write a new file from blocks, with no more than `max_buffer_bytes` of them in memory.

    Args:
        pool: the pool of connections.
        options: the options of the transfer; references need not be resolved.
        blocks: the blocks of the content; read on another thread.
        path: the remote path; it must not exist.
        on_bytes: called with each number of bytes that the server has acknowledged.

    Returns:
        The size in bytes that the server confirmed.

    """
    budget = ByteBudget(options.max_buffer_bytes)
    loop = asyncio.get_running_loop()

    def acknowledged(count: int) -> None:
        on_bytes(count)
        budget.release(count)

    def feed() -> None:
        for block in blocks:
            budget.acquire(len(block))
            loop.call_soon_threadsafe(file.feed, memoryview(block))
        loop.call_soon_threadsafe(file.end)

    def stop_feeding(ended: asyncio.Task[UploadedFile]) -> None:
        error = asyncio.CancelledError() if ended.cancelled() else ended.exception()
        if error is not None:
            budget.fail(error)

    file = FileUpload(
        path,
        pool,
        RetryPolicy.of(options),
        acknowledged,
        options.fixed_channels,
    )
    sending = asyncio.create_task(file.run())
    sending.add_done_callback(stop_feeding)
    thread = ThreadPoolExecutor(1)  # the loop's own executor has too few threads for `bench`
    feeding = loop.run_in_executor(thread, feed)
    try:
        await asyncio.shield(feeding)
        return (await sending).size
    finally:
        # A thread cannot be cancelled: it ends when it next asks the failed budget for bytes.
        sending.cancel()
        await asyncio.gather(sending, feeding, return_exceptions=True)
        thread.shutdown(wait=False)


async def _final_path(connection: Connection, path: str, name: str, *, replace: bool) -> str:
    """Return the path of the file on the server; `path` may be its directory."""
    try:
        found = await connection.stat(path)
    except RemoteNotFoundError:
        return posixpath.join(path, name) if path.endswith("/") else path
    if found.is_dir:
        path = posixpath.join(path, name)
        if not await connection.exists(path):
            return path
    if not replace:
        raise RemoteExistsError(
            "The file already exists",
            host=connection.address,
            path=path,
            hint="Replace it with --force",
        )
    return path


async def _rename(connection: Connection, hidden: str, path: str, *, replace: bool) -> None:
    if replace:
        try:
            await connection.replace(hidden, path)
            return
        except RemoteUnsupportedError:
            # Without posix-rename, there is no file of that name for a moment.
            with suppress(RemoteNotFoundError):
                await connection.remove(path)
    elif await connection.exists(path):  # the rename of some servers would replace it
        raise RemoteExistsError(
            "Another program has created a file with this name meanwhile",
            host=connection.address,
            path=path,
            hint="Replace it with --force",
        )
    try:
        await connection.rename(hidden, path)
    except RemoteUnsupportedError as error:
        raise TransferError(
            "The server cannot rename files, so an upload cannot be atomic",
            host=connection.address,
            path=path,
            hint="Jobs can write to it with commit_mode=direct",
        ) from error
