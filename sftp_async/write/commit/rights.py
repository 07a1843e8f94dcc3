"""Finds out which requests a server refuses, with a probe file, before a job uploads anything.

Servers refuse single request types (`internal-sftp -P`, rules of a gateway), and directories refuse
some accounts. A job that learns this from its commit has uploaded everything for nothing. The
doctor uses the same probe and the same lists.
"""

from __future__ import annotations

import asyncio
import posixpath
import uuid
from contextlib import suppress
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    TransferError,
)
from sftp_async.layout.target_paths import PromotionMode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterator, Mapping

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteFile, RemoteFileSystem

T = TypeVar("T")

#: Content of the probe file.
PROBE = b"sftp_async wrote this file to check its permissions. The file can be removed.\n"


class Right(StrEnum):
    """A right that a job may need, by the request types of SFTP that it stands for."""

    MKDIR = "MKDIR"
    OPEN = "OPEN"
    WRITE = "WRITE"
    CLOSE = "CLOSE"
    STAT = "STAT"
    LSTAT = "LSTAT"
    READ = "READ"
    LIST = "OPENDIR and READDIR"
    RENAME = "RENAME"
    REMOVE = "REMOVE"
    RMDIR = "RMDIR"


#: How to do without a right; nothing helps against the others.
_ALTERNATIVES = {
    Right.MKDIR: "Give the user write permission (MKDIR), or create a directory on the server and "
    "set staging_dir to it, with commit_mode=direct and without partition_by: readers may then see "
    "incomplete files",
    Right.RENAME: "Set commit_mode=direct: files then have their final names from the start, and "
    "readers may see incomplete files",
    Right.LIST: "Write one exact file, or append part files without file_name_template and "
    "commit_mode=direct: these jobs list nothing",
    Right.REMOVE: "Append, or replace one exact file, without commit_mode=direct: these jobs can "
    "leave their staging files behind",
    Right.RMDIR: "Leave out commit_mode=direct: other jobs can leave their staging directory "
    "behind",
}
_NO_ALTERNATIVE = "Ask the server's operator to permit it: no job can do without it"


def needed(
    layout: Layout, options: WriteOptions, connection: RemoteFileSystem
) -> Mapping[Right, str]:
    """Return the rights that a job needs, each with what the job needs it for.

    What is not listed may be refused: the job leaves files behind then, with a warning.

    Args:
        layout: of the job.
        options: the write options.
        connection: to the server.

    """
    rights = {
        Right.MKDIR: "create its staging directory",
        Right.OPEN: "create files",
        Right.WRITE: "write files",
        Right.CLOSE: "close files",
        Right.STAT: "compare the sizes of files",
        Right.LSTAT: "find out whether a name is taken",
        Right.READ: "read its commit's intent back",
    }
    in_place = layout.paths.mode is PromotionMode.IN_PLACE
    # An exact file replaces the one of its name; sidecar files of that are set aside by rename.
    removes_files = layout.overwrite and (
        layout.file_name is None
        or layout.paths.mode is PromotionMode.COPY
        or not options.write_empty
    )
    if layout.paths.mode is PromotionMode.RENAME:
        rights[Right.RENAME] = "give files their final names"
    if layout.overwrite and layout.file_name is None:
        rights[Right.LIST] = "find the files that it replaces"
    elif layout.names_parts or layout.collision == "rename":
        rights[Right.LIST] = "find names that are free"
    elif in_place:
        rights[Right.LIST] = "find files of repeated tasks"
    if in_place:
        rights[Right.REMOVE] = "remove files of repeated tasks"
        rights[Right.RMDIR] = "show late tasks that it has ended"
    if removes_files:
        rights[Right.REMOVE] = "remove the files that it replaces"
    elif options.manifest and connection.capabilities.posix_rename is False:
        rights.setdefault(Right.REMOVE, "replace _manifest.json")
    return rights


def refusal(
    connection: RemoteFileSystem, right: Right, error: TransferError, purpose: str, path: str
) -> CommitError:
    """Build the error for a right that a job lacks: what is refused, and how to do without it."""
    what = "not writable" if right in (Right.MKDIR, Right.OPEN, Right.WRITE) else "not usable"
    if right is Right.STAT and isinstance(error, RemoteNotFoundError):
        return CommitError(
            "A file is gone as soon as it is closed: the server, or another program, takes it away",
            host=connection.address,
            path=path,
            hint="Set staging_dir to a directory where files stay, with commit_mode=direct and "
            "verify=none",
        )
    return CommitError(
        f"The target is {what}: the server refuses {right}, which the job needs to {purpose} "
        f"({error.message})",
        host=connection.address,
        path=path,
        hint=_ALTERNATIVES.get(right, _NO_ALTERNATIVE),
    )


async def examine(
    connection: RemoteFileSystem,
    staging: str,
    rights: Mapping[Right, str],
    *,
    file_will_do: bool,
) -> Probe:
    """Create a job's staging directory, and find out in it what the server refuses.

    Without MKDIR a file takes the directory's place where no staged file needs it: it shows tasks
    and later jobs that the job has not ended.

    Args:
        connection: to the server.
        staging: the path of the directory.
        rights: what to find out, with what each is needed for.
        file_will_do: a file may take its place.

    Raises:
        RemoteNotFoundError: the directory above it does not exist.
        TransferError: the directory cannot be created for another reason than a lack of rights.

    """
    probe = Probe(connection, staging, rights)
    try:
        await probe.run(make=True)
        return probe
    except RemotePermissionError:
        if not file_will_do:
            return probe
    await connection.write_file(staging, b"")
    probe = Probe(connection, posixpath.dirname(staging) or ".", rights)
    await probe.run(make=False)
    return probe


