"""Executes a commit intent: promotes the parts, then cleans up. Every step is idempotent.

After a lost reply, a crash or a replay, a part that was promoted looks the same: its staged file is
gone and its final name is there. `file_identity` tells whose file that is.
"""

from __future__ import annotations

import logging
import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.layout.intent_names import STATES
from sftp_async.layout.sidecars import job_tag
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import commit_marker, intent_store, partition_directories
from sftp_async.write.commit.file_identity import (
    READS_AT_ONCE,
    are_one_file,
    is_in_place,
    is_marked,
)
from sftp_async.write.commit.promoters import Promoter, check_places, name_taken, promoter_for
from sftp_async.write.commit.remote_steps import (
    remove_if_there,
    remove_staging_base,
    remove_tree,
    set_aside,
    size_of,
)
from sftp_async.write.commit.sidecars import leaves_sidecars, write_sidecars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.intent_names import IntentState
    from sftp_async.layout.part_names import PartFile
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

log = logging.getLogger("sftp_async.write.commit.promote")


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
    promoter = promoter_for(connection, intent)
    await promoter.prepare()

    async def promote(part: PartFile) -> None:
        await _promote(connection, intent, promoter, part, recovering)
        done.add(part.final)

    await each([part for part in intent.parts if part.final not in done], promote)


async def _promote(
    connection: RemoteFileSystem,
    intent: Intent,
    promoter: Promoter,
    part: PartFile,
    recovering: bool,
) -> None:
    staged, final = intent.staged(part), intent.final(part)
    try:
        await promoter.promote(part)
    except RemoteNotFoundError as error:
        if not await _was_promoted(connection, intent, part, recovering):
            document = intent.paths.document("intent")
            raise CommitError(
                "A part file vanished before it became visible",
                host=connection.address,
                path=staged,
                hint="Something removes files from the staging directory: exclude it from that, "
                "or set staging_dir" + (f". To give the job up, remove {document}" * recovering),
            ) from error
    except RemoteExistsError as error:
        if not await _is_same_part(connection, intent, part):
            raise name_taken(connection, final) from error
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


async def _was_promoted(
    connection: RemoteFileSystem, intent: Intent, part: PartFile, recovering: bool
) -> bool:
    """Whether a part that is no longer staged became visible before."""
    final = intent.final(part)
    if await is_in_place(connection, intent, part):
        return True
    marked = is_marked(intent, part)
    if not marked and await connection.exists(final):
        return False  # the old file, or another job's: ours was never promoted, or was replaced
    if not recovering and marked:
        # Another writer completes it, and a reader took the file since.
        return not await connection.exists(intent.paths.document("intent"))
    if not marked and await _is_promoted_by_another(connection, intent):
        return True
    if not recovering:
        return False
    # A reader took it, or the staging area was cleared. Never remove old data on that guess.
    taken = (marked and not intent.removes) or await connection.exists(intent.paths.staging)
    if taken:
        log.warning("%s is gone: a reader took it before the commit was finished", final)
    return taken


