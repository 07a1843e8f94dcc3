"""Taking back what a published intent made visible, step by step. Each may be done twice."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteExistsError, RemoteNotFoundError
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import intent as intents
from sftp_async.write.commit import intent_store, partition_directories
from sftp_async.write.commit.file_identity import (
    READS_AT_ONCE,
    are_one_file,
    is_in_place,
    is_marked,
)
from sftp_async.write.commit.promote import (
    aside,
    check_places,
    claimed,
    displaced,
    forget,
    remove_tagged,
)
from sftp_async.write.commit.remote_steps import (
    remove_if_there,
    remove_staging_base,
    remove_tree,
    set_aside,
    size_of,
)

if TYPE_CHECKING:
    from sftp_async.layout.part_names import PartFile
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

#: In the staging directory: a part that was taken back, or can no longer be made visible.
WITHDRAWN = "withdrawn"


async def roll_back(
    connection: RemoteFileSystem, intent: Intent, state: intents.State = "intent"
) -> bool:
    """Take back what a published intent made visible, and leave every file that is not the job's.

    Args:
        connection: to the server.
        intent: published; what it copied over an existing file cannot be had back.
        state: the state it was found in.

    Returns:
        Whether that was done; if not, another writer has completed the job meanwhile.

    """
    if state != "undone":
        # First of all, so that nobody completes what is being undone.
        if not await intent_store.advance(connection, intent, "withdrawn"):
            return False
        if intent.renames:
            await _take_back(connection, intent)
            # Without this, what is in staging no longer tells what is to be taken back.
            await intent_store.advance(connection, intent, "undone", since="withdrawn")
        elif intent.by_copy:
            await _remove_copies(connection, intent)
    await remove_tree(connection, intent.staging)
    if intent.direct:
        # Not before: tasks that end from now on find the directory gone, and remove their files.
        await remove_tagged(connection, intent, keep=())
    await forget(connection, intent, "intent", "withdrawn", "undone")
    await remove_staging_base(connection, intent.staging_base, intent.directory)
    return True


async def _take_back(connection: RemoteFileSystem, intent: Intent) -> None:
    places = [*intent.makes, *(part.directory for part in intent.parts)]
    await check_places(connection, intent, places)
    marked = [part for part in intent.parts if is_marked(intent, part)]
    # First: from now on nobody can make another one visible.
    await each(marked, lambda part: remove_if_there(connection, intent.staged_path(part)))
    await each(marked, lambda part: remove_if_there(connection, intent.final_path(part.final)))
    # The names of the others are not the job's alone.
    others = [part for part in intent.parts if not is_marked(intent, part)]
    await each(
        others, lambda part: _take_back_named(connection, intent, part), at_once=READS_AT_ONCE
    )
    await partition_directories.prune(connection, intent.directory, intent.makes)
    for index, name in enumerate(intent.asides):
        await set_aside(connection, aside(intent, index), intent.final_path(name))


async def _take_back_named(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> None:
    """Take one part out of sight, and give its name back to the file that had it."""
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    withdrawn = posixpath.join(intent.staging, f"{WITHDRAWN}-{part.staged}")
    if await size_of(connection, final) == part.size:
        # A server that died between link and unlink, which is how OpenSSH renames, has both names.
        for name in (staged, withdrawn):
            if await are_one_file(connection, name, final):
                await remove_if_there(connection, final)
    try:
        await connection.rename(staged, withdrawn)
    except RemoteExistsError:
        await remove_if_there(connection, staged)
    except RemoteNotFoundError:
        # Once it is withdrawn, the name is the old file's again, which may hold the same.
        if not await connection.exists(withdrawn) and await is_in_place(connection, intent, part):
            await _withdraw(connection, intent, part, withdrawn)
    if not await connection.exists(final):  # or some servers' rename would replace another's
        await set_aside(connection, displaced(intent, part), final)


async def _withdraw(
    connection: RemoteFileSystem, intent: Intent, part: PartFile, withdrawn: str
) -> None:
    final = intent.final_path(part.final)
    try:
        await connection.rename(final, withdrawn)
    except RemoteExistsError:
        pass  # another writer does the same
    except RemoteNotFoundError:
        # Somebody cleared staging. A file that was replaced cannot be had back: the new one stays.
        if part.final not in intent.taken_names:
            await remove_if_there(connection, final)


async def _remove_copies(connection: RemoteFileSystem, intent: Intent) -> None:
    for part in intent.parts:
        if await connection.exists(claimed(intent)):
            await remove_if_there(connection, intent.final_path(part.final))
