"""Finds out what a job would meet and replace in its target, with requests that change nothing.

Each finding comes from the function that the job itself calls; where that function would write, it
is left out, and a note says what only a write can show.
"""

from __future__ import annotations

import posixpath
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemotePermissionError,
    SFTPAsyncError,
)
from sftp_async.humanize import counted, in_units
from sftp_async.layout.intent_names import JOB_ID
from sftp_async.layout.part_names import PartFile
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.remote.filesystem import FULL_DISK
from sftp_async.remote.read_only import ReadOnly
from sftp_async.write.commit import commit_marker
from sftp_async.write.commit.claim import Claim
from sftp_async.write.commit.exact_file import exact_name
from sftp_async.write.commit.expected_names import first_names, sidecars_of, target_names
from sftp_async.write.commit.overwrite import count_data, listed, partitions_warning, replaced
from sftp_async.write.commit.pending import Sweep
from sftp_async.write.commit.prepare import (
    file_in_the_way,
    find_directory,
    find_exact,
    no_directory,
)
from sftp_async.write.commit.recover import survey
from sftp_async.write.commit.remote_steps import refuse_links
from sftp_async.write.commit.rights import Right, needed, refusal
from sftp_async.write.commit.staging_places import find_places, with_absolute_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem
    from sftp_async.write.commit.pending import Action


@dataclass(frozen=True)
class Files:
    """Files in a target: names relative to it, sorted, and their bytes in all."""

    names: tuple[str, ...] = ()
    bytes: int = 0

    @classmethod
    def of(cls, entries: Mapping[str, RemoteEntry]) -> Files:
        """Return the files of some entries by name."""
        return cls(tuple(sorted(entries)), sum(entry.size for entry in entries.values()))


@dataclass(frozen=True)
class NeededRight:
    """A request type that the job needs.

    `granted` is None where only a write shows whether the server permits it.
    """

    right: Right
    purpose: str
    granted: bool | None


@dataclass(frozen=True)
class Forecast:
    """What a job would do to its target.

    Attributes:
        exists: whether the target directory is there; if not, the job makes it.
        nothing_to_do: why the job would change nothing; None: it would write.
        names: of the first data files that it would write, and of the files next to them.
        replaces: the file whose name the new one takes.
        removes: data files that an overwrite removes. A file whose name the job gives to a new one
            is replaced instead.
        removes_sidecars: files next to data that it removes, such as checksum files.
        at_most: which of them go depends on the rows (`partition_overwrite_mode=dynamic`).
        stays: other files in the directories that the job lists; None: it lists none.
        recovers: what the job does first, to what interrupted jobs left.
        unfinished: ids of jobs with young staging directories: they run, or crashed lately.
        claims: ids of jobs that hold the job's names now, or ask for them.
        needs: the rights that the job needs.
        free_bytes: that a user may still write; None: the server does not report it.
        problems: why the job would fail.
        notes: what is worth knowing, and what only a write can show.

    """

    exists: bool
    nothing_to_do: str | None
    names: tuple[str, ...]
    replaces: Files
    removes: Files
    removes_sidecars: Files
    at_most: bool
    stays: Files | None
    recovers: tuple[Action, ...]
    unfinished: tuple[str, ...]
    claims: tuple[str, ...]
    needs: tuple[NeededRight, ...]
    free_bytes: int | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


async def forecast(connection: RemoteFileSystem, layout: Layout, options: WriteOptions) -> Forecast:
    """Look at a target for a job; changes nothing on the server.

    Args:
        connection: to the server.
        layout: of the job.
        options: the write options.

    Raises:
        ConnectionLostError, StalledError: the connection broke.

    """
    connection = ReadOnly(connection)
    if not layout.paths.staging_is_inside:
        layout = await with_absolute_paths(connection, layout)
    look = _Look(connection, layout, options)
    await look.run()
    return look.result()