class Probe:
    """Makes a file, uses it as a job uses its files, and removes it.

    On a server that serves requests in order this takes two round trips, making the directory
    included.

    Args:
        connection: to the server.
        directory: where the file is made.
        rights: what to find out, with what each is needed for.

    Attributes:
        directory: where the file is made.
        refused: the rights that the user lacks, with the server's answers.
        left: the probe file, if it could not be removed.

    """

    def __init__(
        self, connection: RemoteFileSystem, directory: str, rights: Mapping[Right, str]
    ) -> None:
        self._connection = connection
        self.directory = directory
        self._rights = rights
        # A new name for each try: a request whose reply was lost may have made the last one.
        self._path = f"{directory}/probe-{uuid.uuid4().hex}"
        self._renamed = f"{self._path}-renamed"
        self.refused: dict[Right, TransferError] = {}
        self.left: str | None = None

    async def run(self, *, make: bool) -> None:
        """Find out which rights are refused.

        Args:
            make: create the directory first.

        Raises:
            TransferError: the directory cannot be created.

        """
        await (self._in_flights if self._connection.in_order else self._one_by_one)(make=make)
        if (error := self.refused.get(Right.MKDIR)) is not None:
            raise error
        if Right.RENAME in self.refused:
            await self._attempt(Right.REMOVE, self._remove(self._path))
        if Right.REMOVE in self.refused:
            renamed = Right.RENAME in self._rights and Right.RENAME not in self.refused
            self.left = self._renamed if renamed else self._path

    async def _in_flights(self, *, make: bool) -> None:
        """Send requests before the answers to earlier ones, unless they need a file's handle."""
        opening = asyncio.gather(
            self._make(make=make),
            self._attempt(Right.OPEN, self._connection.open_new(self._path)),
            self._attempt(Right.READ, self._connection.open_read(self._path)),
        )
        listing = asyncio.create_task(self._list())  # takes four round trips by itself
        _, output, source = await opening
        if output is not None:
            writing = asyncio.create_task(self._attempt(Right.WRITE, output.write(PROBE, 0)))
            await asyncio.sleep(0)  # a write is sent by a task of its own: before the others
            await asyncio.gather(
                writing,
                self._attempt(Right.CLOSE, output.close()),
                *self._looks(),
                *self._reading(source),
                *self._moves(),
            )
        await listing

    async def _one_by_one(self, *, make: bool) -> None:
        await self._make(make=make)
        if Right.MKDIR in self.refused:
            return
        output = await self._attempt(Right.OPEN, self._connection.open_new(self._path))
        if output is None:
            return
        await self._attempt(Right.WRITE, output.write(PROBE, 0))
        await self._attempt(Right.CLOSE, output.close())
        await asyncio.gather(*self._looks(), self._list())
        source = await self._attempt(Right.READ, self._connection.open_read(self._path))
        for request in chain(self._reading(source), self._moves()):
            await request

    async def _make(self, *, make: bool) -> None:
        if make:
            await self._attempt(Right.MKDIR, self._make_directory())

    async def _make_directory(self) -> None:
        with suppress(RemoteExistsError):  # made by a request whose reply was lost
            await self._connection.mkdir(self.directory)

    def _looks(self) -> list[Coroutine[Any, Any, object]]:
        """Return the requests that change nothing, and need no handle of the file."""
        connection = self._connection
        looks: list[Coroutine[Any, Any, object]] = [
            self._attempt(Right.STAT, connection.stat(self._path)),
            self._attempt(Right.LSTAT, connection.kind(self._path)),
        ]
        if Right.RMDIR in self._rights:
            # A server that permits it answers that nothing is there.
            missing = connection.rmdir(f"{self._path}-missing")
            looks.append(self._attempt(Right.RMDIR, _found_or_not(missing)))
        return looks

    async def _list(self) -> None:
        if Right.LIST in self._rights:
            await self._attempt(Right.LIST, self._connection.listdir(self.directory))

    # Each request is made when it is asked for: after a failure the rest are not even begun.

    def _reading(self, source: RemoteFile | None) -> Iterator[Coroutine[Any, Any, object]]:
        if source is not None:
            yield self._attempt(Right.READ, source.read(len(PROBE), 0))
            yield self._attempt(Right.CLOSE, source.close())

    def _moves(self) -> Iterator[Coroutine[Any, Any, object]]:
        if Right.RENAME in self._rights:
            yield self._attempt(Right.RENAME, self._connection.rename(self._path, self._renamed))
            yield self._attempt(Right.REMOVE, self._remove(self._renamed))
        else:
            yield self._attempt(Right.REMOVE, self._remove(self._path))

    async def _remove(self, path: str) -> None:
        await _found_or_not(self._connection.remove(path))

    async def _attempt(self, right: Right, request: Awaitable[T]) -> T | None:
        try:
            return await request
        except UNKNOWN_OUTCOME:
            raise
        except TransferError as error:
            self.refused.setdefault(right, error)
            return None


async def _found_or_not(request: Awaitable[None]) -> None:
    with suppress(RemoteNotFoundError):
        await request
