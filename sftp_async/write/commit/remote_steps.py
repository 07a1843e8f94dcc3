"""Small idempotent steps on the server that the modules of a commit share."""

from __future__ import annotations

import logging
import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    TransferError,
)
from sftp_async.layout.intent_names import pointer_name
from sftp_async.layout.target_paths import STAGING, STAGING_MARK
from sftp_async.remote.concurrency import each

if TYPE_CHECKING:
    from sftp_async.layout.target_paths import TargetPaths
    from sftp_async.remote.filesystem import RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.remote_steps")

#: Times that a directory is emptied before it is left to tasks that go on filling it.
CLEARINGS = 10


async def size_of(connection: RemoteFileSystem, path: str) -> int | None:
    """Return the size in bytes, or None if nothing is there."""
    try:
        return (await connection.stat(path)).size
    except RemoteNotFoundError:
        return None


async def remove_if_there(connection: RemoteFileSystem, path: str) -> None:
    """Remove a file that may have been removed before."""
    with suppress(RemoteNotFoundError):
        await connection.remove(path)


async def remove_leftover(connection: RemoteFileSystem, path: str) -> bool:
    """Remove a file that does no harm where it is; return whether it is gone.

    A server that refuses it leaves the file, which a warning names: no job fails for that.
    """
    try:
        await remove_if_there(connection, path)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        # Where the server refuses all removals, it does so before it looks for the file.
        if await connection.exists(path):
            log.warning("%s cannot be removed, and is left: %s", path, error.message)
            return False
    return True


async def refuse_links(connection: RemoteFileSystem, *paths: str) -> None:
    """Ensure that directories of this package are not behind symbolic links.

    Raises:
        CommitError: one is a symbolic link.

    """

    async def look(path: str) -> None:
        if await connection.is_link(path):
            raise CommitError(
                "Expected a directory or file created by sftp_async, found a symbolic link",
                host=connection.address,
                path=path,
                hint="Find out who created it and remove it",
            )

    await each(paths, look)


async def set_aside(connection: RemoteFileSystem, path: str, aside: str) -> None:
    """Rename a file out of the way, or back; it may be gone, and what is at `aside` stays."""
    with suppress(RemoteNotFoundError, RemoteExistsError):
        await connection.rename(path, aside)


async def remove_tree(connection: RemoteFileSystem, staging: str) -> None:
    """Remove a job's staging directory, which is flat; tasks may still be writing into it.

    They never make the directory, so once it is gone it stays gone. If they outrun this, or
    another program made a directory inside, or the server refuses it, it is left to be swept by a
    later job. Without MKDIR a file is in its place.
    """
    try:
        for _ in range(CLEARINGS):
            try:
                await connection.rmdir(staging)
                return
            except RemoteNotFoundError:
                # OpenSSH says the same where a file has the name.
                await remove_leftover(connection, staging)
                return
            except UNKNOWN_OUTCOME:
                raise
            except TransferError as error:
                refused = error
            if await connection.kind(staging) in ("link", "file"):
                # The directory behind a link is not this package's.
                await remove_if_there(connection, staging)
                return
            with suppress(RemoteNotFoundError):
                names = await _files_in(connection, staging)
                await each(
                    [name for name in names if name != STAGING_MARK],
                    lambda name: remove_if_there(connection, posixpath.join(staging, name)),
                )
                if STAGING_MARK in names:  # last: what is left then can still be swept
                    await remove_if_there(connection, posixpath.join(staging, STAGING_MARK))
                if not names and isinstance(refused, RemotePermissionError):
                    break
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        refused = error
    log.warning("%s could not be removed; a later write sweeps it (%s)", staging, refused.message)


async def release_claim(connection: RemoteFileSystem, paths: TargetPaths, claim: str) -> None:
    """Remove a claim, and the directory of claims if there is no other. Idempotent.

    Called once the holder can do nothing any more: its staging directory is gone, or it cannot
    publish its intent.
    """
    if not claim:
        return
    path = posixpath.join(paths.staging_base, claim)
    try:
        await connection.rmdir(path)
    except RemoteNotFoundError:
        pass  # a reply was lost, and the directory may be left; or another writer has done it
    except UNKNOWN_OUTCOME:
        raise
    except TransferError:
        # Where the server removes no directories, the staging directory stays, too.
        with suppress(RemoteNotFoundError, RemoteExistsError):
            await connection.rename(path, paths.in_staging(posixpath.basename(path)))
    with suppress(TransferError):
        await connection.rmdir(posixpath.dirname(path))


async def _files_in(connection: RemoteFileSystem, staging: str) -> list[str]:
    """List what is to be removed from a staging directory; the mark alone, if that is refused."""
    try:
        return [entry.name for entry in await connection.listdir(staging) if not entry.is_dir]
    except RemotePermissionError:
        if not await connection.exists(posixpath.join(staging, STAGING_MARK)):
            raise
        return [STAGING_MARK]


async def remove_staging_base(connection: RemoteFileSystem, paths: TargetPaths) -> None:
    """Remove the target's directory of all staging directories, unless it is in use.

    A job that stages elsewhere has a pointer there. Never fails: the job is over by then, and what
    stays does no harm.
    """
    inside = paths.final(STAGING)
    with suppress(TransferError):
        if not paths.staging_is_inside:
            await remove_if_there(connection, posixpath.join(inside, pointer_name(paths.job_id)))
        await connection.rmdir(inside)
