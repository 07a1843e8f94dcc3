"""Finds every staging directory that jobs of a target use, however its path is spelled.

With `staging_dir` the intent of a job is outside of the target, where a job with another option, or
without it, would not look. So while an intent is published there, the target holds a pointer:

<target>/_temporary/<job>.elsewhere.json   {"version": 1, "staging_base": "/outgoing/staging"}

It is in the directory that every job looks at before its tasks: an ordinary job spends no request
on it. Intents and pointers hold absolute paths without links, as the server gives them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import posixpath
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    TransferError,
)
from sftp_async.layout.intent_names import pointer_name, pointer_of
from sftp_async.layout.target_paths import STAGING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.target_paths import TargetPaths
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.staging_places")

#: Version of a pointer's form.
VERSION = 1
#: Bytes of a pointer that is read. A pointer is one path.
LARGEST = 64 * 1024
#: Times that `_temporary` may vanish, because another job ends, while a pointer is written.
MAKINGS = 10


@dataclass(frozen=True)
class StagingPlace:
    """A directory of staging directories, and what is in it.

    Args:
        paths: of a job for the target that would stage there.
        listing: of the directory.
        pointed_at: found by a pointer alone: what is no intent there is other jobs' business.

    """

    paths: TargetPaths
    listing: Sequence[RemoteEntry]
    pointed_at: bool = False


async def find_places(
    connection: RemoteFileSystem, paths: TargetPaths, listing: Sequence[RemoteEntry] | None = None
) -> list[StagingPlace]:
    """Return the places where intents for a target can be; one that does not exist is left out.

    Args:
        connection: to the server.
        paths: of a job that looks at the target; its own place comes first.
        listing: of that place, if it is known.

    Raises:
        CommitError: a pointer leads to a directory that this account cannot look into.

    """
    own = StagingPlace(paths, listing) if listing is not None else await _look(connection, paths)
    places = [] if own is None else [own]
    known: set[str] = set()
    in_target = own
    if not paths.staging_is_inside:
        inside = replace(paths, staging_base=paths.final(STAGING))
        known.add(await absolute(connection, paths.staging_base))
        if await absolute(connection, inside.staging_base) not in known:
            in_target = await _look(connection, inside)
            if in_target is not None:
                places.append(in_target)
    if in_target is None:
        return places
    for name in [entry.name for entry in in_target.listing if pointer_of(entry.name)]:
        if not known:
            known.add(await absolute(connection, paths.staging_base))
        pointer = posixpath.join(in_target.paths.staging_base, name)
        base = await _read(connection, pointer)
        if base is None or base in known:
            continue
        known.add(base)
        try:
            elsewhere = await _look(connection, replace(paths, staging_base=base))
        except RemotePermissionError as error:
            raise CommitError(
                "A job for this target is in its commit, or was interrupted there, and its "
                f"staging directory cannot be listed: {error.message}",
                host=connection.address,
                path=base,
                hint="Write as the user who ran that job, or set the same staging_dir. If there is "
                f"no such job, remove {pointer}",
            ) from error
        if elsewhere is not None:
            places.append(replace(elsewhere, pointed_at=True))
    return places


async def _look(connection: RemoteFileSystem, paths: TargetPaths) -> StagingPlace | None:
    try:
        return StagingPlace(paths, await connection.listdir(paths.staging_base))
    except RemoteNotFoundError:
        return None


async def _read(connection: RemoteFileSystem, pointer: str) -> str | None:
    """Return the directory that a pointer leads to; None if it was removed, or is torn."""
    try:
        fields = json.loads(await connection.read_file(pointer, LARGEST))
    except (RemoteNotFoundError, ValueError, RecursionError):
        return None
    base = fields.get("staging_base") if isinstance(fields, dict) else None
    if not isinstance(base, str) or not posixpath.isabs(base) or "\0" in base:
        return None  # no pointer that this package writes
    return posixpath.normpath(base)


async def write_pointer(connection: RemoteFileSystem, paths: TargetPaths) -> None:
    """Leave a pointer to a job's staging directory, before its intent is published there.

    A server that refuses it makes the job no worse than its `staging_dir` is: a warning says so.
    """
    inside = paths.final(STAGING)
    base = await absolute(connection, paths.staging_base)
    data = json.dumps({"version": VERSION, "staging_base": base}).encode()
    path = posixpath.join(inside, pointer_name(paths.job_id))
    try:
        for _ in range(MAKINGS):
            with suppress(RemoteExistsError):
                await connection.mkdir(inside)
            with suppress(RemoteNotFoundError):  # another job has ended meanwhile
                await connection.write_file(path, data)
                return
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        log.warning(
            "%s cannot be written: if this job is interrupted, only a job with staging_dir=%s "
            "finds it (%s)",
            path,
            paths.staging_base,
            error.message,
        )


async def absolute(connection: RemoteFileSystem, path: str) -> str:
    """Return a path as the server resolves it; unchanged where the server does not."""
    try:
        return await connection.realpath(path)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError:
        return path


async def with_absolute_paths(connection: RemoteFileSystem, layout: Layout) -> Layout:
    """Return the layout with paths that lead to the same directories for every account."""
    directory, base = layout.directory, layout.paths.staging_base
    directory, base = await asyncio.gather(
        absolute(connection, directory), absolute(connection, base)
    )
    return layout.at(directory, base)


async def is_same_directory(connection: RemoteFileSystem, one: str, other: str) -> bool:
    """Whether two paths lead to one directory, for this account."""
    return await absolute(connection, one) == await absolute(connection, other)
