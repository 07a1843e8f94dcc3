"""Sets the permissions and the time of data files before they are visible."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, RemoteNotFoundError, TransferError

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem
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
