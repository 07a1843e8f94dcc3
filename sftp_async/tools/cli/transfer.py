"""Single files to and from a server, over the library's pool, in bounded memory."""

from __future__ import annotations

import asyncio
import os
import posixpath
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sftp_async.errors import (
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload
from sftp_async.tools.cli.run import pool_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.ssh import Connection, RemoteFile

#: Reads that are under way at once, each of a request's size: 4 MiB with OpenSSH.
READS = 16


@dataclass
class Watch:
    """Counts bytes and seconds of a transfer.

    Args:
        on_bytes: told the bytes done and the bytes in all, or None.

    """

    on_bytes: Callable[[int, int], None] | None
    total: int = 0
    done: int = 0
    seconds: float = 0.0
    _started: float = field(default=0.0, repr=False)

    def start(self, total: int) -> None:
        """Say how much there is to do; the clock runs from here."""
        self.total, self._started = total, time.monotonic()
        self.add(0)

    def add(self, count: int) -> None:
        """Say that so many bytes more are done."""
        self.done += count
        self.seconds = time.monotonic() - self._started
        if self.on_bytes is not None:
            self.on_bytes(self.done, self.total)


async def listing(options: SFTPOptions, path: str) -> list[RemoteEntry]:
    """Return the entries of a directory, or the one of a file."""
    async with pool_of(options) as pool, pool.lease() as connection:
        found = await connection.stat(path)
        return await connection.listdir(path) if found.is_dir else [found]


# There to here


async def download(
    options: SFTPOptions, path: str, local: Path, watch: Watch, *, replace: bool
) -> int:
    """Fetch a file into a hidden one beside `local`, and give it its name when it is complete.

    Returns:
        Its size in bytes.

    Raises:
        SFTPAsyncError: it could not be fetched, or changed meanwhile; nothing is left here.
        OSError: it could not be written here; nothing is left.

    """
    # Its own name may be as long as a name can be.
    unfinished = local.parent / f".sftp_async-{uuid.uuid4().hex}"
    async with pool_of(options) as pool, pool.lease() as connection:
        found = await connection.stat(path)
        if found.is_dir:
            raise TransferError("It is a directory, not a file", host=options.address, path=path)
        if not local.parent.is_dir():
            raise SFTPAsyncError(f"There is no directory {local.parent} here", hint="Make it first")
        try:
            with unfinished.open("xb") as sink:
                watch.start(found.size)
                file = await connection.open_read(path)
                request = connection.capabilities.max_read
                await _read_all(file, found.size, request, sink, watch)
                await file.close()
                if await connection.stat(path) != found:
                    raise _changed(options.address, path)
                sink.flush()
                os.fsync(sink.fileno())
            _name_locally(unfinished, local, replace=replace)
        finally:
            unfinished.unlink(missing_ok=True)
    return found.size


async def _read_all(
    file: RemoteFile, size: int, request: int, sink: BinaryIO, watch: Watch
) -> None:
    """Read a file of this size in order, several requests ahead."""
    under_way: deque[tuple[int, asyncio.Task[bytes]]] = deque()
    offset = 0
    try:
        while offset < size or under_way:
            while offset < size and len(under_way) < READS:
                count = min(request, size - offset)
                under_way.append((count, asyncio.create_task(file.read(count, offset))))
                offset += count
            count, task = under_way.popleft()
            data = await task
            if len(data) != count:
                raise _changed(None, file.path)
            sink.write(data)
            watch.add(count)
    finally:
        # Requests that are cancelled would cost the connection.
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _changed(host: str | None, path: str) -> TransferError:
    return TransferError(
        "The file changed while it was read",
        host=host,
        path=path,
        hint="Somebody may still write it: try again when it is complete",
    )


def _name_locally(unfinished: Path, local: Path, *, replace: bool) -> None:
    if replace:
        unfinished.replace(local)
        return
    try:
        local.hardlink_to(unfinished)  # unlike a rename, it never replaces
    except FileExistsError:
        raise SFTPAsyncError(f"{local} is there already", hint="Replace it with --force") from None
    except OSError:  # a file system without links
        if local.exists():
            raise
        unfinished.rename(local)


# Here to there


async def upload(
    options: SFTPOptions, local: Path, path: str, watch: Watch, *, replace: bool
) -> tuple[str, int]:
    """Send a file under a hidden name, and give it its own when it is complete.

    Returns:
        Where it is, and its size in bytes.

    Raises:
        SFTPAsyncError: it could not be sent; nothing is left there.

    """
    with local.open("rb") as source:
        watch.start(os.fstat(source.fileno()).st_size)
        async with pool_of(options) as pool:
            async with pool.lease() as connection:
                path = await _final_path(connection, path, local.name, replace=replace)
            hidden = posixpath.join(posixpath.dirname(path), f".sftp_async-{uuid.uuid4().hex}")
            blocks = iter(lambda: source.read(options.chunk_size), b"")
            try:
                size = await send(pool, options, blocks, hidden, watch.add)
                async with pool.lease() as connection:
                    await _give_name(connection, hidden, path, replace=replace)
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
    """Write a new file from blocks, no more than `max_buffer_bytes` of which are in memory.

    Args:
        pool: where connections come from.
        options: resolved or not; secrets are not looked at.
        blocks: of the content; taken on a thread of their own.
        path: where to; must not exist.
        on_bytes: told what the server has acknowledged.

    Returns:
        The size in bytes that the server confirmed.

    """
    held, room = 0, asyncio.Event()

    def acknowledged(count: int) -> None:
        nonlocal held
        held -= count
        room.set()
        on_bytes(count)

    transfer = FileUpload(
        path,
        pool,
        RetryPolicy(options.max_retries, options.retry_delay),
        acknowledged,
        None if options.channels_per_file == "auto" else options.channels_per_file,
    )
    sending = asyncio.create_task(transfer.run())
    sending.add_done_callback(lambda _: room.set())
    source = iter(blocks)
    try:
        while (block := await asyncio.to_thread(next, source, b"")) and not sending.done():
            while held and held + len(block) > options.max_buffer_bytes and not sending.done():
                room.clear()
                await room.wait()
            held += len(block)
            transfer.feed(memoryview(block))
        transfer.end()
        return await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _final_path(connection: Connection, path: str, name: str, *, replace: bool) -> str:
    """Return the file's path on the server; `path` may be its directory."""
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
            "The file is there already",
            host=connection.address,
            path=path,
            hint="Replace it with --force",
        )
    return path


async def _give_name(connection: Connection, hidden: str, path: str, *, replace: bool) -> None:
    if replace:
        try:
            await connection.replace(hidden, path)
            return
        except RemoteUnsupportedError:
            # Without posix-rename, the name is free for a moment.
            with suppress(RemoteNotFoundError):
                await connection.remove(path)
    elif await connection.exists(path):  # some servers' rename would replace it
        raise RemoteExistsError(
            "A file of that name has appeared meanwhile",
            host=connection.address,
            path=path,
            hint="Replace it with --force",
        )
    try:
        await connection.rename(hidden, path)
    except RemoteUnsupportedError as error:
        raise TransferError(
            "The server cannot rename files, so none can appear whole",
            host=connection.address,
            path=path,
            hint="Jobs write to it with commit_mode=direct",
        ) from error
