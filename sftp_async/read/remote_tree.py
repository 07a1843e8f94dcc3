"""Lists directories of a server, several at once, and finds out what their entries really are."""

from __future__ import annotations

import asyncio
import posixpath
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sftp_async.errors import (
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteUnsupportedError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.remote.concurrency import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.left_out import LeftOutFiles
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

    Visit = Callable[["Directory", list[RemoteEntry]], Awaitable[Iterable["Directory"]]]

#: Links to directories that one path may lead through, where the server does not resolve paths.
MOST_LINKS = 40

DANGLING = "the link leads to nothing (ignore_missing_files)"
VANISHED = "the directory vanished while it was listed (ignore_missing_files)"
LINKED_DIRECTORY = "it is a link to a directory: set follow_links=true to read what is in there"


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory to be listed. `trail`: where the links led from, on the way to it."""

    path: str
    trail: tuple[str, ...] = ()


def join(directory: str, name: str) -> str:
    """Return the path of a name in a directory; `.` and an empty path are the login directory."""
    return name if directory in ("", ".") else posixpath.join(directory, name)


def parent_of(path: str) -> str:
    """Return the directory of a path."""
    return posixpath.dirname(path) or "."


class RemoteTree:
    """The directories below some paths, as one connection shows them.

    Args:
        filesystem: the connection.
        options: of the read.
        left_out: gets what cannot be followed.

    """

    def __init__(
        self, filesystem: RemoteFileSystem, options: SFTPOptions, left_out: LeftOutFiles
    ) -> None:
        self.filesystem = filesystem
        self._follow_links = options.follow_links
        self._ignore_missing = options.ignore_missing_files
        self._left_out = left_out
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def may_be_directory(self, entry: RemoteEntry) -> bool:
        """Whether an entry of a listing may be a directory that is to be listed."""
        return entry.is_dir or not entry.is_complete or (entry.is_link and self._follow_links)

    async def look(self, path: str) -> RemoteEntry | None:
        """Return what a path is, links followed; None: nothing has the name.

        Raises:
            TransferError: the server refuses, or does not tell.

        """
        async with self._at_once:
            try:
                found = await self.filesystem.stat(path)
            except RemoteNotFoundError:
                return None
            if found.is_complete:
                return found
            return await self._completed(path, found)

    async def _completed(self, path: str, found: RemoteEntry) -> RemoteEntry:
        """Return an entry whose kind the server does not tell: what can be listed is a directory.

        Raises:
            TransferError: it is a file, and its size is not known.

        """
        try:
            await self.filesystem.listdir(path)
        except (RemoteNotFoundError, RemoteFailureError, RemoteUnsupportedError):
            if found.size:
                return replace(found, is_complete=True)
            raise TransferError(
                "The server does not tell the size of the file",
                host=self.filesystem.address,
                path=path,
                hint="Without it, a file that is cut short looks like a complete one",
            ) from None
        return replace(found, is_dir=True, is_complete=True)

    async def walk(self, start: Sequence[Directory], visit: Visit) -> None:
        """List directories, several at once, and those that `visit` returns for them.

        A server that refuses a directory while others are open is asked for it alone: it may have
        few handles.

        Args:
            start: the first ones.
            visit: is awaited with a directory and its entries, and returns what to list next.

        Raises:
            TransferError: the first error; nothing is in flight any more then.

        """
        waiting, running = deque(start), set[asyncio.Task[Directory | None]]()
        at_once, errors = AT_ONCE, list[BaseException]()
        # Refused while others were open.
        refused: deque[Directory] = deque()
        try:
            while waiting or refused or running:
                while waiting and len(running) < at_once and not errors:
                    directory, others = waiting.popleft(), bool(running)
                    listing = self._list(directory, waiting, visit, others=others)
                    running.add(asyncio.create_task(listing))
                if not running:
                    if errors or not refused:
                        break
                    at_once = 1
                    waiting.append(refused.popleft())
                    continue
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if error := task.exception():
                        errors.append(error)
                    elif (again := task.result()) is not None:
                        refused.append(again)
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise
        if errors:
            raise errors[0]

    async def _list(
        self, directory: Directory, waiting: deque[Directory], visit: Visit, *, others: bool
    ) -> Directory | None:
        """List a directory; return it if it must be tried again, alone."""
        try:
            entries = await self.filesystem.listdir(directory.path)
        except RemoteNotFoundError:
            if not self._ignore_missing:
                raise
            self._left_out.add(directory.path, VANISHED)
            return None
        except RemotePermissionError as error:
            raise RemotePermissionError(
                error.message,
                host=error.host,
                path=error.path,
                hint="Ask for the right to list it, or name the files by a pattern that leaves it "
                "out, such as /in/*.csv",
            ) from error
        except RemoteFailureError:
            if not others:
                raise
            return directory
        waiting.extend(await visit(directory, entries))
        return None

    async def resolve(self, directory: Directory, entries: Sequence[RemoteEntry]) -> list[Found]:
        """Return the entries of a directory with their real kind and size: links are followed.

        Raises:
            SFTPAsyncError: a link leads to nothing, or in a circle.

        """
        found = []
        unclear = []
        for entry in entries:
            if entry.is_link or not entry.is_complete:
                unclear.append(entry)
            else:
                found.append(Found(entry, directory.trail))
        if unclear:
            looked = await asyncio.gather(
                *(self._resolved(directory, entry) for entry in unclear), return_exceptions=True
            )
            for one in looked:
                if isinstance(one, BaseException):
                    raise one
                if one is not None:
                    found.append(one)
        return found

    async def _resolved(self, directory: Directory, entry: RemoteEntry) -> Found | None:
        path = join(directory.path, entry.name)
        if not entry.is_link and not entry.is_complete:
            entry = await self._not_followed(path, entry)
        try:
            real = await self.look(path)
        except RemoteFailureError as error:
            if not entry.is_link:
                raise
            raise SFTPAsyncError(
                f"The link cannot be followed: it may lead in a circle ({error.message})",
                host=self.filesystem.address,
                path=path,
                hint="Remove the link, or leave it out with a pattern",
            ) from error
        if real is None:
            if self._ignore_missing:
                self._left_out.add(path, DANGLING if entry.is_link else "it vanished")
                return None
            what = "The link leads to nothing" if entry.is_link else "The file has vanished"
            raise RemoteNotFoundError(
                what,
                host=self.filesystem.address,
                path=path,
                hint="Remove it, or set ignore_missing_files=true to read the others",
            )
        real = replace(real, name=entry.name)
        if not entry.is_link or not real.is_dir:
            return Found(real, directory.trail)
        if not self._follow_links:
            self._left_out.add(path, LINKED_DIRECTORY)
            return None
        return Found(real, await self._trail(directory, path))

    async def _not_followed(self, path: str, entry: RemoteEntry) -> RemoteEntry:
        """Return an entry whose kind a listing did not tell, as a link if it is one."""
        try:
            async with self._at_once:
                return replace(await self.filesystem.lstat(path), name=entry.name)
        except (RemoteNotFoundError, RemoteUnsupportedError, RemoteFailureError):
            return entry

    async def _trail(self, directory: Directory, link: str) -> tuple[str, ...]:
        """Return the trail of a directory behind a link.

        Raises:
            SFTPAsyncError: the link leads to a directory that is on the way to it.

        """
        try:
            async with self._at_once:
                here = await self.filesystem.realpath(directory.path)
                there = await self.filesystem.realpath(link)
        except (RemoteUnsupportedError, RemoteFailureError):
            here, there = directory.path, link
        trail = (*directory.trail, here)
        circle = any(f"{one}/".startswith(there.rstrip("/") + "/") for one in trail)
        if circle or len(trail) > MOST_LINKS:
            raise SFTPAsyncError(
                f"The link leads in a circle: {there} is on the way to it"
                if circle
                else f"The path leads through more than {MOST_LINKS} links",
                host=self.filesystem.address,
                path=link,
                hint="Remove the link, or set follow_links=false",
            )
        return trail


@dataclass(frozen=True, slots=True)
class Found:
    """What a name in a directory really is; `trail` is that of the directory, if it is one."""

    entry: RemoteEntry
    trail: tuple[str, ...] = ()
