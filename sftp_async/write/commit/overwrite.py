"""Lists what an overwrite removes: this source's own files, and their sidecar files."""

from __future__ import annotations

import asyncio
import logging
import os
import posixpath
from typing import TYPE_CHECKING

from sftp_async.humanize import counted
from sftp_async.layout.part_names import (
    LONGEST_NAME,
    is_data,
    is_written_in_place,
    part_tag,
)
from sftp_async.layout.sidecars import (
    ALGORITHMS,
    MANIFEST_FILE,
    SUCCESS_FILE,
    checksum_name,
    done_name,
    extensions_of,
    is_sidecar,
    job_tag,
    sidecar_names,
)
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import partition_directories
from sftp_async.write.commit.pending import in_flight
from sftp_async.write.commit.sidecars import is_only_in_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.overwrite")

#: Times that an overwrite lists the target again because it has changed since the last listing.
LISTINGS = 10


async def replaced(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions, parts: Sequence[PartFile]
) -> tuple[str, ...]:
    """List what an overwrite removes from the target, relative to it.

    Args:
        connection: to the server.
        layout: of the job.
        options: define which files the job may remove.
        parts: the new files; files that they replace by name are not listed.

    """
    if layout.file_name is not None:
        return await _replaced_with_exact(connection, layout, options, parts)
    found = await _listed(connection, layout, options, parts)
    before = _names_replaced(found, layout, options, parts)
    removes: tuple[str, ...] = ()
    for _ in range(LISTINGS):
        if not before:
            break
        # A job's files may be listed while its commit is in flight: some of them now, the others
        # later. So nothing goes but files of jobs whose commit is known to be over: what the first
        # listing has, no intent names in either look, and, of such a job, all that the second
        # listing has.
        running = await in_flight(connection, layout.paths)
        running |= await in_flight(connection, layout.paths)
        over = {tag for name in before if (tag := job_tag(name))} - running.tags
        # Tasks of `commit_mode=direct` write final names long before their job's intent.
        over -= running.staging & {
            tag for name in before if (tag := job_tag(name)) and _is_in_place(name)
        }
        found = await _listed(connection, layout, options, parts)
        after = _names_replaced(found, layout, options, parts)
        stays = {*before} - running.names
        removes = tuple(
            name for name in after if (job_tag(name) in over if job_tag(name) else name in stays)
        )
        if {*before} == {*after}:
            break
        # A job ended while the directory was listed: its sidecar files may be in one listing alone.
        before = after
    return removes


async def _listed(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions, parts: Sequence[PartFile]
) -> dict[str, list[RemoteEntry]]:
    """List the directories that the overwrite is about."""
    if not layout.partition_by:
        return {"": await connection.listdir(layout.directory)}
    if options.partition_overwrite_mode == "static":
        return await partition_directories.listings(
            connection, layout.directory, layout.partition_by, refuse=True
        )
    touched = {part.directory for part in parts}
    of_jobs = sidecar_names((), options.done_file_template)
    return await partition_directories.listings_of(connection, layout.directory, touched, of_jobs)


def _names_replaced(
    found: dict[str, list[RemoteEntry]],
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile],
) -> tuple[str, ...]:
    new = {part.final for part in parts}
    return tuple(
        posixpath.join(directory, entry.name)
        for directory, listing in found.items()
        for entry in listing
        if _is_replaced(entry, directory, layout, options)
        and posixpath.join(directory, entry.name) not in new
    )


async def _replaced_with_exact(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions, parts: Sequence[PartFile]
) -> tuple[str, ...]:
    """List the sidecar files of one exact file; the file itself is replaced by its new one.

    The directory is not listed: it may be a drop box, and many jobs'.
    """
    assert layout.file_name is not None
    # With nothing to write the file goes.
    names = set() if parts else {layout.file_name}
    names |= {checksum_name(layout.file_name, algorithm) for algorithm in ALGORITHMS}
    if options.done_file_template is not None:
        names.add(done_name(options.done_file_template, layout.file_name))
    names -= {part.final for part in parts}
    # A file system holds no longer ones, and OpenSSH calls them bad messages.
    names = {name for name in names if len(os.fsencode(name)) <= LONGEST_NAME}
    found: set[str] = set()

    async def look(name: str) -> None:
        if await connection.kind(layout.paths.final(name)) in ("file", "link"):
            found.add(name)

    async def look_at_manifest() -> None:
        # The directory may be many jobs'.
        if await is_only_in_manifest(connection, layout.directory, layout.file_name or ""):
            found.add(MANIFEST_FILE)

    await asyncio.gather(each(sorted(names), look), look_at_manifest())
    return tuple(sorted(found))


def _is_in_place(name: str) -> bool:
    return is_written_in_place(posixpath.basename(name))


def warn_of_emptied(
    layout: Layout, options: WriteOptions, parts: Sequence[PartFile], removes: Sequence[str]
) -> None:
    """Log a warning before an overwrite empties partitions that the user may want to keep.

    Spark's session may ask for dynamic overwrites (`spark.sql.sources.partitionOverwriteMode`). A
    write that does not know the session's setting, and has no option, is static.
    """
    if not layout.partition_by or "partition_overwrite_mode" in options.model_fields_set:
        return
    if layout.once is not None and layout.once.replayed:
        return  # output mode complete of a streaming query replaces all that was there
    emptied = {posixpath.dirname(name) for name in removes if is_data(posixpath.basename(name))}
    emptied -= {part.directory for part in parts}
    if emptied:
        log.warning(
            "%s: partition_overwrite_mode is not set, and this overwrite removes the files of %s "
            "without new rows (%s): set it to dynamic to keep such partitions, or to static",
            layout.target,
            counted((len(emptied), "partition")),
            min(emptied) + ", …" * (len(emptied) > 1),
        )


def count_data(names: Iterable[str], options: WriteOptions) -> int:
    """Return how many of the names that a job removes are data files, and no sidecar files."""
    return sum(
        is_data(name) and not is_sidecar(name, lambda _: True, options.done_file_template)
        for name in map(posixpath.basename, names)
    )


def _is_replaced(entry: RemoteEntry, directory: str, layout: Layout, options: WriteOptions) -> bool:
    """Whether an overwrite removes the entry: never a foreign file, unless the user asks for it."""
    done = options.done_file_template
    if directory and entry.name in (SUCCESS_FILE, MANIFEST_FILE, done):
        return False  # ours are in the target itself
    if entry.is_dir:
        return False
    if part_tag(entry.name) == layout.tag:
        return False
    if layout.row_files and options.overwrite_scope == "own":
        # Older files of rows do not show who wrote them; part files are other jobs'.
        return entry.name in (SUCCESS_FILE, MANIFEST_FILE, done)

    def is_own(name: str) -> bool:
        return layout.is_own(name, directory)

    extensions = extensions_of(layout.names.sample) if layout.names is not None else ""
    if is_sidecar(entry.name, is_own, done, extensions):
        return True
    if options.overwrite_scope == "directory":
        return is_data(entry.name)
    return is_own(entry.name)
