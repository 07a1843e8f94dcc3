"""How the parts of an intent get their final names and lose them again: a class for each mode."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    NameTakenError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.layout.hive import with_parents
from sftp_async.layout.part_names import tag_of
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import intent_store, partition_directories
from sftp_async.write.commit.concat import join
from sftp_async.write.commit.file_attributes import set_attributes
from sftp_async.write.commit.file_identity import (
    READS_AT_ONCE,
    are_one_file,
    is_in_place,
    is_marked,
)
from sftp_async.write.commit.remote_steps import refuse_links, remove_if_there, set_aside, size_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sftp_async.layout.part_names import PartFile
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

#: Times that a part's partition directory may vanish, because another job empties it.
MAKINGS = 10


class Promoter(ABC):
    """Promotes the parts of one published intent, and rolls them back. Every step is idempotent.

    Args:
        connection: to the server.
        intent: the parts and what they replace.

    """

    #: Names that `prepare` moves into the staging directory, and `roll_back` restores.
    set_aside: Sequence[str] = ()
    #: Whether `roll_back` restores what a promotion replaces; if not, a commit is completed.
    reversible = True

    def __init__(self, connection: RemoteFileSystem, intent: Intent) -> None:
        self._connection = connection
        self._intent = intent

    async def prepare(self) -> None:  # noqa: B027 - most modes need nothing
        """Do what has to come before the first promotion."""

    @abstractmethod
    async def promote(self, part: PartFile) -> None:
        """Give a part its final name.

        Raises:
            RemoteNotFoundError: the part is not where tasks wrote it; it may be promoted already.
            RemoteExistsError: the name is taken, perhaps by the part itself.

        """

    @abstractmethod
    async def roll_back(self) -> None:
        """Restore what the promotions changed, as far as the mode allows."""

    async def remove_attempts(self, keep: Collection[str]) -> None:  # noqa: B027
        """Remove part files that attempts of tasks wrote under final names.

        Called once the staging directory is gone: tasks that end later remove their own files.

        Args:
            keep: final names to leave.

        """

    async def _set_attributes(self, path: str) -> None:
        await set_attributes(self._connection, self._intent, path)


class RenamePromoter(Promoter):
    """Renames parts from the staging directory: each appears at once."""

    def __init__(self, connection: RemoteFileSystem, intent: Intent) -> None:
        super().__init__(connection, intent)
        self.set_aside = intent.asides

    async def prepare(self) -> None:
        """Make the partition directories; set sidecar files of old data aside."""
        # First: it ensures that no link leads the files that are set aside out of the target.
        await self._make_directories(self._intent.parts, self._intent.makes)
        paths = self._intent.paths
        await each(
            list(enumerate(self.set_aside)),
            lambda it: set_aside(self._connection, paths.final(it[1]), paths.aside(it[0])),
        )

    async def promote(self, part: PartFile) -> None:
        """Rename a part to its final name, over an old file where the intent says so."""
        staged, final = self._intent.staged(part), self._intent.final(part)
        await self._set_attributes(staged)
        for _ in range(MAKINGS):
            try:
                if self._intent.replaces:
                    await self._replace(part)
                else:
                    await self._connection.rename(staged, final)
                return
            except RemoteNotFoundError:
                if not part.directory or not await self._connection.exists(staged):
                    raise
                # Another job has removed its partition's directory while it was empty.
                await self._make_directories([part], [part.directory])
        raise TransferError(
            "The partition's directory keeps disappearing",
            host=self._connection.address,
            path=final,
        )

    async def _make_directories(self, parts: Sequence[PartFile], absent: Collection[str]) -> None:
        wanted = [part.directory for part in parts]
        await partition_directories.make(
            self._connection, self._intent.paths.directory, wanted, absent
        )

    async def _replace(self, part: PartFile) -> None:
        """Rename over an existing file: in one step, or by setting the old one aside first.

        Another of several parts may be refused later: then the old file stays in staging, where
        `roll_back` finds it.
        """
        connection, intent = self._connection, self._intent
        staged, final = intent.staged(part), intent.final(part)
        if part.final in intent.taken_names and connection.capabilities.posix_rename is not False:
            await self._keep(part)
        try:
            await connection.replace(staged, final)
            return
        except RemoteUnsupportedError:
            pass
        if not await connection.exists(staged):
            raise RemoteNotFoundError("Staged file is gone", host=connection.address, path=staged)
        await set_aside(connection, final, intent.paths.displaced(part.staged))
        await connection.rename(staged, final)

    async def _keep(self, part: PartFile) -> None:
        """Keep the file that a part replaces: by a second name, so that readers miss nothing."""
        connection, intent = self._connection, self._intent
        final, kept = intent.final(part), intent.paths.displaced(part.staged)
        if connection.capabilities.posix_rename:  # which moves the name, and leaves the second one
            try:
                await connection.link(final, kept)
                return
            except (RemoteNotFoundError, RemoteExistsError):
                return  # a reader took it, or it was kept before
            except UNKNOWN_OUTCOME:
                raise
            except TransferError:
                pass  # no hard links here, or none to others' files
        if await connection.exists(intent.staged(part)):
            await set_aside(connection, final, kept)

    async def roll_back(self) -> None:
        """Restore the target: parts disappear, replaced files get their names back."""
        connection, intent = self._connection, self._intent
        places = [*intent.makes, *(part.directory for part in intent.parts)]
        await check_places(connection, intent, places)
        marked = [part for part in intent.parts if is_marked(intent, part)]
        # First of all parts: once none is staged, no other writer can promote one.
        await each(marked, lambda part: self._discard(part, intent.staged(part)))
        await each(marked, lambda part: self._discard(part, intent.final(part)))
        # The names of the others are not the job's alone.
        others = [part for part in intent.parts if not is_marked(intent, part)]
        await each(others, self._roll_back_named, at_once=READS_AT_ONCE)
        await partition_directories.prune(connection, intent.paths.directory, intent.makes)
        for number, name in enumerate(self.set_aside):
            await set_aside(connection, intent.paths.aside(number), intent.paths.final(name))
        # Without this, what is in staging no longer tells what is to be rolled back.
        await intent_store.advance(connection, intent, "undone", since="withdrawn")

    async def _discard(self, part: PartFile, path: str) -> None:
        """Remove a part, or move it to where it cannot be promoted, if the server refuses that."""
        try:
            await remove_if_there(self._connection, path)
        except RemotePermissionError:
            aside = self._intent.paths.withdrawn(part.staged)
            await set_aside(self._connection, path, aside)

    async def _roll_back_named(self, part: PartFile) -> None:
        """Move a part to where it cannot be promoted, and restore the file that had its name."""
        connection, intent = self._connection, self._intent
        staged, final = intent.staged(part), intent.final(part)
        withdrawn = intent.paths.withdrawn(part.staged)
        if await size_of(connection, final) == part.size:
            # A server that died between link and unlink, which is how OpenSSH renames, has both
            # names.
            for name in (staged, withdrawn):
                if await are_one_file(connection, name, final):
                    # Not removed by its name, which may be a newer file's in a moment.
                    await set_aside(connection, final, intent.paths.sidecar_draft(uuid.uuid4().hex))
        try:
            await connection.rename(staged, withdrawn)
        except RemoteExistsError:
            await remove_if_there(connection, staged)
        except RemoteNotFoundError:
            # Once it is withdrawn, the name is the old file's again, which may hold the same bytes.
            if not await connection.exists(withdrawn) and await is_in_place(
                connection, intent, part
            ):
                await self._withdraw(part)
        if not await connection.exists(final):  # or some servers' rename would replace another's
            await set_aside(connection, intent.paths.displaced(part.staged), final)

    async def _withdraw(self, part: PartFile) -> None:
        final = self._intent.final(part)
        try:
            await self._connection.rename(final, self._intent.paths.withdrawn(part.staged))
        except RemoteExistsError:
            pass  # another writer does the same
        except RemoteNotFoundError:
            # The staging directory was removed. A file that was replaced cannot be restored: the
            # new one stays.
            if part.final not in self._intent.taken_names:
                await remove_if_there(self._connection, final)


class CopyPromoter(Promoter):
    """Copies the one exact file to its name, on a server that cannot rename."""

    def __init__(self, connection: RemoteFileSystem, intent: Intent) -> None:
        super().__init__(connection, intent)
        self.reversible = intent.stays and not intent.replaces

    async def promote(self, part: PartFile) -> None:
        """Copy a part to its final name; readers may see it grow."""
        connection, intent = self._connection, self._intent
        staged, final, claimed = intent.staged(part), intent.final(part), intent.paths.claimed
        if not intent.replaces and not await connection.exists(claimed):
            if await connection.exists(final):
                raise name_taken(connection, final)
            await connection.write_file(claimed, b"")
        if await connection.is_link(final):
            # As a rename would: the link is replaced, not the file behind it.
            await remove_if_there(connection, final)
        await join(connection, [(staged, part.size)], final, check_size=intent.stays)
        if intent.stays:
            await self._set_attributes(final)

    async def roll_back(self) -> None:
        """Remove the copy, if the name was free before it."""
        for part in self._intent.parts:
            if await self._connection.exists(self._intent.paths.claimed):
                await remove_if_there(self._connection, self._intent.final(part))


class InPlacePromoter(Promoter):
    """Checks parts that tasks wrote under their final names, on a server that cannot rename."""

    def __init__(self, connection: RemoteFileSystem, intent: Intent) -> None:
        super().__init__(connection, intent)
        # Files that were taken away are delivered.
        self.reversible = intent.stays

    async def promote(self, part: PartFile) -> None:
        """Check that a part is whole, unless it may be gone by now."""
        final = self._intent.final(part)
        if not self._intent.stays:
            return
        found = (await self._connection.stat(final)).size
        if found != part.size:
            raise CommitError(
                f"A part file has {found:,} bytes instead of {part.size:,}",
                host=self._connection.address,
                path=final,
            )
        await self._set_attributes(final)

    async def roll_back(self) -> None:
        """Leave it to `remove_attempts`: tasks may still be writing."""

    async def remove_attempts(self, keep: Collection[str]) -> None:
        """Remove the job's part files, by the job's tag in their names."""
        paths = self._intent.paths
        await partition_directories.remove_tagged_everywhere(
            self._connection,
            paths.directory,
            self._intent.partition_by,
            tag_of(paths.job_id),
            keep,
        )


_PROMOTERS: dict[PromotionMode, type[Promoter]] = {
    PromotionMode.RENAME: RenamePromoter,
    PromotionMode.COPY: CopyPromoter,
    PromotionMode.IN_PLACE: InPlacePromoter,
}


def promoter_for(connection: RemoteFileSystem, intent: Intent) -> Promoter:
    """Return what promotes the parts of an intent, and rolls them back."""
    return _PROMOTERS[intent.mode](connection, intent)


async def check_places(connection: RemoteFileSystem, intent: Intent, within: Iterable[str]) -> None:
    """Ensure that no link leads removals in some partition directories out of the target.

    Raises:
        CommitError: a link is in the place of one.

    """
    places = [directory for level in with_parents(within) for directory in level]
    await refuse_links(connection, *map(intent.paths.final, places))


def name_taken(connection: RemoteFileSystem, path: str) -> NameTakenError:
    """Build the error for an exact file that would have to be replaced to append to it."""
    return NameTakenError(
        "The file exists already",
        host=connection.address,
        path=path,
        hint='Use mode("overwrite") to replace it, or give a directory to append to',
    )
