"""Finds what interrupted jobs left in a target, as a list of the actions that end it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from sftp_async.errors import RemoteNotFoundError
from sftp_async.layout.claim_names import is_claim_directory
from sftp_async.layout.intent_names import (
    JOB_ID,
    STATES,
    document_name,
    document_of,
    pointer_of,
)
from sftp_async.layout.part_names import tag_of
from sftp_async.layout.target_paths import STAGING_MARK
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.commit_marker import is_superseded
from sftp_async.write.commit.intent import Intent
from sftp_async.write.commit.outdated import is_outdated
from sftp_async.write.commit.staging_places import StagingPlace, find_places
from sftp_async.write.commit.stale_claims import is_stale

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence

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
    end: ClassVar[Literal["complete", "finish", "roll back", "discard"]]


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


class Discard(Interrupted):
    """Remove the files of the job from sight, and restore nothing.

    What they were to replace is gone, and newer data is in its place: old rows would come back
    next to it.
    """

    end = "discard"


@dataclass(frozen=True)
class Sweep:
    """Remove a file or a staging directory that is no part of a commit, and too old for a job.

    Or a directory of claims that no job holds any more, of any age.

    Args:
        path: of what is removed.
        age: in seconds.
        staging: the staging directory to remove: `path` itself, or that of a torn intent at `path`;
            None: `path` is a file alone, or a directory of claims.

    """

    path: str
    age: float
    staging: str | None = None


Action = Complete | Finish | RollBack | Discard | Sweep


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

    A look that runs while an intent is renamed to its next state can miss it: the listing, or the
    file is gone when it is to be read. So one look proves nothing. What two looks miss has changed
    its state twice, from `intent` to `finished` or to `undone`: then all names of the job that
    others may use are as it leaves them.

    Args:
        connection: to the server.
        paths: of the job that looks; its own intent is left out.

    Raises:
        CommitError: an intent cannot be used.

    """
    found = InFlight()
    for place in await find_places(connection, paths):
        for entry in place.listing:
            if JOB_ID.fullmatch(entry.name) and entry.name != paths.job_id:
                found |= InFlight(staging=frozenset({tag_of(entry.name)}))
            document = document_of(entry.name)
            if document is None or document[1] == "discarded":
                continue
            intent = await intent_store.load(connection, place.paths, *document)
            # None: it moved on or ended meanwhile, is another target's, or torn, which shows that
            # nothing is visible.
            if intent is not None and intent.paths.job_id != paths.job_id:
                names = frozenset(part.final for part in intent.parts)
                found |= InFlight(frozenset({tag_of(intent.paths.job_id)}), names)
    return found


