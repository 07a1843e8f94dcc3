"""Finds out what a refusal means where SFTP 3 has one status for several reasons.

A server answers "failure" to a name that is taken and to a full disk alike; a look at the path or
at the free space decides. `error_mapping` maps the statuses that are clear by themselves.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import (
    RemoteExistsError,
    RemoteFailureError,
    RemoteSpaceError,
    TransferError,
)
from sftp_async.remote.filesystem import FULL_DISK

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem


async def exists_or(
    error: TransferError, files: RemoteFileSystem, what: str, path: str
) -> TransferError:
    """Return the error for a taken name if something is at `path`, else `error`.

    Args:
        error: the refusal.
        files: where to look.
        what: was refused, for the message: `create the directory`.
        path: the name that the request needed.

    """
    if isinstance(error, RemoteFailureError) and await files.exists(path):
        return RemoteExistsError(f"Cannot {what}: It exists already", host=error.host, path=path)
    return error


async def space_or(
    error: TransferError, files: RemoteFileSystem, path: str, wanted: int
) -> TransferError:
    """Return the error for a full disk if little space is free, else `error`.

    Args:
        error: the refusal.
        files: where to look.
        path: the file that was written.
        wanted: bytes that the request needed.

    """
    if not isinstance(error, RemoteFailureError | RemoteSpaceError):
        return error
    free = await files.free_bytes(posixpath.dirname(path) or ".")
    if isinstance(error, RemoteSpaceError) or (free is not None and free < max(wanted, FULL_DISK)):
        left = "" if free is None else f": {free:,} bytes are free"
        full = RemoteSpaceError(
            f"The remote disk or quota is full{left}",
            host=files.address,
            path=path,
            hint="Free some space on the server, or write less (compression=gzip)",
        )
        full.free_bytes = free
        return full
    return error