class _Look:
    """One look: every step adds what it finds, and a step that fails adds a problem."""

    def __init__(self, connection: RemoteFileSystem, layout: Layout, options: WriteOptions) -> None:
        self._connection = connection
        self._layout = layout
        self._options = options
        self._rights = needed(layout, options, connection)
        self._granted: dict[Right, bool] = {}
        self._exists = False
        self._nothing_to_do: str | None = None
        self._names = target_names(layout, options)
        self._replaces: dict[str, RemoteEntry] = {}
        self._removes: dict[str, RemoteEntry] = {}
        self._stays: dict[str, RemoteEntry] | None = None
        self._recovers: tuple[Action, ...] = ()
        self._unfinished: tuple[str, ...] = ()
        self._claims: tuple[str, ...] = ()
        self._free_bytes: int | None = None
        self._problems: list[str] = []
        self._notes: list[str] = []

    @contextmanager
    def _reporting(self, right: Right | None = None) -> Iterator[None]:
        """Add the error that ends the block; a refusal is that of a right, if the job needs it."""
        try:
            yield
        except UNKNOWN_OUTCOME:
            raise
        except RemotePermissionError as error:
            if right is None or right not in self._rights:
                self._problems.append(str(error))
                return
            self._granted[right] = False
            at = self._layout.directory if right is Right.LIST else error.path
            path = at or self._layout.directory
            found = refusal(self._connection, right, error, self._rights[right], path)
            self._problems.append(str(found))
        except SFTPAsyncError as error:
            self._problems.append(str(error))

    async def run(self) -> None:
        layout, connection = self._layout, self._connection
        with self._reporting(Right.STAT):
            self._exists = await find_directory(connection, layout, self._options)
            self._granted[Right.STAT] = True
            if not self._exists:
                above = await file_in_the_way(connection, layout.directory)
                if above is not None:
                    raise no_directory(connection, layout, above)
        await self._look_at_space()
        await self._look_at_staging()
        if not self._exists:
            return
        with self._reporting():
            await self._look_for_earlier()
        if self._nothing_to_do is None:
            await self._look_at_files()

    async def _look_at_space(self) -> None:
        path = self._layout.directory
        while not self._exists and path not in ("", ".", "/"):
            path = posixpath.dirname(path)
            if await self._connection.exists(path or "."):
                break
        with self._reporting():
            self._free_bytes = free = await self._connection.free_bytes(path or ".")
            if free is not None and free < FULL_DISK:
                self._problems.append(
                    f"The remote disk or quota is full: {in_units(free)} are free. Free some space "
                    "on the server."
                )

    async def _look_at_staging(self) -> None:
        """Look for links in the way, and for what other jobs left or are doing."""
        layout, connection = self._layout, self._connection
        paths = layout.paths
        if paths.staging_is_inside:
            with self._reporting():
                await refuse_links(connection, paths.staging_base)
        else:
            above = await file_in_the_way(connection, paths.staging_base)
            if above is not None:
                self._problems.append(str(no_directory(connection, layout, above)))
            if paths.mode is PromotionMode.RENAME:
                self._notes.append(
                    "Whether staging_dir is on the target's file system shows when the job renames "
                    "a file from it."
                )
        with self._reporting(Right.LIST):
            try:
                self._recovers = tuple(
                    await survey(connection, paths, ttl=self._options.staging_ttl, now=time.time())
                )
                places = await find_places(connection, paths)
                holders = await Claim(layout, self._options).holders(connection)
            except RemotePermissionError as error:
                if Right.LIST in self._rights:
                    raise
                self._notes.append(
                    f"{error.path}: it cannot be listed, so what interrupted jobs left is not "
                    "known, and the job does not end it."
                )
                return
            ended = {
                action.intent.paths.job_id
                for action in self._recovers
                if not isinstance(action, Sweep)
            }
            swept = {posixpath.basename(a.path) for a in self._recovers if isinstance(a, Sweep)}
            self._unfinished = tuple(
                sorted(
                    entry.name
                    for place in places
                    for entry in place.listing
                    if JOB_ID.fullmatch(entry.name) and entry.name not in ended | swept
                )
            )
            self._claims = tuple(sorted({token.job_id for token in holders}))

    async def _look_for_earlier(self) -> None:
        """Look for a reason to write nothing: an earlier commit, or the exact file itself."""
        layout, connection = self._layout, self._connection
        once = layout.once
        if once is not None:
            await commit_marker.check_place(connection, layout.directory, once)
            if await commit_marker.committed_by(connection, layout.directory, once) is not None:
                self._nothing_to_do = "a job of the same job_key was committed before"
                return
        if layout.file_name is None:
            return
        found = await find_exact(connection, layout)
        self._granted[Right.LSTAT] = True
        if found is None:
            return
        if layout.collision == "ignore":
            self._nothing_to_do = "the file is there already (if_exists=ignore)"
        elif layout.collision == "replace":
            self._replaces = {layout.file_name: found}

    async def _look_at_files(self) -> None:
        layout, connection, options = self._layout, self._connection, self._options
        if layout.file_name is not None:
            with self._reporting(Right.LIST):
                final = await exact_name(connection, layout)
                self._names = (final, *sidecars_of(final, options))
            if layout.overwrite:
                with self._reporting():
                    gone = await replaced(connection, layout, options, [_stand_in(final)])
                    self._removes = {name: await self._entry(name) for name in gone}
            return
        with self._reporting(Right.LIST):
            try:
                found = await self._list()
            except RemotePermissionError:
                if Right.LIST in self._rights:
                    raise
                return  # the job itself lists nothing
            self._granted[Right.LIST] = True
            removed: tuple[str, ...] = ()
            if layout.overwrite:
                warning = await partitions_warning(connection, layout, options)
                self._notes += [] if warning is None else [f"{warning}."]
                removed = await replaced(connection, layout, options, None)
            self._removes = {name: found[name] for name in removed if name in found}
            self._stays = {
                name: entry
                for name, entry in found.items()
                if name not in self._removes and not entry.is_dir
            }
            await self._look_at_names()

    async def _look_at_names(self) -> None:
        """Look for files of the names that the job would give, as far as they are known."""
        layout, options = self._layout, self._options
        try:
            self._names = await first_names(self._connection, layout, options) or self._names
        except CommitError as error:
            # An empty DataFrame is a file as well, unless the option says otherwise.
            start = "" if options.write_empty else "The job fails as soon as there is a row: "
            self._problems.append(f"{start}{error}")
            return
        if layout.overwrite or not layout.names_parts:
            return
        taken = [
            name
            for name in self._stays or ()
            if layout.names is not None
            and layout.names.matches(posixpath.basename(name), posixpath.dirname(name))
        ]
        if taken and layout.collision == "fail":
            self._notes.append(
                f"{counted((len(taken), 'file'))} in the target may have a name that "
                f"file_name_template makes, the first is {taken[0]}: the job fails if it makes one "
                "of them (if_exists=fail)."
            )

    async def _list(self) -> dict[str, RemoteEntry]:
        """List what an overwrite is about, or the target of an append."""
        layout, connection = self._layout, self._connection
        if not layout.overwrite:
            return _by_name({"": await connection.listdir(layout.directory)})
        return _by_name(await listed(connection, layout, self._options, None))

    async def _entry(self, name: str) -> RemoteEntry:
        return await self._connection.lstat(self._layout.paths.final(name))

    def result(self) -> Forecast:
        layout, options = self._layout, self._options
        data = {n: e for n, e in self._removes.items() if count_data([n], options)}
        return Forecast(
            exists=self._exists,
            nothing_to_do=self._nothing_to_do,
            names=self._names,
            replaces=Files.of(self._replaces),
            removes=Files.of(data),
            removes_sidecars=Files.of(
                {name: entry for name, entry in self._removes.items() if name not in data}
            ),
            at_most=bool(
                layout.overwrite
                and layout.partition_by
                and options.partition_overwrite_mode == "dynamic"
            ),
            stays=None if self._stays is None else Files.of(self._stays),
            recovers=self._recovers,
            unfinished=self._unfinished,
            claims=self._claims,
            needs=tuple(
                NeededRight(right, purpose, self._granted.get(right))
                for right, purpose in self._rights.items()
            ),
            free_bytes=self._free_bytes,
            problems=tuple(dict.fromkeys(self._problems)),
            notes=tuple(self._notes),
        )


def _stand_in(final: str) -> PartFile:
    """Return a part file in the place of the one exact file that is not there yet."""
    return PartFile("", final, 1, 0, "")


def _by_name(found: Mapping[str, Sequence[RemoteEntry]]) -> dict[str, RemoteEntry]:
    return {
        posixpath.join(directory, entry.name): entry
        for directory, listing in found.items()
        for entry in listing
    }
