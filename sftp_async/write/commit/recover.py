"""What a new job does for those before it: finish interrupted commits, sweep abandoned staging."""

from __future__ import annotations

import logging
import posixpath
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteExistsError, RemoteNotFoundError, TransferError
from sftp_async.layout.job_layout import uses_own_staging
from sftp_async.write.commit import intent as intents
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.commit_marker import check_place, is_superseded
from sftp_async.write.commit.promote import finish, promote_all
from sftp_async.write.commit.remote_steps import (
    refuse_links,
    remove_if_there,
    remove_staging_base,
    remove_tree,
)
from sftp_async.write.commit.rollback import roll_back

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.recover")


@dataclass(frozen=True)
class Recovered:
    """What was found to do: commits and aborts carried to their end, and staging swept."""

    finished: int = 0
    swept: int = 0


async def recover_target(
    connection: RemoteFileSystem, layout: Layout, *, ttl: float, sweep_only: bool = False
) -> Recovered:
    """Carry interrupted commits to a target to their end, and sweep what is old; no more.

    Args:
        connection: to the server.
        layout: of a job that stands for this look at the target, and writes nothing.
        ttl: as for `recover`.
        sweep_only: as for `recover`.

    Raises:
        CommitError: an earlier commit cannot be finished.

    """
    if uses_own_staging(layout.staging_base, layout.directory):
        await refuse_links(connection, layout.staging_base)
    try:
        with suppress(RemoteExistsError):  # made by a request whose reply was lost
            await connection.mkdir(layout.staging)
    except RemoteNotFoundError:
        return Recovered()
    try:
        return await recover(
            connection,
            layout.staging_base,
            layout.directory,
            ttl=ttl,
            own_job=layout.job_id,
            sweep_only=sweep_only,
        )
    finally:
        with suppress(TransferError):
            await remove_tree(connection, layout.staging)
            await remove_staging_base(connection, layout.staging_base, layout.directory)


async def recover(
    connection: RemoteFileSystem,
    staging_base: str,
    directory: str,
    *,
    ttl: float,
    own_job: str = "",
    sweep_only: bool = False,
) -> Recovered:
    """Finish interrupted commits to `directory`, and sweep staging that nobody will use again.

    Args:
        connection: to the server.
        staging_base: directory of the staging directories; may be shared with other targets.
        directory: target whose interrupted commits to finish.
        ttl: age in seconds, by the server's own clock, from which staging without an intent is
            swept.
        own_job: id of the job that asks; its staging directory shows the server's time.
        sweep_only: leave interrupted commits to the next write.

    Raises:
        CommitError: an earlier commit cannot be finished: to write on top of it would mix the two.

    """
    listing = await connection.listdir(staging_base)
    names = {entry.name for entry in listing}
    directories = {entry.name for entry in listing if entry.is_dir}
    filed: dict[str, RemoteEntry] = {}
    for entry in listing:
        if (document := intent_store.document_of(entry.name)) is not None and not sweep_only:
            filed[document[0]] = entry
    finished: set[str] = set()
    # The oldest first: a later overwrite may remove what an earlier job made visible.
    for name in sorted(filed, key=lambda name: (filed[name].mtime, name)):
        for state in intents.STATES:
            if f"{name}.{state}.json" not in names:
                continue
            found = await intent_store.load(connection, staging_base, directory, name, state)
            if found is not None:
                if found.job_id in names - directories:
                    await refuse_links(connection, found.staging)
                await end(connection, found, state)
                finished.add(found.job_id)
                break
    # Their staging went with them, and was not abandoned.
    others = [entry for entry in listing if entry.name not in finished]
    swept = await _sweep(connection, staging_base, others, ttl, own_job)
    return Recovered(len(finished), swept)


async def end(connection: RemoteFileSystem, intent: intents.Intent, state: intents.State) -> None:
    """Carry an interrupted commit, or abort, to its end.

    Args:
        connection: to the server.
        intent: as it was found there.
        state: the state it was found in.

    """
    log.warning(
        "%s: job %s was interrupted (%s), carrying it to its end",
        intent.directory,
        intent.job_id,
        state,
    )
    if intent.once is not None:
        await check_place(connection, intent.directory, intent.once)
    if state in ("withdrawn", "undone") or await is_superseded(connection, intent):
        await roll_back(connection, intent, state)
        return
    if state == "intent":
        await promote_all(connection, intent, recovering=True)
    await finish(connection, intent)


async def _sweep(
    connection: RemoteFileSystem,
    staging_base: str,
    listing: list[RemoteEntry],
    ttl: float,
    own_job: str,
) -> int:
    """Remove what is older than `ttl`, compared with what was made just now on the same server."""
    now = next((entry.mtime for entry in listing if entry.name == own_job), 0.0)
    # Servers over object storage may not know a directory's time: 0 says nothing.
    old = [entry for entry in listing if now and entry.mtime and now - entry.mtime > ttl]
    if not old:
        return 0
    swept = 0
    for entry in old:
        path = posixpath.join(staging_base, entry.name)
        document = intent_store.document_of(entry.name)
        if document is not None and await intent_store.is_torn(connection, path):
            log.warning("%s: sweeping the intent of a commit that never began", path)
            await remove_tree(connection, posixpath.join(staging_base, document[0]))
            await remove_if_there(connection, path)
            swept += 1
    in_commit = await jobs_in_commit(connection, staging_base)
    for entry in old:
        if intents.JOB_ID.fullmatch(entry.name) and entry.name not in in_commit:
            path = posixpath.join(staging_base, entry.name)
            log.warning("%s: sweeping abandoned staging", path)
            link = await connection.is_link(path)
            await (remove_if_there if link else remove_tree)(connection, path)
            swept += 1
    return swept


async def jobs_in_commit(connection: RemoteFileSystem, staging_base: str) -> set[str]:
    """Return the jobs that documents name now: of other targets, or published since we looked."""
    jobs: set[str] = set()
    for entry in await connection.listdir(staging_base):
        if (document := intent_store.document_of(entry.name)) is not None:
            # One that cannot be read is filed under its job's id, as most are.
            jobs.add(document[0])
            named = await intent_store.job_of(connection, posixpath.join(staging_base, entry.name))
            if named is not None:
                jobs.add(named)
    return jobs
