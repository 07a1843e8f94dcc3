"""What an intent asks for, step by step: make visible, finish. Each may be done twice.

A lost reply, a crash and a replay look the same from here: the source is gone and the target is
there. That is what "done" means; `ownership` tells whose file the target is.
"""

from __future__ import annotations

import logging
import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.layout.hive import with_parents
from sftp_async.layout.part_names import PartFile, tag_of
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import commit_marker, intent_store, partition_directories
from sftp_async.write.commit import intent as intents
from sftp_async.write.commit.concat import join
from sftp_async.write.commit.file_attributes import set_attributes
from sftp_async.write.commit.file_identity import (
    READS_AT_ONCE,
    are_one_file,
    is_in_place,
    is_marked,
)
from sftp_async.write.commit.remote_steps import (
    refuse_links,
    remove_if_there,
    remove_staging_base,
    remove_tree,
    set_aside,
    size_of,
)
from sftp_async.write.commit.sidecars import announce

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

log = logging.getLogger("sftp_async.write.commit.promote")

#: In the staging directory: a file that is being replaced, where it may have to come back, or the
#: server cannot replace it in one step.
DISPLACED = "displaced"
#: In the staging directory: what announced old data.
ASIDE = "aside"
#: In the staging directory, where files are copied to their names: the name was free, and what is
#: there now is this job's.
CLAIMED = "claimed"
#: Times that a part's partition directory may vanish, because another job empties it.
MAKINGS = 10


async def promote_all(
    connection: RemoteFileSystem,
    intent: Intent,
    *,
    recovering: bool = False,
    done: set[str] | None = None,
) -> None:
    """Make every part visible under its final name.

    Args:
        connection: to the server.
        intent: published.
        recovering: the job was interrupted some time ago, and readers may have taken files since.
        done: final names of parts that are known to be visible; more are added.

    Raises:
        CommitError: a part is missing, or a name is taken.

    """
    done = set() if done is None else done
    if not intent.direct:
        # First: it sees that no link leads what is set aside out of the target.
        await _make_directories(connection, intent, intent.parts, intent.makes)
    if intent.renames:
        await each(
            list(enumerate(intent.asides)),
            lambda it: set_aside(connection, intent.final_path(it[1]), aside(intent, it[0])),
        )

    async def promote(part: PartFile) -> None:
        await _promote(connection, intent, part, recovering)
        done.add(part.final)

    await each([part for part in intent.parts if part.final not in done], promote)


async def _promote(
    connection: RemoteFileSystem, intent: Intent, part: PartFile, recovering: bool
) -> None:
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    try:
        if intent.direct:
            await _check_size(connection, final, part.size)
            await set_attributes(connection, intent, final)
        elif intent.by_copy:
            await _copy(connection, intent, part)
            await set_attributes(connection, intent, final)
        else:
            await set_attributes(connection, intent, staged)
            await _rename(connection, intent, part)
    except RemoteNotFoundError as error:
        if not await _was_promoted(connection, intent, part, recovering):
            raise CommitError(
                "A part file vanished before it became visible",
                host=connection.address,
                path=staged,
                hint="Something removes files from the staging directory: exclude it from that, "
                "or set staging_dir" + (f". To give the job up, remove {intent.path}" * recovering),
            ) from error
    except RemoteExistsError as error:
        if not await _was_ours(connection, intent, part):
            raise exact_exists(connection, final) from error
        await remove_if_there(connection, staged)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        raise CommitError(
            f"A part file cannot be made visible: {error.message}",
            host=connection.address,
            path=final,
            hint="The server must rename from the staging directory (staging_dir) into the target; "
            "for one that cannot rename at all set commit_mode=direct",
        ) from error


