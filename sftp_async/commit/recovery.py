"""What a new job does for those before it: finish interrupted commits, sweep abandoned staging."""

from __future__ import annotations

import logging
import posixpath
import re
from typing import TYPE_CHECKING

from sftp_async.commit import intent as intents
from sftp_async.commit.promotion import finish, promote_all, undo
from sftp_async.commit.steps import remove_if_there, remove_tree

if TYPE_CHECKING:
    from sftp_async.transport import Connection, RemoteEntry

log = logging.getLogger("sftp_async.commit.recovery")

_JOB_ID = re.compile(r"[0-9a-f]{32}")


async def recover(
    connection: Connection, staging_base: str, directory: str, *, ttl: float, own_job: str = ""
) -> int:
    """Finish interrupted commits to `directory`, and sweep staging that nobody will use again.

    Args:
        connection: to the server.
        staging_base: directory of the staging directories; may be shared with other targets.
        directory: target whose interrupted commits to finish.
        ttl: age in seconds, by the server's own clock, from which staging without an intent is
            swept.
        own_job: id of the job that asks; its staging directory shows the server's time.

    Returns:
        How many commits were carried to their end, or aborts to theirs.

    Raises:
        CommitError: an earlier commit cannot be finished: to write on top of it would mix the two.

    """
    listing = await connection.listdir(staging_base)
    names = {entry.name for entry in listing}
    documents: dict[str, RemoteEntry] = {}
    for entry in listing:
        if (document := intents.document_of(entry.name)) is not None:
            documents[document[0]] = entry
    finished = 0
    # The oldest first: a later overwrite may remove what an earlier job made visible.
    for job in sorted(documents, key=lambda job: (documents[job].mtime, job)):
        for state in intents.STATES:
            if f"{job}.{state}.json" not in names:
                continue
            found = await intents.load(connection, staging_base, directory, job, state)
            if found is not None:
                await _end(connection, found, state, staged=job in names)
                finished += 1
                break
    await _sweep(connection, staging_base, listing, ttl, own_job)
    return finished


async def _end(
    connection: Connection, intent: intents.Intent, state: intents.State, *, staged: bool
) -> None:
    log.warning(
        "%s: job %s was interrupted (%s), carrying it to its end",
        intent.directory,
        intent.job_id,
        state,
    )
    if state == "withdrawn":
        await undo(connection, intent)
        return
    if state == "intent" and not (intent.by_copy and not staged):
        await promote_all(connection, intent, recovering=True)
    await finish(connection, intent)


async def _sweep(
    connection: Connection, staging_base: str, listing: list[RemoteEntry], ttl: float, own_job: str
) -> None:
    """Remove what is older than `ttl`, compared with what was made just now on the same server."""
    now = next((entry.mtime for entry in listing if entry.name == own_job), 0.0)
    in_commit = {found[0] for e in listing if (found := intents.document_of(e.name))}
    for entry in listing:
        # Servers over object storage may not know a directory's time: 0 says nothing.
        if not now or not entry.mtime or now - entry.mtime <= ttl:
            continue
        path = posixpath.join(staging_base, entry.name)
        document = intents.document_of(entry.name)
        if document is not None:
            if await intents.is_torn(connection, path):
                log.warning("%s: sweeping the intent of a commit that never began", path)
                await remove_tree(connection, posixpath.join(staging_base, document[0]))
                await remove_if_there(connection, path)
        elif _JOB_ID.fullmatch(entry.name) and entry.name not in in_commit:
            intent = intents.document_path(staging_base, entry.name, "intent")
            if not await connection.exists(intent):  # published since the listing?
                log.warning("%s: sweeping abandoned staging", path)
                await remove_tree(connection, path)
