"""Names on the server: where an upload goes, what is taken, and renames that do not replace."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    TransferError,
)

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

FORCE_HINT = "Replace it with --force"


async def final_path(
    connection: RemoteFileSystem, path: str, name: str | None, *, replace: bool
) -> str:
    """Return the path of the file on the server; `path` may be its directory.

    Raises:
        RemoteExistsError: the file exists, and `replace` is false.
        TransferError: `path` is a directory, and the file has no name of its own.

    """
    found = await entry_if_any(connection, path)
    if name is None and (path.endswith("/") or (found and found.is_dir)):
        raise TransferError(
            "TARGET is a directory, and standard input has no name",
            host=connection.address,
            path=path,
            hint="Write the name of the file as well",
        )
    if found is None:
        return posixpath.join(path, name) if name and path.endswith("/") else path
    if found.is_dir and name:
        path = posixpath.join(path, name)
        if not await connection.exists(path):
            return path
    if not replace:
        raise already_exists(connection.address, path)
    return path


async def entry_if_any(connection: RemoteFileSystem, path: str) -> RemoteEntry | None:
    """Return what a path is, links followed; None: nothing has the name."""
    try:
        return await connection.stat(path)
    except RemoteNotFoundError:
        return None


async def make_directories(connection: RemoteFileSystem, path: str, *, parents: bool) -> None:
    """Create a directory; with `parents`, also its missing parents, and an existing one is fine.

    Raises:
        RemoteExistsError: the name is taken, or with `parents` a file is in the way.
        RemoteNotFoundError: the parent does not exist, and `parents` is false.

    """
    try:
        await (connection.makedirs if parents else connection.mkdir)(path)
    except RemoteExistsError as error:
        taken = error.path or path
        found = await entry_if_any(connection, taken)
        if found is not None and found.is_dir:
            raise
        raise RemoteExistsError(
            "A file is where the directory is to be",
            host=connection.address,
            path=taken,
            hint="Choose another name, or move the file away first",
        ) from error


def already_exists(host: str | None, path: str) -> RemoteExistsError:
    """Return the error for a name that is taken."""
    return RemoteExistsError("The file already exists", host=host, path=path, hint=FORCE_HINT)


async def rename(connection: RemoteFileSystem, old: str, new: str, *, replace: bool) -> None:
    """Rename a file; over an existing one only if `replace`.

    Raises:
        RemoteExistsError: the new name is taken.
        TransferError: the server refuses.

    """
    if replace:
        try:
            await connection.replace(old, new)
            return
        except RemoteUnsupportedError:
            # Without posix-rename, there is no file of that name for a moment.
            with suppress(RemoteNotFoundError):
                await connection.remove(new)
    elif await connection.exists(new):  # the rename of some servers would replace it
        raise RemoteExistsError(
            "Another program has created a file with this name meanwhile",
            host=connection.address,
            path=new,
            hint=FORCE_HINT,
        )
    try:
        await connection.rename(old, new)
    except RemoteUnsupportedError as error:
        raise TransferError(
            "The server cannot rename files, so an upload cannot be atomic",
            host=connection.address,
            path=new,
            hint="Jobs can write to it with commit_mode=direct",
        ) from error
