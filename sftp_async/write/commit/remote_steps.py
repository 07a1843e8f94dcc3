"""Small remote steps that may be done twice without harm; and doing many of them at a time."""

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
    TransferError,
)
from sftp_async.layout.job_layout import uses_own_staging
from sftp_async.remote.concurrency import each

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.remote_steps")


#: Times that a directory is emptied before one gives up on tasks that go on filling it.
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


async def refuse_links(connection: RemoteFileSystem, *paths: str) -> None:
    """See that directories of ours are none that somebody else has chosen.

    Raises:
        CommitError: one is a symbolic link.

    """

    async def look(path: str) -> None:
        if await connection.is_link(path):
            raise CommitError(
                "A link is where a directory or file of this package's own should be",
                host=connection.address,
                path=path,
                hint="See who made it, and remove it",
            )

    await each(paths, look)


async def set_aside(connection: RemoteFileSystem, path: str, aside: str) -> None:
    """Rename a file out of the way, or back; it may be gone, and what is at `aside` stays."""
    with suppress(RemoteNotFoundError, RemoteExistsError):
        await connection.rename(path, aside)


async def remove_tree(connection: RemoteFileSystem, staging: str) -> None:
    """Remove a job's staging directory, which is flat; tasks may still be writing into it.

    They never make the directory, so once it is gone it stays gone. If they outrun this, or
    somebody put a directory inside, it is left to be swept by a later job.
    """
    for _ in range(CLEARINGS):
        try:
            await connection.rmdir(staging)
            return
        except RemoteNotFoundError:
            return
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            if await connection.is_link(staging):
                # What is behind it is none of ours.
                await remove_if_there(connection, staging)
                return
            with suppress(RemoteNotFoundError):
                names = [e.name for e in await connection.listdir(staging) if not e.is_dir]
                await each(
                    names, lambda name: remove_if_there(connection, posixpath.join(staging, name))
                )
    log.warning("%s could not be removed; a later write sweeps it", staging)


async def remove_staging_base(
    connection: RemoteFileSystem, staging_base: str, directory: str
) -> None:
    """Remove the directory of all staging directories, unless it is in use or the user's own.

    Never fails: the job is over by then, and an empty `_temporary` harms nobody.
    """
    if uses_own_staging(staging_base, directory):
        with suppress(TransferError):
            await connection.rmdir(staging_base)