async def _is_promoted_by_another(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether another writer is past the renames: the document says so, or is gone.

    Of files that replace others it must say so: if the staging directory was cleared with all that
    is in it, old files that were set aside may be lost, and that is no completed commit.
    """
    for state in ("finished", "visible"):
        if await connection.exists(intent.paths.document(state)):
            return True
    if intent.replaces:
        return False
    for state in STATES:
        if await connection.exists(intent.paths.document(state)):
            return False
    return True


async def _is_same_part(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> bool:
    """Whether the file that has a part's name is the part itself.

    OpenSSH renames by link and unlink: a server that died in between has both names. Others look
    at the target before the source, which may be gone.
    """
    staged, final = intent.staged(part), intent.final(part)
    if not is_marked(intent, part):
        if await are_one_file(connection, staged, final):
            return True
        if await connection.exists(staged):
            return False  # another job may have put the same bytes there
    return await is_in_place(connection, intent, part)


async def all_visible(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Whether every final name has its part, and no part under a name of others is still staged.

    Every part is looked at before the first is read: a part that is missing costs no reading.
    """

    async def look(part: PartFile) -> None:
        # A name that the user chose is not this job's alone: the file may be the old one.
        if not is_marked(intent, part) and await connection.exists(intent.staged(part)):
            raise _NotVisible
        if await size_of(connection, intent.final(part)) != part.size:
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
    """Remove what the job replaces, write marker and sidecar files, clean up.

    Every part is visible.

    Raises:
        CommitError: the server refuses a step; the data is there, and the next writer tries again.

    """
    advances = advances_before_its_end(intent)
    promoter = promoter_for(connection, intent)
    try:
        if advances and not await intent_store.advance(connection, intent, "visible"):
            # Another writer finished it meanwhile, or this one before a reply was lost.
            if await connection.exists(intent.paths.document("discarded")):
                raise discarded(connection, intent)
            if await connection.exists(intent.paths.document("finished")):
                await clear(connection, intent)
            return
        if intent.mode is not PromotionMode.RENAME:
            await _finish_without_rename(connection, intent, promoter)
        elif not await _finish_by_rename(connection, intent, promoter, advances):
            return
        await clear(connection, intent)
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


def discarded(connection: RemoteFileSystem, intent: Intent) -> CommitError:
    """Build the error for a job that stood still until another writer rolled it back."""
    return CommitError(
        "While this job stood still in its commit, newer data took the place of what it was to "
        "replace, and another job discarded it",
        host=connection.address,
        path=intent.paths.directory,
        hint="Run it again if its rows are to replace that data",
    )


async def _finish_without_rename(
    connection: RemoteFileSystem, intent: Intent, promoter: Promoter
) -> None:
    # First: a task that ends later finds the directory gone and removes its file.
    await remove_tree(connection, intent.paths.staging)
    await _remove_replaced(connection, intent, promoter.set_aside)
    # Attempts that lost against a retry or a speculative attempt.
    await promoter.remove_attempts({part.final for part in intent.parts})
    await write_sidecars(connection, intent)
    if intent.once is not None:
        await commit_marker.write(connection, intent)


async def _finish_by_rename(
    connection: RemoteFileSystem, intent: Intent, promoter: Promoter, advances: bool
) -> bool:
    """Remove and write names that are not this job's alone, by renames from and to its staging.

    Returns:
        Whether that was done; if not, another writer has finished the job meanwhile.

    """
    if not advances:
        return True
    try:
        shared = await _remove_replaced(connection, intent, promoter.set_aside)
        await write_sidecars(connection, intent)
        if shared and not await connection.exists(intent.paths.staging):
            raise RemoteNotFoundError(
                "No staging directory", host=connection.address, path=intent.paths.staging
            )
    except RemoteNotFoundError:
        if await connection.exists(intent.paths.staging):
            raise
        if not await connection.exists(intent.paths.document("visible")):
            return False
        # Another program removed it: writers of this package finish the job first.
        with suppress(RemoteExistsError):
            await connection.mkdir(intent.paths.staging)
        await _remove_replaced(connection, intent, promoter.set_aside)
        await write_sidecars(connection, intent)
    if intent.once is not None:
        await commit_marker.write(connection, intent)
    return await intent_store.advance(connection, intent, "finished", since="visible")


async def clear(connection: RemoteFileSystem, intent: Intent) -> None:
    """Remove what a job that is finished has left: its staging directory, then its intent."""
    await remove_tree(connection, intent.paths.staging)
    states: tuple[IntentState, ...] = ("intent",)
    if intent.mode is not PromotionMode.RENAME:
        states = ("intent", "visible")
    elif advances_before_its_end(intent):
        # A server that died within a rename shows both names.
        states = ("intent", "visible", "finished")
    await intent_store.forget(connection, intent, *states)
    await remove_staging_base(connection, intent.paths)


def advances_before_its_end(intent: Intent) -> bool:
    """Whether a commit moves its intent to `visible` before its last steps.

    Only an append of part files that leaves nothing else does not: all that it has left to do is to
    remove what is its own. In every other case the rename ensures that the job was neither rolled
    back nor finished by another writer.
    """
    shared = any(not is_marked(intent, part) for part in intent.parts)
    return bool(intent.removes) or shared or leaves_sidecars(intent) or intent.once is not None


async def _remove_replaced(
    connection: RemoteFileSystem, intent: Intent, set_aside_before: Sequence[str]
) -> bool:
    """Remove what the job replaces; returns whether names are among it that others may use."""
    gone = frozenset(set_aside_before)  # with the staging directory
    names = [(n, name) for n, name in enumerate(intent.removes) if name not in gone]
    emptied = {posixpath.dirname(name) for _, name in names}
    await check_places(connection, intent, emptied)

    async def remove(numbered: tuple[int, str]) -> None:
        number, name = numbered
        path = intent.paths.final(name)
        if intent.mode is not PromotionMode.RENAME or job_tag(name) is not None:
            await remove_if_there(connection, path)
        else:
            # Another job's file may have the name by now, if this writer stood still: then the
            # staging directory is gone, and the rename fails. A second one finds the place taken.
            await set_aside(connection, path, intent.paths.replaced(number))

    await each(names, remove)
    # The directories of the parts are not empty.
    emptied -= {part.directory for part in intent.parts}
    await partition_directories.prune(connection, intent.paths.directory, emptied)
    return any(job_tag(name) is None for _, name in names)
