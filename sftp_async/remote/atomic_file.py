"""Writes small files atomically: under a temporary name first, then renamed, and read back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteExistsError, RemoteNotFoundError, RemoteUnsupportedError

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem


async def create(filesystem: RemoteFileSystem, path: str, data: bytes, *, draft: str) -> None:
    """Write a new file: readers see all of it or nothing.

    Args:
        filesystem: where.
        path: of the file; must be free.
        data: its content.
        draft: temporary path, on the same disk. It is left behind if the file cannot be renamed.

    Raises:
        RemoteExistsError: the path is taken. Some servers (SFTPGo) replace the file instead.
        RemoteUnsupportedError: the server cannot rename files.

    """
    await filesystem.write_file(draft, data)
    await filesystem.rename(draft, path)


async def replace(
    filesystem: RemoteFileSystem, path: str, data: bytes, *, draft: str, aside: str | None = None
) -> None:
    """Write a file over an old one, or a new one: readers see all of either.

    On a server without posix-rename there is no file for a moment. Takes and raises the same as
    `create`, and `aside`: where the old file goes then; None: it is removed.
    """
    await filesystem.write_file(draft, data)
    try:
        await filesystem.replace(draft, path)
    except RemoteUnsupportedError:
        with suppress(RemoteNotFoundError, RemoteExistsError):
            await (filesystem.remove(path) if aside is None else filesystem.rename(path, aside))
        await filesystem.rename(draft, path)


async def holds(filesystem: RemoteFileSystem, path: str, data: bytes) -> bool:
    """Read a file back: whether it begins with this data."""
    file = await filesystem.open_read(path)
    kept = await file.read(len(data), 0)
    await file.close()
    return kept == data
