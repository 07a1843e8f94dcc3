"""Archives or deletes one file that a stream has read, by steps that are idempotent.

A file is set aside first, by a rename in its directory, and then compared with the version that was
read: after that no writer can reach it by its name. The right version goes to the archive, or is
removed. Another version is one that was not read: it gets its name again. Whatever crash or lost
reply comes in between, the hidden name says what is left to do.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.layout.cleanup_names import SetAside, other_names
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.read.cleanup.archive_paths import archive_directory
from sftp_async.read.remote_tree import join, parent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.cleanup_names import Way
    from sftp_async.read.listing import FoundFile
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.read.clean_steps")

#: Seconds after which a rename must show whether it changes a file's time, which is in seconds.
TIMES_DIFFER = 2.0

#: Names that are tried for one file; all are taken only if something is wrong with the server.
MOST_NAMES = 10_000

#: Waits for the clock of the server.
_pause = asyncio.sleep


class Outcome(Enum):
    """What became of a file. The value completes "it is left: …"; CLEANED and GONE are ends."""

    CLEANED = "it is cleaned"
    GONE = "it is gone"
    CHANGED = "it is another version than the one that was read"
    LINK = "it is a symbolic link"
    TOO_LONG = "its name is too long to set it aside"
    NO_ARCHIVE = "it is set aside for an archive, and there is none now (source_archive_dir)"


@dataclass
class CleaningState:
    """What a process remembers of its cleaning, over connections.

    Attributes:
        begun: hidden paths of files that it has set aside, or may have, and that it has not
            completed.
        directories: of the archive, that are there.
        keeps_times: whether a rename keeps a file's time; None: it is not known.

    """

    begun: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    keeps_times: bool | None = None


class CleanSteps:
    """Cleans files over one connection.

    Args:
        filesystem: the connection.
        roots: the paths of the read, normalised.
        stream: first digits of the stream's id.
        way: what becomes of files.
        archive: directory of the archive; None: there is none.
        state: is kept from one connection to the next.

    """

    def __init__(
        self,
        filesystem: RemoteFileSystem,
        roots: Sequence[str],
        stream: str,
        way: Way,
        archive: str | None,
        state: CleaningState,
    ) -> None:
        self._files = filesystem
        self._roots = roots
        self._stream = stream
        self._way = way
        self._archive = archive
        self._state = state
        self._probing = asyncio.Lock()
        #: Names in the archive that this connection is about to give to files.
        self._reserved: set[str] = set()
        # OpenSSH's rename refuses a name that is taken; of others it is not known.
        self._looks_first = not filesystem.capabilities.plain_files

    async def clean(self, file: FoundFile, sidecars: Sequence[str] = ()) -> Outcome:
        """Archive or delete a file, if it still is the version that was read.

        Args:
            file: as it was read.
            sidecars: paths of files that belong to it alone, if they are there: they go with it.
                What takes their place meanwhile belongs to the next version, and stays.

        Raises:
            TransferError: the server refuses a step. What is set aside then, stays so until
                `complete` is called for it.

        """
        aside = SetAside(file.path, file.size, int(file.mtime), self._stream, self._way)
        if aside.is_too_long:
            return Outcome.TOO_LONG
        entry = await self._look(file.path)
        if entry is None:
            return Outcome.GONE
        if entry.is_link:
            return Outcome.LINK
        if not _is_version(entry, aside):
            return Outcome.CHANGED
        found = [(path, await self._look(path)) for path in sidecars]
        outcome = await self._clean(file.path, aside)
        if outcome is Outcome.CLEANED:
            for path, one in found:
                # Without times, the sidecar of a new version looks the same.
                if one is not None and one.mtime and not one.is_dir and not one.is_link:
                    belongs = SetAside(path, one.size, int(one.mtime), self._stream, self._way)
                    await self._clean(path, belongs)
        return outcome

    async def _clean(self, path: str, aside: SetAside) -> Outcome:
        if self._archive is not None:
            await self._make(self._directory_for(aside, self._archive))
        self._state.begun.add(aside.hidden_path)
        try:
            try:
                await self._rename(path, aside.hidden_path)
            except RemoteExistsError:
                # The same version came before, and a crash left it; or, on OpenSSH, which renames
                # by link and unlink, the server died in between.
                await self.complete(aside)
                self._state.begun.add(aside.hidden_path)
                await self._rename(path, aside.hidden_path)
        except RemoteNotFoundError:
            self._state.begun.discard(aside.hidden_path)
            return Outcome.GONE
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            self._state.begun.discard(aside.hidden_path)
            raise
        return await self.complete(aside)

    async def complete(self, aside: SetAside) -> Outcome:
        """Complete the cleaning of a file that is set aside; if it is gone, that has been done.

        Raises:
            TransferError: the server refuses a step.

        """
        hidden = aside.hidden_path
        outcome = Outcome.CLEANED
        entry = await self._look(hidden)
        if entry is None:
            outcome = Outcome.GONE
        elif not await self._is_read(entry, aside):
            await self._restore(aside, int(entry.mtime))
            outcome = Outcome.CHANGED
        elif aside.way == "archive" and self._archive is None:
            outcome = Outcome.NO_ARCHIVE
        else:
            try:
                if aside.way == "delete" or self._archive is None:
                    await self._files.remove(hidden)
                else:
                    directory = self._directory_for(aside, self._archive)
                    await self._rename_to_free(aside, directory, aside.mtime)
            except RemoteNotFoundError:
                if await self._look(hidden) is not None:
                    raise
                outcome = Outcome.GONE
        self._state.begun.discard(hidden)
        return outcome

    # Versions

    async def _look(self, path: str) -> RemoteEntry | None:
        try:
            try:
                return await self._files.lstat(path)
            except RemoteUnsupportedError:
                return await self._files.stat(path)
        except RemoteNotFoundError:
            return None

    async def _is_read(self, entry: RemoteEntry, aside: SetAside) -> bool:
        """Whether a file that is set aside is the version that was read."""
        if _is_version(entry, aside):
            return True
        if entry.is_link or entry.is_dir or entry.size != aside.size:
            return False
        # Some servers, on object stores, copy a file to rename it: its time is that of the copy.
        return not await self._keeps_times(parent_of(aside.path))

    async def _keeps_times(self, directory: str) -> bool:
        """Whether a rename keeps a file's time; asked where one seems to have changed."""
        if self._files.capabilities.plain_files:
            return True
        async with self._probing:
            if self._state.keeps_times is None:
                self._state.keeps_times = await self._try_times(directory)
            return self._state.keeps_times

    async def _try_times(self, directory: str) -> bool:
        run = uuid.uuid4().hex
        first, second = (
            join(directory, hidden_name("check", run, suffix)) for suffix in ("1", "2")
        )
        await self._files.write_file(first, b"sftp_async", new=True)
        try:
            before = await self._files.stat(first)
            await _pause(TIMES_DIFFER)
            await self._files.rename(first, second)
            first = second
            after = await self._files.stat(second)
        finally:
            with suppress(TransferError):  # `sftp-async clean` finds it
                await self._files.remove(first)
        return int(before.mtime) == int(after.mtime)

    # Names

    async def _rename(self, old: str, new: str) -> None:
        """Rename to a name that is free, also where the server would replace a file.

        Raises:
            RemoteExistsError: it is taken.

        """
        if self._looks_first and await self._look(new) is not None:
            if await self._look(old) is None:
                raise RemoteNotFoundError("It is gone", host=self._files.address, path=old)
            raise RemoteExistsError("It exists already", host=self._files.address, path=new)
        await self._files.rename(old, new)

    async def _rename_to_free(self, aside: SetAside, directory: str, mtime: int) -> str:
        """Rename what is set aside to the first name that is free; return its path."""
        old, names = aside.hidden_path, other_names(aside.name, mtime)
        for name in islice(names, MOST_NAMES):
            path = join(directory, name)
            if path in self._reserved:
                continue
            self._reserved.add(path)
            try:
                await self._rename_into(old, directory, path)
            except RemoteExistsError:
                continue
            finally:
                self._reserved.discard(path)
            return path
        raise RemoteExistsError(
            f"{MOST_NAMES:,} names like the file's are taken",
            host=self._files.address,
            path=join(directory, aside.name),
            hint="Move older files out of the directory",
        )

    async def _rename_into(self, old: str, directory: str, path: str) -> None:
        try:
            await self._rename(old, path)
        except RemoteNotFoundError:
            if await self._look(old) is None:
                raise
            # Another program removed the directory while it was empty.
            self._state.directories.discard(directory)
            await self._make(directory)
            await self._rename(old, path)

    async def _restore(self, aside: SetAside, mtime: int) -> None:
        """Give a version that was not read its name again, or one like it if it is taken."""
        path = await self._rename_to_free(aside, parent_of(aside.path), mtime)
        log.warning(
            "%s: %s was rewritten when it was about to be cleaned: its new version is not read "
            "yet, and is left as %s",
            self._files.address,
            aside.path,
            path,
        )

    def _directory_for(self, aside: SetAside, archive: str) -> str:
        return archive_directory(aside.path, self._roots, archive)

    async def _make(self, directory: str) -> None:
        if directory in self._state.directories:
            return
        try:
            await self._files.stat(directory)
        except RemoteNotFoundError:
            await self._files.makedirs(directory)
        self._state.directories.add(directory)


def _is_version(entry: RemoteEntry, aside: SetAside) -> bool:
    """Whether a file is the version that was read; servers that send no times show its size."""
    if entry.is_link or entry.is_dir or entry.size != aside.size:
        return False
    return not aside.mtime or int(entry.mtime) == aside.mtime
