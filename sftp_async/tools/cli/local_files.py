"""Writes what is downloaded to local files, atomically, and into pipes and devices directly."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import uuid
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from sftp_async.errors import SFTPAsyncError
from sftp_async.humanize import printable
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.tools.cli.remote_names import FORCE_HINT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Write = Callable[[bytes], Awaitable[None]]

T = TypeVar("T")

#: The bits of a mode that are kept; not set-user-ID and the like, which a write would clear.
PERMISSIONS = 0o777
_FLAGS = os.O_WRONLY | getattr(os, "O_BINARY", 0)


@asynccontextmanager
async def written(local: Path, *, replace: bool) -> AsyncIterator[Write]:
    """Provide the function that writes the content of a local file, which must not exist.

    A regular file appears under its name at the end, and not at all after an error. With `replace`
    it takes the place of an existing one, and has its permission bits; until then, no other user
    may read more of it. What exists and is no regular file, such as a pipe or a device, is written
    into, and stays what it is.

    Raises:
        SFTPAsyncError: the file exists, and `replace` is false.
        OSError: the file cannot be written.

    """
    mode = existing_mode(local) if replace else None
    if mode is not None and not stat.S_ISREG(mode):
        async with _written_into(local) as write:
            yield write
        return
    # Not derived from the name of `local`, which may be as long as a name can be.
    unfinished = local.parent / hidden_name("get", uuid.uuid4().hex)
    narrow = 0o666 if mode is None else mode & PERMISSIONS
    try:
        descriptor = os.open(unfinished, _FLAGS | os.O_CREAT | os.O_EXCL, narrow)
        with os.fdopen(descriptor, "wb") as sink:

            async def write_here(piece: bytes) -> None:
                sink.write(piece)

            yield write_here
            sink.flush()
            os.fsync(sink.fileno())
        if mode is not None:
            with suppress(OSError):  # of a file system without permissions
                unfinished.chmod(mode & PERMISSIONS)
        _name(unfinished, local, replace=replace)
    finally:
        unfinished.unlink(missing_ok=True)


def existing_mode(local: Path) -> int | None:
    """Return the `st_mode` of what a path leads to; None: there is nothing."""
    try:
        return local.stat().st_mode
    except OSError:
        return None


@asynccontextmanager
async def _written_into(local: Path) -> AsyncIterator[Write]:
    # Opening a pipe waits for its reader, and writing for a reader that is slow.
    descriptor = await on_thread(lambda: os.open(local, _FLAGS))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SFTPAsyncError(f"{printable(str(local))} was replaced meanwhile", hint="Try again")

    def write_all(piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    async def write(piece: bytes) -> None:
        try:
            await on_thread(lambda: write_all(piece))
        except BrokenPipeError:
            raise SFTPAsyncError(
                f"{printable(str(local))}: its reader has ended before the content"
            ) from None

    try:
        yield write
    except asyncio.CancelledError:
        raise  # a thread may still write: the file is closed with the process
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)


async def on_thread(function: Callable[[], T]) -> T:
    """Run what may wait without end on a thread of its own, which delays no end of the process."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.done():
            return  # cancelled
        if error is None:
            result.set_result(value)  # type: ignore[arg-type]
        else:
            result.set_exception(error)

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = function()
        except BaseException as raised:  # noqa: BLE001 - raised where it is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=work, name="sftp_async-wait", daemon=True).start()
    return await result


def _name(unfinished: Path, local: Path, *, replace: bool) -> None:
    if replace:
        unfinished.replace(local)
        return
    try:
        local.hardlink_to(unfinished)  # unlike a rename, it never replaces
    except FileExistsError:
        raise SFTPAsyncError(f"{printable(str(local))} already exists", hint=FORCE_HINT) from None
    except OSError:  # a file system without links
        if local.exists():
            raise
        unfinished.rename(local)
