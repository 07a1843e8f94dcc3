"""Makes and lists the partition directories of a commit, and removes those that are empty."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.layout.hive import is_directory_of, with_parents
from sftp_async.layout.part_names import part_tag
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.remote_steps import remove_if_there

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem


async def missing(
    connection: RemoteFileSystem, target: str, directories: Iterable[str]
) -> tuple[str, ...]:
    """Return which of the directories are to be made, and those above them, the outermost first.

    Raises:
        CommitError: a link or a file is where one should be.

    """
    absent: set[str] = set()

    async def look(directory: str) -> None:
        if posixpath.dirname(directory) in absent:
            absent.add(directory)
            return
        path = posixpath.join(target, directory)
        found = await connection.kind(path)
        if found is None:
            absent.add(directory)
        elif found != "directory":
            raise _in_the_way(connection, path, found)

    levels = with_parents(directories)
    for level in levels:
        await each(level, look)
    return tuple(directory for level in levels for directory in level if directory in absent)


async def make(
    connection: RemoteFileSystem, target: str, directories: Iterable[str], absent: Collection[str]
) -> None:
    """Ensure that directories exist, and that none of them is a link. Idempotent.

    Args:
        connection: to the server.
        target: the directory they are in.
        directories: relative to it.
        absent: those that are probably missing: saves a request for each.

    Raises:
        CommitError: a link or a file is where one should be.

    """
    likely = set(absent)

    async def make_one(directory: str) -> None:
        path = posixpath.join(target, directory)
        if directory not in likely:
            found = await connection.kind(path)
            if found == "directory":
                return
            if found is not None:
                raise _in_the_way(connection, path, found)
        try:
            await connection.make_directory(path)
        except RemoteExistsError as error:
            raise CommitError(error.message, host=error.host, path=path, hint=error.hint) from error

    for level in with_parents(directories):
        await each(level, make_one)


async def listings(
    connection: RemoteFileSystem, target: str, columns: Collection[str], *, refuse: bool
) -> dict[str, list[RemoteEntry]]:
    """List the target and all its partition directories.

    Args:
        connection: to the server.
        target: the directory.
        columns: what the partition directories are named after, level by level.
        refuse: a link in the place of one is an error; else it is left out.

    Returns:
        The entries by directory, relative to the target, which is the empty name.

    Raises:
        CommitError: a link is in the place of a partition directory.

    """
    found = {"": await connection.listdir(target)}
    level = [""]
    for column in columns:
        inner = [
            posixpath.join(directory, entry.name)
            for directory in level
            for entry in found[directory]
            if is_directory_of(entry.name, column)
        ]
        level = []

        async def look(directory: str, level: list[str] = level) -> None:
            path = posixpath.join(target, directory)
            # Not what the listing says: some servers follow links there.
            kind = await connection.kind(path)
            if kind == "link" and refuse:
                raise _in_the_way(connection, path, kind)
            if kind == "directory":
                try:
                    found[directory] = await connection.listdir(path)
                except RemoteNotFoundError:
                    return  # gone meanwhile
                level.append(directory)

        await each(inner, look)
        level.sort()
    return found


async def listings_of(
    connection: RemoteFileSystem, target: str, directories: Collection[str], files: Collection[str]
) -> dict[str, list[RemoteEntry]]:
    """List some partition directories, and in the target some files alone.

    Args:
        connection: to the server.
        target: the directory.
        directories: relative to it; those that are missing are left out.
        files: names in the target itself.

    """
    found: dict[str, list[RemoteEntry]] = {}

    async def look(directory: str) -> None:
        with suppress(RemoteNotFoundError):
            found[directory] = await connection.listdir(posixpath.join(target, directory))

    await each(directories, look)
    if directories:
        # Not all of it: data outside of these directories stays.
        entries = await connection.listdir(target)
        found[""] = [e for e in entries if e.name in files]
    return found


async def files_of(
    connection: RemoteFileSystem, target: str, names: Collection[str]
) -> tuple[str, ...]:
    """Return which of the names, relative to the target, are files there, in order."""
    found: set[str] = set()

    async def look(directory: str) -> None:
        path = posixpath.join(target, directory) if directory else target
        with suppress(RemoteNotFoundError):
            entries = await connection.listdir(path)
            found.update(posixpath.join(directory, e.name) for e in entries if not e.is_dir)

    await each({posixpath.dirname(name) for name in names}, look)
    return tuple(sorted(found.intersection(names)))


async def remove_tagged_everywhere(
    connection: RemoteFileSystem,
    target: str,
    columns: Collection[str],
    tag: str,
    keep: Iterable[str],
) -> None:
    """Remove one job's part files from the target and its partition directories.

    Partition directories that this empties are removed, too: the job has made them.

    Args:
        connection: to the server.
        target: the directory.
        columns: what the partition directories are named after, level by level.
        tag: of the job.
        keep: files to leave, relative to the target.

    """
    kept = set(keep)
    found = await listings(connection, target, columns, refuse=False)
    mine = [
        posixpath.join(directory, entry.name)
        for directory, entries in found.items()
        for entry in entries
        if part_tag(entry.name) == tag
    ]
    mine = [name for name in mine if name not in kept]
    await each(mine, lambda name: remove_if_there(connection, posixpath.join(target, name)))
    await prune(connection, target, map(posixpath.dirname, mine))


async def prune(connection: RemoteFileSystem, target: str, directories: Iterable[str]) -> None:
    """Remove those of the directories, and of those above them, that are empty."""

    async def remove(directory: str) -> None:
        try:
            await connection.rmdir(posixpath.join(target, directory))
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            pass  # in use, or gone

    for level in reversed(with_parents(directories)):
        await each(level, remove)


def _in_the_way(connection: RemoteFileSystem, path: str, found: str) -> CommitError:
    return CommitError(
        f"A {found} is where a partition directory should be",
        host=connection.address,
        path=path,
        hint="Find out who created it and remove it",
    )
