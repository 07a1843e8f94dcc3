"""Lists what an overwrite removes: this source's own files, and their sidecar files."""

from __future__ import annotations

import asyncio
import logging
import os
import posixpath
import warnings
from typing import TYPE_CHECKING

from sftp_async.errors import CommitError, SFTPAsyncWarning
from sftp_async.humanize import counted
from sftp_async.layout.hive import is_directory_of
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
from sftp_async.write.commit import name_registry, partition_directories
from sftp_async.write.commit.pending import in_flight
from sftp_async.write.commit.sidecars import manifest_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.overwrite")

#: Times that an overwrite lists the target again because it has changed since the last listing.
LISTINGS = 10


async def replaced(
    connection: RemoteFileSystem,
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile] | None,
) -> tuple[str, ...]:
    """List what an overwrite removes from the target, relative to it.

    Args:
        connection: to the server.
        layout: of the job.
        options: define which files the job may remove.
        parts: the new files; files that they replace by name are not listed. None: no row is known
            yet, and of a dynamic overwrite every partition is taken for one that gets rows.

    Raises:
        CommitError: files fit the template, and nothing shows who wrote them.

    """
    if layout.file_name is not None:
        return await _replaced_with_exact(connection, layout, options, parts or ())
    found = await listed(connection, layout, options, parts)
    registered = await _registered(connection, layout, options)
    new = parts or ()
    _refuse_unknown(connection, found, layout, options, new, registered)
    before = _names_replaced(found, layout, options, new, registered)
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
        found = await listed(connection, layout, options, parts)
        after = _names_replaced(found, layout, options, new, registered)
        stays = {*before} - running.names
        removes = tuple(
            name for name in after if (job_tag(name) in over if job_tag(name) else name in stays)
        )
        if {*before} == {*after}:
            break
        # A job ended while the directory was listed: its sidecar files may be in one listing alone.
        before = after
    return removes


async def check_scope(connection: RemoteFileSystem, layout: Layout, options: WriteOptions) -> None:
    """Refuse an overwrite before its upload that could not tell its own files from others.

    Raises:
        CommitError: as `replaced`, which also looks into partition directories.

    """
    if layout.overwrite and _needs_registry(layout, options) and not layout.partition_by:
        registered = await _registered(connection, layout, options)
        found = await listed(connection, layout, options, ())
        _refuse_unknown(connection, found, layout, options, (), registered)


def _needs_registry(layout: Layout, options: WriteOptions) -> bool:
    """Whether only a registry tells files of this source from others of the template's shape."""
    if layout.names is None or layout.names.shows_job:
        return False
    return options.overwrite_scope == "own"


async def _registered(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions
) -> frozenset[str] | None:
    """Return the names that are this source's; None: any that fits the template counts."""
    if not _needs_registry(layout, options):
        return None
    names = await name_registry.registered(connection, layout.directory)
    if names is not None:
        return names
    largest = name_registry.LARGEST
    return frozenset(await manifest_names(connection, layout.directory, largest=largest))


def _refuse_unknown(
    connection: RemoteFileSystem,
    found: dict[str, list[RemoteEntry]],
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile],
    registered: Collection[str] | None,
) -> None:
    """Ensure that names that fit the template are not left to chance where nothing is registered.

    Raises:
        CommitError: lists those that are neither registered nor replaced by their names.

    """
    if registered is None:
        return
    known = {*registered, *(part.final for part in parts)}
    unknown = [
        name
        for name in _names_replaced(found, layout, options, parts, None)
        if name not in known and layout.is_own(*_split(name)) and part_tag(name) is None
    ]
    if not unknown:
        return
    shown = ", ".join(unknown[:5]) + ", …" * (len(unknown) > 5)
    files = counted((len(unknown), "file"))
    if registered:
        if parts:
            log.warning(
                "%s: %s of names that fit file_name_template stay, because this data source did "
                "not write them (%s): overwrite_scope=matching removes them, too",
                layout.target,
                files,
                shown,
            )
        return
    raise CommitError(
        f"An overwrite would remove {files} of names that fit file_name_template, and nothing "
        f"shows that this data source wrote them: {shown}",
        host=connection.address,
        path=layout.directory,
        hint="Set overwrite_scope=matching to remove them, or move them away",
    )