async def pending(
    connection: RemoteFileSystem,
    places: Sequence[StagingPlace],
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
        places: of staging directories, as `find_places` returns them.
        ttl: age in seconds from which staging without an intent is swept.
        now: the time that ages are counted from, in seconds since 1970; 0: unknown, and nothing is
            swept.
        sweep_only: leave interrupted commits to the next write.

    Raises:
        CommitError: an intent cannot be used: to write on top of it would mix two commits.

    """
    ended: set[str] = set()
    for place, document_id, written in [] if sweep_only else _documents(places):
        names = {entry.name for entry in place.listing}
        found = await find_document(connection, place.paths, document_id, names)
        if found is not None:
            intent, state = found
            ended.add(intent.paths.job_id)
            yield await action_for(connection, intent, state, age=now - written, written=written)
    for place in places:
        # Servers over object storage may not know a directory's time: 0 says nothing. The staging
        # directories of ended jobs are removed with them.
        old = [
            entry
            for entry in place.listing
            if now and entry.mtime and now - entry.mtime > ttl and entry.name not in ended
        ]
        if old and not place.pointed_at:
            async for sweep in _sweeps(connection, places, place, old, now):
                yield sweep
        for entry in [] if place.pointed_at else place.listing:
            path = posixpath.join(place.paths.staging_base, entry.name)
            # Of any age: an interrupted job may have left it as its very last thing.
            if entry.is_dir and is_claim_directory(entry.name) and await is_stale(connection, path):
                yield Sweep(path, max(0.0, now - entry.mtime) if now and entry.mtime else 0.0)


async def _sweeps(
    connection: RemoteFileSystem,
    places: Sequence[StagingPlace],
    place: StagingPlace,
    old: Sequence[RemoteEntry],
    now: float,
) -> AsyncGenerator[Sweep, None]:
    """Yield what is old in a place and belongs to no commit."""
    torn: set[str] = set()
    for entry in old:
        path, document = posixpath.join(place.paths.staging_base, entry.name), None
        if pointer_of(entry.name) is None:
            document = document_of(entry.name)
        elif not await _is_pointer_needed(connection, places, pointer_of(entry.name) or ""):
            yield Sweep(path, now - entry.mtime)
        if document is not None and document[1] == "discarded":
            yield Sweep(path, now - entry.mtime)  # its writer is not coming back
        elif document is not None and await intent_store.is_torn(connection, path):
            staging = posixpath.join(place.paths.staging_base, document[0])
            if await _has_another_state(connection, place.paths, *document):
                # A refused write left it next to the intent of the state before.
                yield Sweep(path, now - entry.mtime)
            else:
                torn.add(document[0])
                yield Sweep(path, now - entry.mtime, staging)
    in_commit = await _jobs_in_commit(connection, place.paths.staging_base)
    for entry in old:
        if JOB_ID.fullmatch(entry.name) and entry.name not in in_commit | torn:
            path = posixpath.join(place.paths.staging_base, entry.name)
            if await _is_own(connection, place.paths, path):
                yield Sweep(path, now - entry.mtime, path)


async def action_for(
    connection: RemoteFileSystem,
    intent: Intent,
    state: IntentState,
    *,
    age: float = 0.0,
    written: float = 0.0,
) -> Complete | Finish | RollBack | Discard:
    """Return what ends an interrupted commit.

    Args:
        connection: to the server.
        intent: as it was found there.
        state: the state it was found in.
        age: in seconds.
        written: when the intent was written, by the server's clock; 0: unknown.

    """
    if state in ("intent", "withdrawn") and await is_outdated(connection, intent, written):
        return Discard(intent, state, age)
    if state in ("withdrawn", "undone", "discarded") or await is_superseded(connection, intent):
        return RollBack(intent, state, age)
    return (Complete if state == "intent" else Finish)(intent, state, age)


def _documents(places: Iterable[StagingPlace]) -> list[tuple[StagingPlace, str, float]]:
    """Return document ids with the time of the last change, the oldest first.

    In this order: a later overwrite may remove what an earlier job made visible.
    """
    found: list[tuple[StagingPlace, str, float]] = []
    for place in places:
        documents = [(document_of(entry.name), entry.mtime) for entry in place.listing]
        written = {
            document[0]: mtime
            for document, mtime in documents
            if document and document[1] != "discarded"
        }
        found += [(place, document_id, mtime) for document_id, mtime in written.items()]
    return sorted(found, key=lambda item: (item[2], item[1]))


async def find_document(
    connection: RemoteFileSystem,
    paths: TargetPaths,
    document_id: str,
    names: Collection[str] | None = None,
) -> tuple[Intent, IntentState] | None:
    """Return an intent in its latest state; None if there is none of this target any more.

    Args:
        connection: to the server.
        paths: of a job for the target, with the intent's place.
        document_id: what the intent is filed under.
        names: that a listing has shown; None: any may be there.

    """
    for state in STATES:
        if names is None or document_name(document_id, state) in names:
            intent = await intent_store.load(connection, paths, document_id, state)
            if intent is not None:
                return intent, state
    return None


async def _has_another_state(
    connection: RemoteFileSystem, paths: TargetPaths, document_id: str, state: IntentState
) -> bool:
    """Whether a document that is torn in one state is intact in another, of any target."""
    for other in STATES:
        path = posixpath.join(paths.staging_base, document_name(document_id, other))
        if other != state and await intent_store.job_of(connection, path) is not None:
            return True
    return False


async def _is_pointer_needed(
    connection: RemoteFileSystem, places: Sequence[StagingPlace], job_id: str
) -> bool:
    """Whether an intent of the job that left a pointer may still be in a place it leads to."""
    for place in places:
        for entry in place.listing:
            if (document := document_of(entry.name)) is not None:
                path = posixpath.join(place.paths.staging_base, entry.name)
                named = await intent_store.job_of(connection, path)
                if job_id in (document[0], named):
                    return True
    return False


async def _is_own(connection: RemoteFileSystem, paths: TargetPaths, path: str) -> bool:
    """Whether an old directory of a job id's form is this package's.

    The target's own `_temporary` is made by this package alone. In a `staging_dir` other programs
    use such names, too: there a directory must hold the mark that each job makes in it.
    """
    if paths.staging_is_inside:
        return True
    if await connection.is_link(path):
        return False
    try:
        names = [entry.name for entry in await connection.listdir(path)]
    except RemoteNotFoundError:
        return False
    return STAGING_MARK in names


async def _jobs_in_commit(connection: RemoteFileSystem, staging_base: str) -> set[str]:
    """Return the jobs that intents name now: of other targets, or published since the listing."""
    jobs: set[str] = set()
    try:
        listing = await connection.listdir(staging_base)
    except RemoteNotFoundError:  # a commit that has ended since has removed it
        return jobs
    for entry in listing:
        if (document := document_of(entry.name)) is not None:
            # One that cannot be read is filed under its job's id, as most are.
            jobs.add(document[0])
            named = await intent_store.job_of(connection, posixpath.join(staging_base, entry.name))
            if named is not None:
                jobs.add(named)
    return jobs