async def _rename(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> None:
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    for _ in range(MAKINGS):
        try:
            if intent.replaces:
                await _replace(connection, intent, part)
            else:
                await connection.rename(staged, final)
            return
        except RemoteNotFoundError:
            if not part.directory or not await connection.exists(staged):
                raise
            # Another job has taken its partition's directory away while it was empty.
            await _make_directories(connection, intent, [part], [part.directory])
    raise TransferError(
        "The partition's directory keeps disappearing", host=connection.address, path=final
    )


async def _make_directories(
    connection: RemoteFileSystem, intent: Intent, parts: Sequence[PartFile], absent: Collection[str]
) -> None:
    wanted = [part.directory for part in parts]
    await partition_directories.make(connection, intent.directory, wanted, absent)


async def _was_promoted(
    connection: RemoteFileSystem, intent: Intent, part: PartFile, recovering: bool
) -> bool:
    """Whether a part that is no longer staged became visible before."""
    final = intent.final_path(part.final)
    if await is_in_place(connection, intent, part):
        return True
    marked = is_marked(intent, part)
    if not marked and await connection.exists(final):
        return False  # the old file, or another job's: ours never got there, or was replaced
    if not recovering and marked:
        # Another writer carries it out, and a reader took the file since.
        return not await connection.exists(intent.path)
    if not marked and await _is_carried_out(connection, intent):
        return True
    if not recovering:
        return False
    # A reader took it, or somebody cleared the staging area. Never remove old data on that guess.
    taken = (marked and not intent.removes) or await connection.exists(intent.staging)
    if taken:
        log.warning("%s is gone: a reader took it before the commit was finished", final)
    return taken


async def _is_carried_out(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether another writer is past the renames: the document says so, or is gone.

    Of files that replace others it must say so: to somebody who clears staging with all that is in
    it, old files that were set aside may be lost, and nobody may call that done.
    """
    if await connection.exists(intent.path_in("visible")):
        return True
    if intent.replaces:
        return False
    for state in intents.STATES:
        if await connection.exists(intent.path_in(state)):
            return False
    return True


async def _was_ours(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> bool:
    """Whether what a part's name is taken by is the part itself.

    OpenSSH renames by link and unlink: a server that died in between has both names. Others look
    at the target before the source, which may be gone.
    """
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    if not is_marked(intent, part):
        if await are_one_file(connection, staged, final):
            return True
        if await connection.exists(staged):
            return False  # another job may have put the same bytes there
    return await is_in_place(connection, intent, part)


async def _replace(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> None:
    """Rename over an existing file: in one step, or by setting the old one aside first.

    Of several parts another may yet be refused: then what the name stood for stays in staging,
    where `roll_back` finds it.
    """
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    if part.final in intent.taken_names and connection.capabilities.posix_rename is not False:
        await _keep(connection, intent, part)
    try:
        await connection.replace(staged, final)
        return
    except RemoteUnsupportedError:
        pass
    if not await connection.exists(staged):
        raise RemoteNotFoundError("Staged file is gone", host=connection.address, path=staged)
    await set_aside(connection, final, displaced(intent, part))
    await connection.rename(staged, final)


async def _keep(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> None:
    """Keep the file that a part is to replace: by a second name, so that readers miss nothing."""
    final, kept = intent.final_path(part.final), displaced(intent, part)
    if connection.capabilities.posix_rename:  # which takes the name back from both
        try:
            await connection.link(final, kept)
            return
        except (RemoteNotFoundError, RemoteExistsError):
            return  # a reader took it, or it was kept before
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            pass  # no hard links here, or none to others' files
    if await connection.exists(intent.staged_path(part)):
        await set_aside(connection, final, kept)


async def _copy(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> None:
    """Copy the staged file to its name: for servers that cannot rename; readers may see it grow."""
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    if not intent.replaces and not await connection.exists(claimed(intent)):
        if await connection.exists(final):
            raise exact_exists(connection, final)
        await connection.write_file(claimed(intent), b"")
    if await connection.is_link(final):
        # As a rename would: the link is replaced, not what is behind it.
        await remove_if_there(connection, final)
    await join(connection, [(staged, part.size)], final)


async def is_complete(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether every part is visible."""
    # Of a copy the document's state alone tells that it was whole.
    return not intent.by_copy and await all_visible(connection, intent)


async def all_visible(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether every final name has its part, and no exact file waits in staging."""

    async def look(part: PartFile) -> None:
        # The name of an exact file is not this job's alone: what is there may be the old one.
        if not is_marked(intent, part) and await connection.exists(intent.staged_path(part)):
            raise _NotVisible
        if await size_of(connection, intent.final_path(part.final)) != part.size:
            raise _NotVisible

    async def read(part: PartFile) -> None:
        if not await is_in_place(connection, intent, part):
            raise _NotVisible

    unmarked = [part for part in intent.parts if not is_marked(intent, part)]
    try:
        await each(intent.parts, look)
        await each(unmarked, read, at_once=READS_AT_ONCE)
    except _NotVisible:
        return False
    return True


class _NotVisible(Exception):  # noqa: N818 - no error: the answer "no"
    pass


async def finish(connection: RemoteFileSystem, intent: Intent) -> None:
    """Remove what the job replaces, set the commit_marker, clean up. Every part is visible.

    Raises:
        CommitError: something of it is refused; the data is there, and the next writer tries again.

    """
    # So that no staging directory, in the state before, means that somebody cleared it.
    shared = any(not is_marked(intent, part) for part in intent.parts)
    advances = bool(intent.removes) or shared
    try:
        if advances and not await intent_store.advance(connection, intent, "visible"):
            return  # another writer finished it meanwhile
        # Before the losers: a task that ends later finds the directory gone and removes its file.
        await remove_tree(connection, intent.staging)
        # Where there is rename, what was set aside went with the staging directory.
        gone = frozenset(intent.asides if intent.renames else ())
        removes = [name for name in intent.removes if name not in gone]
        emptied = {posixpath.dirname(name) for name in removes}
        await check_places(connection, intent, emptied)
        await each(removes, lambda name: remove_if_there(connection, intent.final_path(name)))
        # Nobody needs to ask whether the others are empty.
        emptied -= {part.directory for part in intent.parts}
        await partition_directories.prune(connection, intent.directory, emptied)
        if intent.direct:
            # Attempts that lost against a retry or a speculative twin.
            await remove_tagged(connection, intent, {part.final for part in intent.parts})
        await announce(connection, intent)
        if intent.once is not None:
            await commit_marker.write(connection, intent)
        states: tuple[intents.State, ...] = ("intent", "visible") if advances else ("intent",)
        await forget(connection, intent, *states)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        raise CommitError(
            "The new data is complete and visible, but the commit could not be finished: "
            f"{error.message}",
            host=connection.address,
            path=error.path,
            hint="The next write to this target finishes it",
        ) from error
    await remove_staging_base(connection, intent.staging_base, intent.directory)


async def check_places(connection: RemoteFileSystem, intent: Intent, within: Iterable[str]) -> None:
    """See that no link leads what is removed there out of the target."""
    places = [directory for level in with_parents(within) for directory in level]
    await refuse_links(connection, *map(intent.final_path, places))


async def remove_tagged(
    connection: RemoteFileSystem, intent: Intent, keep: Collection[str]
) -> None:
    """Remove the job's part files, by its tag in their names, but for some."""
    await partition_directories.remove_tagged_everywhere(
        connection, intent.directory, intent.partition_by, tag_of(intent.job_id), keep
    )


async def forget(connection: RemoteFileSystem, intent: Intent, *states: intents.State) -> None:
    """Remove the document; under earlier names, too: a rename that was cut short leaves both.

    Args:
        connection: to the server.
        intent: the document.
        states: that it may be in, the earliest first.

    """
    for state in states:
        await remove_if_there(connection, intent.path_in(state))


async def _check_size(connection: RemoteFileSystem, path: str, size: int) -> None:
    found = (await connection.stat(path)).size
    if found != size:
        raise CommitError(
            f"A part file has {found:,} bytes instead of {size:,}",
            host=connection.address,
            path=path,
        )


def displaced(intent: Intent, part: PartFile) -> str:
    """Return where the file that a part replaces is kept."""
    return posixpath.join(intent.staging, f"{DISPLACED}-{part.staged}")


def claimed(intent: Intent) -> str:
    """Return the path of the file that says `CLAIMED`."""
    return posixpath.join(intent.staging, CLAIMED)


def aside(intent: Intent, index: int) -> str:
    """Return where one of an intent's `asides` is kept: staging has no partition directories."""
    return posixpath.join(intent.staging, f"{ASIDE}-{index}")


def exact_exists(connection: RemoteFileSystem, target: str) -> CommitError:
    """Build the error for an exact file that would have to be replaced to append to it."""
    return CommitError(
        "The file exists already",
        host=connection.address,
        path=target,
        hint='Use mode("overwrite") to replace it, or give a directory to append to',
    )
