"""What recovery would find to do in a target: looked at, and left as it is."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sftp_async.errors import RemoteNotFoundError
from sftp_async.write.commit import intent as intents
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.commit_marker import is_superseded
from sftp_async.write.commit.recover import jobs_in_commit

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

#: How an interrupted commit ends: its files become visible; they are, and what they replace goes;
#: they are taken back.
End = Literal["complete", "clear up", "take back"]


@dataclass(frozen=True)
class Interrupted:
    """A commit, or an abort, that somebody has begun; it may still be under way.

    `files`, `rows` and `bytes` are those of the job; `age` in seconds.
    """

    job_id: str
    end: End
    files: int
    rows: int
    bytes: int
    age: float


@dataclass(frozen=True)
class Abandoned:
    """Staging that no commit names and that is older than the bound; `age` in seconds."""

    path: str
    age: float


@dataclass(frozen=True)
class Found:
    """What there is to do: commits to be ended, the oldest first, and staging to be swept."""

    interrupted: tuple[Interrupted, ...] = ()
    abandoned: tuple[Abandoned, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.interrupted or self.abandoned)


async def survey(connection: RemoteFileSystem, layout: Layout, *, ttl: float, now: float) -> Found:
    """Find what `recover_target` would do, and change nothing.

    Args:
        connection: to the server.
        layout: of a job that stands for this look at the target.
        ttl: age in seconds from which staging without an intent is abandoned.
        now: the time that ages are counted from, in seconds since 1970.

    Raises:
        CommitError: an earlier commit cannot be finished.

    """
    try:
        listing = await connection.listdir(layout.staging_base)
    except RemoteNotFoundError:
        return Found()
    interrupted = await _interrupted(connection, layout, listing, now)
    ended = {found.job_id for found in interrupted}
    old = [
        entry
        for entry in listing
        if entry.mtime and now - entry.mtime > ttl and entry.name not in ended
    ]
    return Found(tuple(interrupted), tuple(await _abandoned(connection, layout, old, now)))


async def _interrupted(
    connection: RemoteFileSystem, layout: Layout, listing: list[RemoteEntry], now: float
) -> list[Interrupted]:
    names = {entry.name for entry in listing}
    filed: dict[str, RemoteEntry] = {}
    for entry in listing:
        if (document := intent_store.document_of(entry.name)) is not None:
            filed[document[0]] = entry
    found = []
    for name, entry in sorted(filed.items(), key=lambda item: (item[1].mtime, item[0])):
        for state in intents.STATES:
            if f"{name}.{state}.json" not in names:
                continue
            intent = await intent_store.load(
                connection, layout.staging_base, layout.directory, name, state
            )
            if intent is not None:
                found.append(
                    Interrupted(
                        intent.job_id,
                        await _end_of(connection, intent, state),
                        len(intent.parts),
                        sum(part.rows for part in intent.parts),
                        sum(part.size for part in intent.parts),
                        now - entry.mtime,
                    )
                )
                break
    return found


async def _end_of(
    connection: RemoteFileSystem, intent: intents.Intent, state: intents.State
) -> End:
    if state in ("withdrawn", "undone") or await is_superseded(connection, intent):
        return "take back"
    return "complete" if state == "intent" else "clear up"


async def _abandoned(
    connection: RemoteFileSystem, layout: Layout, old: list[RemoteEntry], now: float
) -> list[Abandoned]:
    if not old:
        return []
    found = []
    in_commit = await jobs_in_commit(connection, layout.staging_base)
    for entry in old:
        path = posixpath.join(layout.staging_base, entry.name)
        is_document = intent_store.document_of(entry.name) is not None
        if (is_document and await intent_store.is_torn(connection, path)) or (
            intents.JOB_ID.fullmatch(entry.name) and entry.name not in in_commit
        ):
            found.append(Abandoned(path, now - entry.mtime))
    return found
