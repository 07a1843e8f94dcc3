"""Lists the files of a read: paths, directories, partition columns, and why a file is left out."""

from __future__ import annotations

import asyncio
import logging
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.layout.cleanup_names import is_set_aside
from sftp_async.layout.sidecars import MANIFEST_FILE, done_name
from sftp_async.read.hidden_names import HIDDEN, UNCOMMITTED, is_hidden, is_uncommitted
from sftp_async.read.left_out import SET_ASIDE, LeftOut, LeftOutFiles, summary_of
from sftp_async.read.manifest import Manifests
from sftp_async.read.partition_directories import Partitioning, find_partitions
from sftp_async.read.remote_tree import Directory, RemoteTree, join, parent_of
from sftp_async.read.root_paths import Root, find_roots, path_on_server, relative_to
from sftp_async.read.selection import NOT_DONE, Selection, check_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from sftp_async.errors import RemoteChangedError
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

__all__ = ["FoundFile", "LeftOut", "Listing", "list_files"]

log = logging.getLogger("sftp_async.read.listing")

IN_SUBDIRECTORY = "it is in a subdirectory: set recursive_file_lookup=true to read it"
NOT_IN_PARTITION = "it is in no partition directory, as the others are; Spark does not read it"
UNSTABLE = "it changed within stable_for"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that is to be read.

    Attributes:
        path: on the server.
        size: bytes.
        mtime: time of last change, in seconds since 1970; 0 if the server sends none.
        partition: the texts of its partition columns as they are in the path, None for null; see
            `Listing.partition_by`.

    """

    path: str
    size: int
    mtime: float
    partition: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What a read takes.

    Attributes:
        files: in the order of their paths. One that two of the paths stand for is there twice, as
            in Spark, unless there are partition columns or `recursive_file_lookup` is set.
        partition_by: names of the partition columns, in the order of the directories.
        partition_types: the types that Spark infers for them, also from directories whose files are
            left out.
        left_out: the files that are not read; of many, the first ones.
        left_out_count: how many these are in all.
        left_out_by_reason: the same, by reason.
        set_aside: paths of files that a stream is about to archive or to delete, or was when it
            stopped; of many, the first ones.
        missing: of a stream, an error for each file that a manifest names and that is not there.

    """

    files: Sequence[FoundFile]
    partition_by: tuple[str, ...] = ()
    left_out: Sequence[LeftOut] = field(default=())
    left_out_count: int = 0
    partition_types: tuple[pa.DataType, ...] = ()
    left_out_by_reason: Mapping[str, int] = field(default_factory=dict)
    set_aside: Sequence[str] = ()
    missing: Sequence[RemoteChangedError] = ()

    @property
    def left_out_summary(self) -> str:
        """A phrase such as `3 left out (2: it is empty; 1: …)`; empty if there are none."""
        return summary_of(self.left_out_by_reason)


async def list_files(
    filesystem: RemoteFileSystem,
    paths: Sequence[str],
    options: SFTPOptions,
    *,
    of_stream: bool = False,
    on_left_out: Callable[[str], None] = lambda _: None,
) -> Listing:
    """List the files of a read.

    A directory that is there and has no files for the read gives an empty listing, as in Spark.

    Args:
        filesystem: where they are.
        paths: files, directories and patterns.
        options: of the read.
        of_stream: whether files may come and go: a pattern that nothing matches is no error, and
            `Listing.missing` has the files that a manifest names in vain.
        on_left_out: called with the path of each file that is left out.

    Raises:
        RemoteNotFoundError: nothing has a path, or matches it; says what was there.
        OptionsError: a pattern is malformed, or `base_path` is not above the paths.
        SFTPAsyncError: partition directories or a manifest contradict the files, or a link leads
            nowhere or in a circle.
        TransferError: a directory cannot be listed.

    """
    check_options(options)

    async def look() -> tuple[Listing, Versions]:
        lister = _Lister(filesystem, options, LeftOutFiles(on_left_out), of_stream)
        listing = await lister.look(paths)
        versions = {file.path: (file.size, file.mtime) for file in listing.files}
        return listing, versions if options.stable_for else {}

    listing, versions = await look()
    if not options.stable_for:
        return listing
    await _pause(options.stable_for)
    again, versions_again = await look()
    return _unchanged(again, versions, versions_again)


