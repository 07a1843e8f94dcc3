"""Taking back what a published intent made visible, step by step. Each may be done twice."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.commit import directories, documents
from sftp_async.commit import intent as intents
from sftp_async.commit.promotion import (
    aside,
    check_places,
    claimed,
    displaced,
    forget,
    remove_tagged,
)
from sftp_async.commit.steps import (
    each,
    remove_if_there,
    remove_staging_base,
    remove_tree,
    set_aside,
    size_of,
)
from sftp_async.errors import RemoteExistsError, RemoteNotFoundError
from sftp_async.layout import PartFile, part_tag, tag_of

if TYPE_CHECKING:
    from sftp_async.commit.intent import Intent
    from sftp_async.transport import Connection

#: In the staging directory: a part that was taken back, or can no longer be made visible.
WITHDRAWN = "withdrawn"


async def undo(connection: Connection, intent: Intent, state: intents.State = "intent") -> bool:
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
        if not await documents.advance(connection, intent, "withdrawn"):
            return False
        if intent.renames:
            await _take_back(connection, intent)
            # Without this, what is in staging no longer tells what is to be taken back.
            await documents.advance(connection, intent, "undone", since="withdrawn")
        elif intent.by_copy:
            await _remove_copies(connection, intent)
    await remove_tree(connection, intent.staging)
    if intent.direct:
        # Not before: tasks that end from now on find the directory gone, and remove their files.
        await remove_tagged(connection, intent, keep=())
    await forget(connection, intent, "intent", "withdrawn", "undone")
    await remove_staging_base(connection, intent.staging_base, intent.directory)
    return True


async def _take_back(connection: Connection, intent: Intent) -> None:
    places = [*intent.makes, *(part.directory for part in intent.parts)]
    await check_places(connection, intent, places)
    tag = tag_of(intent.job_id)
    marked = [part for part in intent.parts if part_tag(part.name) == tag]
    # First: from now on nobody can make another one visible.
    await each(marked, lambda part: remove_if_there(connection, intent.staged_path(part)))
    await each(marked, lambda part: remove_if_there(connection, intent.final_path(part.final)))
    # The names of the others are not the job's alone.
    others = [part for part in intent.parts if part_tag(part.name) != tag]
    await each(others, lambda part: _take_back_named(connection, intent, part))
    await directories.prune(connection, intent.directory, intent.makes)
    for index, name in enumerate(intent.asides):
        await set_aside(connection, aside(intent, index), intent.final_path(name))


async def _take_back_named(connection: Connection, intent: Intent, part: PartFile) -> None:
    """Take one part out of sight, and give its name back to the file that had it."""
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    withdrawn = posixpath.join(intent.staging, f"{WITHDRAWN}-{part.staged}")
    try:
        await connection.rename(staged, withdrawn)
    except RemoteExistsError:
        # OpenSSH renames by link and unlink: a server that died in between has both names.
        await remove_if_there(connection, staged)
    except RemoteNotFoundError:
        if await _is_visible(connection, intent, part) and not await connection.exists(withdrawn):
            await set_aside(connection, final, withdrawn)
    await set_aside(connection, displaced(intent, part), final)


async def _is_visible(connection: Connection, intent: Intent, part: PartFile) -> bool:
    """Whether a part that is no longer staged has its final name."""
    if part.final in intent.taken and not await connection.exists(displaced(intent, part)):
        return False  # the file that it would have replaced never moved
    return await size_of(connection, intent.final_path(part.final)) == part.size


async def _remove_copies(connection: Connection, intent: Intent) -> None:
    for part in intent.parts:
        if await connection.exists(claimed(intent)):
            await remove_if_there(connection, intent.final_path(part.final))