def _split(name: str) -> tuple[str, str]:
    directory, base = posixpath.split(name)
    return base, directory


async def listed(
    connection: RemoteFileSystem,
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile] | None,
) -> dict[str, list[RemoteEntry]]:
    """List the directories that the overwrite is about; the arguments are those of `replaced`."""
    if not layout.partition_by:
        return {"": await connection.listdir(layout.directory)}
    if options.partition_overwrite_mode == "static":
        return await partition_directories.listings(
            connection, layout.directory, layout.partition_by, refuse=True
        )
    of_jobs = sidecar_names((), options.done_file_template)
    if parts is None:
        found = await partition_directories.listings(
            connection, layout.directory, layout.partition_by, refuse=True
        )
        return found | {"": [entry for entry in found[""] if entry.name in of_jobs]}
    touched = {part.directory for part in parts}
    return await partition_directories.listings_of(connection, layout.directory, touched, of_jobs)


def _names_replaced(
    found: dict[str, list[RemoteEntry]],
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile],
    registered: Collection[str] | None,
) -> tuple[str, ...]:
    new = {part.final for part in parts}
    return tuple(
        posixpath.join(directory, entry.name)
        for directory, listing in found.items()
        for entry in listing
        if _is_replaced(entry, directory, layout, options, registered)
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
        if await manifest_names(connection, layout.directory) == [layout.file_name]:
            found.add(MANIFEST_FILE)

    await asyncio.gather(each(sorted(names), look), look_at_manifest())
    return tuple(sorted(found))


def _is_in_place(name: str) -> bool:
    return is_written_in_place(posixpath.basename(name))


async def warn_of_partitions(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions
) -> None:
    """Warn before the tasks of an overwrite that may empty partitions the user wants to keep.

    A warning of Python's, too: notebooks show it under the cell.
    """
    message = await partitions_warning(connection, layout, options)
    if message is not None:
        log.warning("%s", message)
        warnings.warn(message, SFTPAsyncWarning, stacklevel=2)


async def partitions_warning(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions
) -> str | None:
    """Return what to warn of before the tasks of an overwrite; see `warn_of_partitions`."""
    if not (layout.overwrite and _may_mean_dynamic(layout, options)):
        return None
    listing = await connection.listdir(layout.directory)
    found = [e.name for e in listing if is_directory_of(e.name, layout.partition_by[0])]
    if not found:
        return None
    return (
        f"{layout.target}: partition_overwrite_mode is not set, and it is not known whether "
        "the session has spark.sql.sources.partitionOverwriteMode=dynamic. This overwrite "
        "replaces all partitions, also those without new rows "
        f"({min(found)}{', …' * (len(found) > 1)}): set partition_overwrite_mode=dynamic to "
        "keep these, or static"
    )


def _may_mean_dynamic(layout: Layout, options: WriteOptions) -> bool:
    """Whether the user may expect Spark's dynamic overwrite of a static one."""
    if not layout.partition_by or "partition_overwrite_mode" in options.model_fields_set:
        return False
    # Output mode complete of a streaming query replaces all that was there.
    return layout.once is None or not layout.once.replayed


def warn_of_emptied(
    layout: Layout, options: WriteOptions, parts: Sequence[PartFile], removes: Sequence[str]
) -> None:
    """Log a warning before an overwrite empties partitions that the user may want to keep.

    Spark's session may ask for dynamic overwrites (`spark.sql.sources.partitionOverwriteMode`). A
    write that does not know the session's setting, and has no option, is static.
    """
    if not _may_mean_dynamic(layout, options):
        return
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


def _is_replaced(
    entry: RemoteEntry,
    directory: str,
    layout: Layout,
    options: WriteOptions,
    registered: Collection[str] | None,
) -> bool:
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
        return layout.is_own(name, directory, registered=registered)

    extensions = extensions_of(layout.names.sample) if layout.names is not None else ""
    if is_sidecar(entry.name, is_own, done, extensions):
        return True
    if options.overwrite_scope == "directory":
        return is_data(entry.name)
    return is_own(entry.name)
