"""Gives part files the names that a template or rows make: all at once, none of them taken."""

from __future__ import annotations

import posixpath
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sftp_async.errors import CommitError, RemoteNotFoundError
from sftp_async.layout.hive import with_parents
from sftp_async.layout.part_names import LONGEST_NAME, free_name, is_data, partition_of
from sftp_async.layout.sidecars import checksum_name, done_name
from sftp_async.remote.concurrency import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem


async def name_parts(
    connection: RemoteFileSystem,
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile],
) -> tuple[tuple[PartFile, ...], dict[str, RemoteEntry]]:
    """Give the parts the names that `file_name_template` makes, or their rows.

    Args:
        connection: to the server.
        layout: of the job; `names_parts` is true.
        options: the write options.
        parts: as the tasks made them, in partition order.

    Returns:
        The parts under these names, and the files that have some of the names now, which the parts
        replace.

    Raises:
        CommitError: two would have one name, one is too long or hidden, or one is taken.

    """
    named = list(parts) if layout.names is None else _rendered(layout, parts)
    _check_names(connection, layout, options, named)
    taken: dict[str, dict[str, RemoteEntry]] = {part.directory: {} for part in named}

    async def look(directory: str) -> None:
        with suppress(RemoteNotFoundError):
            path = posixpath.join(layout.directory, directory) if directory else layout.directory
            listing = await connection.listdir(path)
            taken[directory] = {entry.name: entry for entry in listing}

    await each(list(taken), look)
    used = {directory: set(entries) for directory, entries in taken.items()}
    for part in named:
        used[part.directory].add(part.name)
    replaced: dict[str, RemoteEntry] = {}
    for index, part in enumerate(named):
        found = taken[part.directory].get(part.name)
        if found is None:
            continue
        if layout.replaces and not found.is_dir:
            replaced[part.final] = found
            continue
        if layout.collision != "rename":
            raise _exists(connection, layout, part, found)
        name = free_name(part.name, used[part.directory])
        used[part.directory].add(name)
        named[index] = replace(part, final=posixpath.join(part.directory, name))
    _check_names(connection, layout, options, named)
    for name in _sidecars(options, [part.final for part in named]):
        directory, base = posixpath.split(name)
        found = taken.get(directory, {}).get(base)
        if found is not None and found.is_dir:
            raise CommitError(
                "A directory has the name of a checksum file or a done file",
                host=connection.address,
                path=posixpath.join(layout.directory, name),
                hint="Move it away",
            )
    return tuple(named), replaced


def _exists(
    connection: RemoteFileSystem, layout: Layout, part: PartFile, found: RemoteEntry
) -> CommitError:
    hint = "Move it away"
    if not found.is_dir:
        hint = "Set if_exists=replace or if_exists=rename"
        hint += ", or add {now} or {job} to the template" if layout.names is not None else ""
    what = "directory" if found.is_dir else "file"
    return CommitError(
        f"A {what} of a name that {_source(layout)} makes exists already",
        host=connection.address,
        path=posixpath.join(layout.directory, part.final),
        hint=hint,
    )


def _check_names(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions, parts: Sequence[PartFile]
) -> None:
    """Ensure that each part and each sidecar file has a name that no other file of the job has.

    Names of a template must be visible to readers: values of partition columns may begin with `_`.

    Raises:
        CommitError: names the first that has not.

    """
    files = [part.final for part in parts]
    sidecars = _sidecars(options, files)
    directories = {
        name for level in with_parents(part.directory for part in parts) for name in level
    }
    twice = [name for name, count in Counter(files).items() if count > 1]
    both = [name for name in files if name in directories or name in sidecars]
    both += sorted(sidecars & directories)
    hidden = [] if layout.row_files else [n for n in files if not is_data(posixpath.basename(n))]
    long = [name for name in (*files, *sidecars) if _bytes(posixpath.basename(name)) > LONGEST_NAME]
    for names, what in (
        (twice, "is that of several files"),
        (both, "is that of a directory, a checksum file or a done file, too"),
        (hidden, "begins with _ or ., and readers ignore such files"),
        (long, f"has more than {LONGEST_NAME} bytes"),
    ):
        if names:
            raise CommitError(
                f"A name that {_source(layout)} makes {what}: {names[0]!r}",
                host=connection.address,
                path=layout.directory,
                hint="Add {seq} to it" if names is twice and layout.names else "Change it",
            )


def _sidecars(options: WriteOptions, files: Sequence[str]) -> set[str]:
    """Return the names of the sidecar files of data files."""
    sidecars: set[str] = set()
    if options.checksum_files != "none":
        sidecars |= {checksum_name(name, options.checksum_files) for name in files}
    if options.done_file_template is not None:
        sidecars |= {done_name(options.done_file_template, name) for name in files}
    return sidecars


def _source(layout: Layout) -> str:
    return "a row" if layout.row_files else "file_name_template"


def _bytes(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))


def _rendered(layout: Layout, parts: Sequence[PartFile]) -> list[PartFile]:
    assert layout.names is not None
    batch = layout.once.name if layout.once is not None and layout.once.replayed else ""
    numbers: Counter[str] = Counter()
    named = []
    for part in parts:
        numbers[part.directory] += 1
        name = layout.names.render(
            partition_of(part.name), numbers[part.directory], part.directory, batch
        )
        named.append(replace(part, final=posixpath.join(part.directory, name)))
    return named
