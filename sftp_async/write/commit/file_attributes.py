"""Sets permissions, owner and time of data files before they are visible."""

from __future__ import annotations

import logging
import stat
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, RemoteNotFoundError, TransferError

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

log = logging.getLogger("sftp_async.write.commit.file_attributes")


async def set_attributes(connection: RemoteFileSystem, intent: Intent, path: str) -> None:
    """Give a data file the permissions and the time that the user asked for. Idempotent.

    A server's refusal is a warning in the log: the data counts more.
    """
    if intent.permissions is None and intent.modified is None:
        return
    try:
        await connection.set_attributes(path, intent.permissions, intent.modified)
    except (*UNKNOWN_OUTCOME, RemoteNotFoundError):
        raise
    except TransferError as error:
        log.warning("%s: its permissions or time stay as they are: %s", path, error)


async def keep_attributes(
    connection: RemoteFileSystem, old: RemoteEntry, path: str, *, permissions: bool
) -> None:
    """Give a staged file the owner, group and permissions of the file it replaces. Idempotent.

    A server's refusal is a warning in the log: the data counts more.

    Args:
        connection: to the server.
        old: the file that is replaced; what the server did not send of it is left alone.
        path: the staged file.
        permissions: whether the permissions are kept, too.

    """
    if old.is_link or (old.owner is None and old.mode is None):
        return
    try:
        new = await connection.stat(path)
    except RemoteNotFoundError:
        return  # the promotion reports a staged file that vanished
    if old.owner is not None and new.owner is not None and old.owner != new.owner:
        # First: a change of the owner may reset permissions.
        await _keep_owner(connection, old, old.owner, path, new.owner)
    if not permissions or old.mode is None or new.mode is None:
        return
    kept = stat.S_IMODE(old.mode) & 0o777
    if kept != stat.S_IMODE(new.mode) & 0o777 and not await _is_set(connection, path, mode=kept):
        log.warning(
            "%s: the server refuses to give the new file the permissions of the replaced one (%o)",
            old.name,
            kept,
        )


async def _keep_owner(
    connection: RemoteFileSystem,
    old: RemoteEntry,
    wanted: tuple[int, int],
    path: str,
    given: tuple[int, int],
) -> None:
    """Set owner and group, or the group alone: an account that is not root gives no files away."""
    if await _is_set(connection, path, owner=wanted):
        return
    lost = [
        what
        for what, one, other in zip(("user", "group"), wanted, given, strict=True)
        if one != other
    ]
    if lost == ["user", "group"] and await _is_set(connection, path, owner=(given[0], wanted[1])):
        lost = ["user"]
    log.warning(
        "%s: the server refuses to give the new file the %s of the replaced one (%d:%d)",
        old.name,
        " and ".join(lost),
        *wanted,
    )


async def _is_set(
    connection: RemoteFileSystem,
    path: str,
    *,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
) -> bool:
    try:
        await connection.set_attributes(path, mode, None, owner)
    except (*UNKNOWN_OUTCOME, RemoteNotFoundError):
        raise
    except TransferError as error:
        log.debug("%s: %s", path, error)
        return False
    return True
