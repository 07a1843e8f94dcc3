"""Finds what interrupted jobs left in a target, as a list of the actions that end it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from sftp_async.errors import RemoteNotFoundError
from sftp_async.layout.claim_names import is_claim_directory
from sftp_async.layout.intent_names import JOB_ID, STATES, document_name, document_of
from sftp_async.layout.part_names import tag_of
from sftp_async.layout.target_paths import is_staged_name
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.commit_marker import is_superseded
from sftp_async.write.commit.intent import Intent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from sftp_async.layout.intent_names import IntentState
    from sftp_async.layout.target_paths import TargetPaths
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem


@dataclass(frozen=True)
class Interrupted:
    """A commit or an abort that a job began, and that may still be in flight.

    `age` in seconds, since the intent was written.
    """

    intent: Intent
    state: IntentState
    age: float

    #: The action's name in reports.
    end: ClassVar[Literal["complete", "finish", "roll back"]]


class Complete(Interrupted):
    """Make all files of the job visible, then finish its commit."""

    end = "complete"


class Finish(Interrupted):
    """All files of the job are visible: remove what they replace, and clean up.

    In the state `finished` all but the staging directory is removed: files of the same names are
    other jobs' by now.
    """

    end = "finish"


class RollBack(Interrupted):
    """Remove the files of the job from sight, and restore what they replaced."""

    end = "roll back"


@dataclass(frozen=True)
class Sweep:
    """Remove a file or a staging directory that is no part of a commit, and too old for a job.

    Args:
        path: of what is removed.
        age: in seconds.
        staging: the staging directory to remove: `path` itself, or that of a torn intent at `path`;
            None: `path` is a file alone, or a directory of claims.

    """

    path: str
    age: float
    staging: str | None = None


Action = Complete | Finish | RollBack | Sweep


@dataclass(frozen=True)
class InFlight:
    """What the published intents of a target name: jobs whose commit or rollback is not over.

    Args:
        tags: of the jobs.
        names: final names of their parts, relative to the target.
        staging: tags of the jobs that have staging directories: their tasks may be writing.

    """

    tags: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    staging: frozenset[str] = frozenset()

    def __or__(self, other: InFlight) -> InFlight:
        return InFlight(
            self.tags | other.tags, self.names | other.names, self.staging | other.staging
        )


async def in_flight(connection: RemoteFileSystem, paths: TargetPaths) -> InFlight:
    """Look once at the intents of a target.

    A listing that runs while an intent is renamed to its next state can miss it, so one look
    proves nothing; the states an intent passes while its files are visible are fewer than two
    looks can miss.

    Args:
        connection: to the server.
        paths: of the job that looks; its own intent is left out.

    Raises:
        CommitError: an intent cannot be used.

    """
    found = InFlight()
    try:
        listing = await connection.listdir(paths.staging_base)
    except RemoteNotFoundError:
        return found
    for entry in listing:
        document = document_of(entry.name)
        if document is None:
            if JOB_ID.fullmatch(entry.name) and entry.name != paths.job_id:
                found |= InFlight(staging=frozenset({tag_of(entry.name)}))
            continue
        for state in dict.fromkeys((document[1], *STATES)):  # it may move on meanwhile
            intent = await intent_store.load(connection, paths, document[0], state)
            if intent is not None:
                break
        else:
            # It ended meanwhile, is another target's, or torn: then nothing of it is visible.
            continue
        if intent.paths.job_id != paths.job_id:
            names = frozenset(part.final for part in intent.parts)
            found |= InFlight(frozenset({tag_of(intent.paths.job_id)}), names)
    return found


async def pending(
    connection: RemoteFileSystem,
    paths: TargetPaths,
    listing: Sequence[RemoteEntry],
    *,
    ttl: float,
    now: float,
    sweep_only: bool = False,
) -> AsyncGenerator[Action, None]:
    """Yield what there is to do: interrupted commits first, the oldest one first; then sweeps.

    An action is found when the one before has been carried out, or was only shown: intents can be
    large, and another writer may end a commit meanwhile.

    Args:
        connection: to the server.
        paths: of a job that looks at the target.
        listing: of the directory of all staging directories.
        ttl: age in seconds from which staging without an intent is swept.
        now: the time that ages are counted from, in seconds since 1970; 0: unknown, and nothing is
            swept.
        sweep_only: leave interrupted commits to the next write.

    Raises:
        CommitError: an intent cannot be used: to write on top of it would mix two commits.

    """
    ended: set[str] = set()
    names = {entry.name for entry in listing}
    for document_id, written in [] if sweep_only else _documents(listing):
        found = await _load(connection, paths, document_id, names)
        if found is not None:
            intent, state = found
            ended.add(intent.paths.job_id)
            yield await action_for(connection, intent, state, age=now - written)
    # Servers over object storage may not know a directory's time: 0 says nothing. The staging
    # directories of ended jobs are removed with them.
    old = [
        entry
        for entry in listing
        if now and entry.mtime and now - entry.mtime > ttl and entry.name not in ended
    ]
    if not old:
        return
    torn: set[str] = set()
    for entry in old:
        path, document = posixpath.join(paths.staging_base, entry.name), document_of(entry.name)
        if document is not None and await intent_store.is_torn(connection, path):
            torn.add(document[0])
            staging = posixpath.join(paths.staging_base, document[0])
            yield Sweep(path, now - entry.mtime, staging)
    in_commit = await _jobs_in_commit(connection, paths.staging_base)
    for entry in old:
        if JOB_ID.fullmatch(entry.name) and entry.name not in in_commit | torn:
            path = posixpath.join(paths.staging_base, entry.name)
            if await _is_own(connection, paths, path):
                yield Sweep(path, now - entry.mtime, path)
    for entry in old:
        if entry.is_dir and is_claim_directory(entry.name):
            yield Sweep(posixpath.join(paths.staging_base, entry.name), now - entry.mtime)


async def action_for(
    connection: RemoteFileSystem, intent: Intent, state: IntentState, *, age: float = 0.0
) -> Complete | Finish | RollBack:
    """Return what ends an interrupted commit.

    Args:
        connection: to the server.
        intent: as it was found there.
        state: the state it was found in.
        age: in seconds.

    """
    if state in ("withdrawn", "undone") or await is_superseded(connection, intent):
        return RollBack(intent, state, age)
    return (Complete if state == "intent" else Finish)(intent, state, age)


def _documents(listing: Iterable[RemoteEntry]) -> list[tuple[str, float]]:
    """Return document ids with the time of the last change, the oldest first.

    In this order: a later overwrite may remove what an earlier job made visible.
    """
    written = {
        document[0]: entry.mtime for entry in listing if (document := document_of(entry.name))
    }
    return sorted(written.items(), key=lambda item: (item[1], item[0]))


async def _load(
    connection: RemoteFileSystem, paths: TargetPaths, document_id: str, names: set[str]
) -> tuple[Intent, IntentState] | None:
    for state in STATES:
        if document_name(document_id, state) in names:
            intent = await intent_store.load(connection, paths, document_id, state)
            if intent is not None:
                return intent, state
    return None


async def _is_own(connection: RemoteFileSystem, paths: TargetPaths, path: str) -> bool:
    """Whether an old directory of a job id's form is this package's.

    The target's own `_temporary` is made by this package alone. In a `staging_dir` other programs
    use such names, too: there the directory must hold files of ours, and nothing else.
    """
    if paths.staging_is_inside:
        return True
    if await connection.is_link(path):
        return False
    try:
        names = [entry.name for entry in await connection.listdir(path)]
    except RemoteNotFoundError:
        return False
    return bool(names) and all(map(is_staged_name, names))


async def _jobs_in_commit(connection: RemoteFileSystem, staging_base: str) -> set[str]:
    """Return the jobs that intents name now: of other targets, or published since the listing."""
    jobs: set[str] = set()
    for entry in await connection.listdir(staging_base):
        if (document := document_of(entry.name)) is not None:
            # One that cannot be read is filed under its job's id, as most are.
            jobs.add(document[0])
            named = await intent_store.job_of(connection, posixpath.join(staging_base, entry.name))
            if named is not None:
                jobs.add(named)
    return jobs