#: Waits between the two looks of `stable_for`.
_pause = asyncio.sleep

#: Size and time of the selected files, by path.
Versions = Mapping[str, tuple[int, float]]


def _unchanged(listing: Listing, before: Versions, now: Versions) -> Listing:
    """Return the second of two listings, without the files that are not as in the first."""
    unstable = sorted(path for path, version in now.items() if before.get(path) != version)
    counts = dict(listing.left_out_by_reason)
    if unstable:
        counts[UNSTABLE] = len(unstable)
    moving = set(unstable)
    return Listing(
        [file for file in listing.files if file.path not in moving],
        listing.partition_by,
        [*listing.left_out, *(LeftOut(path, UNSTABLE) for path in unstable[:1000])],
        listing.left_out_count + len(unstable),
        listing.partition_types,
        counts,
        listing.set_aside,
        listing.missing,
    )


class _Lister:
    """One look at the server."""

    def __init__(
        self,
        filesystem: RemoteFileSystem,
        options: SFTPOptions,
        left_out: LeftOutFiles,
        of_stream: bool,
    ) -> None:
        self._options = options
        self._of_stream = of_stream
        self._address = filesystem.address
        self._left_out = left_out
        self._tree = RemoteTree(filesystem, options, self._left_out)
        self._selection = Selection(options, filesystem.address)
        self._manifests = Manifests(filesystem, options)
        #: The selected files of each directory, by name: size and time.
        self._selected: dict[str, dict[str, tuple[int, float]]] = {}
        #: Directories that have data files, selected or not: they decide about partition columns.
        self._leaves: set[str] = set()
        self._visited: set[str] = set()
        self._root_directories: set[str] = set()

    async def look(self, paths: Sequence[str]) -> Listing:
        roots = await find_roots(
            self._tree,
            paths,
            self._options,
            self._left_out,
            may_match_nothing=self._of_stream,
        )
        directories = [root for root in roots if root.entry.is_dir]
        files = [root for root in roots if not root.entry.is_dir]
        self._root_directories = {root.path for root in directories}
        if files and self._options.use_manifest == "require":
            raise OptionsError(
                f"use_manifest=require reads directories, and {files[0].path} is a file: load its "
                "directory, or leave the option out."
            )
        await self._tree.walk(self._not_visited(map(_directory, directories)), self._visit)
        for root in files:
            await self._add_file(root)
        if not self._of_stream:
            for error in self._manifests.missing():
                raise error
        if self._options.recursive_file_lookup:
            return self._listing(Partitioning(), self._all_files({}))
        partitioning = find_partitions(
            self._leaves,
            self._base_paths(roots),
            self._address,
            case_sensitive=self._options.case_sensitive,
        )
        if partitioning.names:
            return self._listing(partitioning, self._all_files(partitioning.values))
        return self._listing(partitioning, self._files_of(roots))

    # Directories

    def _not_visited(self, directories: Iterable[Directory]) -> list[Directory]:
        fresh = []
        for directory in directories:
            if directory.path not in self._visited:
                self._visited.add(directory.path)
                fresh.append(directory)
        return fresh

    async def _visit(self, directory: Directory, entries: list[RemoteEntry]) -> Iterable[Directory]:
        """Select the files of a directory; return the directories below it."""
        visible = []
        names = frozenset(entry.name for entry in entries)
        for entry in entries:
            reason = None
            if is_hidden(entry.name):
                reason = SET_ASIDE if is_set_aside(entry.name) else HIDDEN
            if reason is None and is_uncommitted(entry.name, names):
                reason = UNCOMMITTED
            if entry.is_link and not self._tree.may_be_directory(entry):
                # A link that is not read need not lead anywhere.
                reason = reason or self._selection.reason_of_name(entry.name)
            if reason is None:
                visible.append(entry)
            else:
                self._left_out.add(join(directory.path, entry.name), reason)
        if MANIFEST_FILE in names or directory.path in self._root_directories:
            await self._manifests.load(directory.path, there=MANIFEST_FILE in names)
        below: list[Directory] = []
        selected: dict[str, tuple[int, float]] = {}
        for found in await self._tree.resolve(directory, visible):
            entry = found.entry
            path = join(directory.path, entry.name)
            if entry.is_dir:
                below.append(Directory(path, found.trail))
                continue
            self._leaves.add(directory.path)
            reason = self._manifests.reason(path, entry)
            reason = reason or self._selection.reason(path, entry, names)
            if reason is None:
                selected[entry.name] = (entry.size, entry.mtime)
            else:
                self._left_out.add(path, reason)
        if selected:
            self._selected.setdefault(directory.path, {}).update(selected)
        return self._not_visited(below)

    # Files that a path names, or a pattern

    async def _add_file(self, root: Root) -> None:
        directory, name = parent_of(root.path), posixpath.basename(root.path)
        self._leaves.add(directory)
        if name in self._selected.get(directory, ()):
            return
        reason = self._selection.reason(
            root.path,
            root.entry,
            root.siblings,
            is_named=root.is_named,
            may_be_hidden=root.may_be_hidden,
        )
        template = self._selection.done_file_template
        if reason is None and template is not None and root.siblings is None:
            done = join(directory, done_name(template, name))
            reason = None if await self._tree.look(done) is not None else NOT_DONE
        if reason is not None:
            self._left_out.add(root.path, reason)
            return
        self._selected.setdefault(directory, {})[name] = (root.entry.size, root.entry.mtime)

    # Results

    def _base_paths(self, roots: Sequence[Root]) -> set[str]:
        """Return where partition columns begin.

        Raises:
            OptionsError: a path is not below `base_path`.

        """
        if self._options.base_path is None:
            return {root.path if root.entry.is_dir else parent_of(root.path) for root in roots}
        base = path_on_server(self._options, self._options.base_path, "base_path")
        for root in roots:
            below = relative_to(root.path, base)
            if below is None or (not below and not root.entry.is_dir):
                raise OptionsError(
                    f"base_path must be a directory above every path: {base!r} is not above "
                    f"{root.path!r}."
                )
        return {base}

    def _all_files(self, values: Mapping[str, tuple[str | None, ...]]) -> list[FoundFile]:
        """Return all selected files, each once; with `values`, those of partition directories."""
        found = []
        for directory in sorted(self._selected):
            files = self._selected.pop(directory)
            if values and directory not in values:
                self._left_out.add_all((join(directory, name) for name in files), NOT_IN_PARTITION)
                continue
            partition = values.get(directory, ())
            found += [
                FoundFile(join(directory, name), size, mtime, partition)
                for name, (size, mtime) in files.items()
            ]
        return found

    def _files_of(self, roots: Sequence[Root]) -> list[FoundFile]:
        """Return the selected files that the paths stand for, without those in subdirectories."""
        found = []
        taken = set()
        for root in roots:
            if root.entry.is_dir:
                taken.add(root.path)
                files = self._selected.get(root.path, {})
                found += [
                    FoundFile(join(root.path, name), size, mtime)
                    for name, (size, mtime) in files.items()
                ]
                continue
            directory, name = parent_of(root.path), posixpath.basename(root.path)
            if version := self._selected.get(directory, {}).get(name):
                taken.add(root.path)
                found.append(FoundFile(root.path, *version))
        for directory, files in self._selected.items():
            if directory not in taken:
                paths = (join(directory, name) for name in files)
                self._left_out.add_all(
                    (path for path in paths if path not in taken), IN_SUBDIRECTORY
                )
        return found

    def _listing(self, partitioning: Partitioning, files: list[FoundFile]) -> Listing:
        files.sort(key=lambda file: file.path)
        counts = self._left_out.counts
        return Listing(
            files,
            partitioning.names,
            self._left_out.first,
            sum(counts.values()),
            partitioning.types,
            counts,
            tuple(self._left_out.set_aside),
            tuple(self._manifests.missing()),
        )


def _directory(root: Root) -> Directory:
    return Directory(root.path)
