"""Writes and reads commit markers: a job with an idempotency key is committed once."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError
from sftp_async.write.commit.remote_steps import refuse_links, remove_if_there

if TYPE_CHECKING:
    from sftp_async.layout.once import IdempotencyKey
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

#: Micro-batches of a query whose markers are kept. Spark replays the last one only; it keeps what
#: it would need for as many (spark.sql.streaming.minBatchesToRetain).
KEPT = 100
#: Bytes of a marker that is read. A marker is a line; anything larger is another program's file.
LARGEST = 64 * 1024
#: The job of a marker that does not parse: its writer was interrupted.
UNKNOWN = ""


async def write(connection: RemoteFileSystem, intent: Intent) -> None:
    """Mark the job as committed; all of it is visible by now. Idempotent."""
    assert intent.once is not None
    text = {
        "job_id": intent.paths.job_id,
        "files": len(intent.parts),
        "rows": sum(part.rows for part in intent.parts),
        "bytes": sum(part.size for part in intent.parts),
    }
    path, data = _path(intent.paths.directory, intent.once), json.dumps(text).encode()
    try:
        await connection.write_file(path, data)
    except RemoteNotFoundError:
        await connection.makedirs(posixpath.dirname(path))
        await connection.write_file(path, data)
    outdated = intent.once.earlier(KEPT)
    if outdated is not None:
        await remove_if_there(connection, _path(intent.paths.directory, outdated))


async def check_place(connection: RemoteFileSystem, directory: str, once: IdempotencyKey) -> None:
    """Ensure that the marker will be in the target, where every attempt looks for it.

    Raises:
        CommitError: a link leads elsewhere.

    """
    path = _path(directory, once)
    scope = posixpath.dirname(path)
    await refuse_links(connection, posixpath.dirname(scope), scope, path)


async def committed_by(
    connection: RemoteFileSystem, directory: str, once: IdempotencyKey
) -> str | None:
    """Return the id of the attempt that was committed, `UNKNOWN`, or None: there was none yet."""
    try:
        data = await connection.read_file(_path(directory, once), LARGEST)
    except RemoteNotFoundError:
        return None
    try:
        return str(json.loads(data)["job_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN


async def is_superseded(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether another attempt was committed: then nothing of this one may become visible."""
    if intent.once is None:
        return False
    found = await committed_by(connection, intent.paths.directory, intent.once)
    # A writer that was interrupted in its marker had this intent: two are never executed.
    return found not in (None, UNKNOWN, intent.paths.job_id)


def _path(directory: str, once: IdempotencyKey) -> str:
    return posixpath.join(directory, once.marker)
