"""The steps of a commit, each of which may be done twice: promote, finish, take back, recover.

A lost reply, a crash and a replay look the same from here: the source is gone and the target has
the right size. That is what "done" means.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
import re
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sftp_async import intent as intents
from sftp_async.errors import (
    CommitError,
    ConnectionLostError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    StalledError,
    TransferError,
)
from sftp_async.joining import join
from sftp_async.layout import DISPLACED, INTENT_SUFFIX, SUCCESS_FILE, PartFile, is_part, part_tag

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from sftp_async.intent import Intent
    from sftp_async.transport import Connection

log = logging.getLogger("sftp_async.promotion")

T = TypeVar("T")

#: Renames and removals under way at once on one channel; hides the round trip without flooding.
CONCURRENCY = 32
_JOB_ID = re.compile(r"[0-9a-f]{32}")


async def recover(
    connection: Connection, staging_base: str, directory: str, *, ttl: float, own_job: str = ""
) -> int:
    """Finish interrupted commits to `directory`, and sweep staging that nobody will use again.

    Args:
        connection: to the server.
        staging_base: directory of the staging directories.
        directory: target whose interrupted commits to finish.
        ttl: age in seconds, by the server's own clock, from which staging without an intent is
            swept.
        own_job: id of the job that asks; its staging directory shows the server's time.

    Returns:
        How many commits were finished.

    Raises:
        CommitError: an earlier commit cannot be finished: to write on top of it would mix the two.

    """
    entries = {entry.name: entry for entry in await connection.listdir(staging_base)}
    finished = 0
    for name in [name for name in entries if name.endswith(INTENT_SUFFIX)]:
        path = posixpath.join(staging_base, name)
        found = await intents.load(connection, path)
        if found is None or found.directory != directory or found.path != path:
            continue
        log.warning("%s: finishing the interrupted commit of job %s", directory, found.job_id)
        await promote_all(connection, found, taken_is_fine=True)
        await finish(connection, found)
        finished += 1
    own = entries.get(own_job)
    if own is not None:
        for name, entry in entries.items():
            old = own.mtime - entry.mtime > ttl
            if old and _JOB_ID.fullmatch(name) and name + INTENT_SUFFIX not in entries:
                log.warning("%s: sweeping staging of job %s", directory, name)
                await remove_tree(connection, posixpath.join(staging_base, name))
    return finished


async def promote_all(
    connection: Connection, intent: Intent, *, taken_is_fine: bool = False
) -> None:
    if SUCCESS_FILE in intent.removes:
        # Readers who wait for it must not take the mixture for the whole.
        await _remove(connection, intent.final_path(SUCCESS_FILE))
    await each(intent.parts, lambda part: _promote(connection, intent, part, taken_is_fine))


async def _promote(
    connection: Connection, intent: Intent, part: PartFile, taken_is_fine: bool
) -> None:
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    try:
        if intent.direct:
            await _check_size(connection, final, part.size)
        elif intent.by_copy:
            await _copy(connection, intent, part)
        elif intent.replace_exact:
            await _replace(connection, intent, staged, final)
        else:
            await connection.rename(staged, final)
    except RemoteNotFoundError as error:
        # Renamed before: the reply was lost, or someone else finished this commit.
        if await size_of(connection, final) == part.size:
            return
        if taken_is_fine:
            log.warning("%s is gone: a reader took it before the commit was finished", final)
            return
        raise CommitError(
            "A part file vanished before it became visible",
            host=connection.address,
            path=staged,
            hint="Something removes files from the staging directory: exclude it, or set staging_dir",
        ) from error
    except RemoteExistsError as error:
        # OpenSSH renames by link and unlink: a server that died in between has both names.
        ours = is_part(part.final) and await size_of(connection, final) == part.size
        if not ours:
            raise exact_exists(connection, final) from error
        await _remove(connection, staged)
    except (ConnectionLostError, StalledError, CommitError):
        raise
    except TransferError as error:
        raise CommitError(
            f"A part file cannot be made visible: {error.message}",
            host=connection.address,
            path=final,
            hint="The server must rename from the staging directory (staging_dir) into the target; "
            "for one that cannot rename at all set commit_mode=direct",
        ) from error


async def _replace(connection: Connection, intent: Intent, staged: str, final: str) -> None:
    """Rename over an existing file: in one step, or by setting the old one aside first."""
    try:
        await connection.replace(staged, final)
        return
    except RemoteUnsupportedError:
        pass
    if not await connection.exists(staged):
        raise RemoteNotFoundError("Staged file is gone", host=connection.address, path=staged)
    aside = posixpath.join(intent.staging, DISPLACED)
    with suppress(RemoteNotFoundError):
        await connection.rename(final, aside)
    await connection.rename(staged, final)


async def _copy(connection: Connection, intent: Intent, part: PartFile) -> None:
    """Copy the staged file to its name: for servers that cannot rename; readers may see it grow."""
    staged, final = intent.staged_path(part), intent.final_path(part.final)
    await _check_size(connection, staged, part.size)
    if not intent.replace_exact and await connection.exists(final):
        raise exact_exists(connection, final)
    await join(connection, [(staged, part.size)], final)


async def finish(connection: Connection, intent: Intent) -> None:
    """Remove what the job replaces, set the marker, clean up."""
    removes = [name for name in intent.removes if name != SUCCESS_FILE]
    try:
        await each(removes, lambda name: _remove(connection, intent.final_path(name)))
        if intent.direct:
            # Attempts that lost against a retry or a speculative twin.
            keep = {part.final for part in intent.parts}
            await remove_tagged(connection, intent.directory, intent.job_id[:8], keep)
        if intent.success_file:
            await connection.write_file(intent.final_path(SUCCESS_FILE), b"")
    except (ConnectionLostError, StalledError):
        raise
    except TransferError as error:
        raise CommitError(
            f"The new data is complete and visible, but the commit could not be finished: {error.message}",
            host=connection.address,
            path=error.path,
            hint="The next write to this target finishes it",
        ) from error
    await remove_tree(connection, intent.staging)
    with suppress(RemoteNotFoundError):
        await connection.remove(intent.path)
    with suppress(TransferError):  # other jobs are at work
        await connection.rmdir(intent.staging_base)


async def is_complete(connection: Connection, intent: Intent) -> bool:
    """Whether every part is visible."""

    async def visible(part: PartFile) -> None:
        renamed = not intent.direct and not intent.by_copy
        if renamed and await connection.exists(intent.staged_path(part)):
            raise RemoteExistsError("still staged")
        if await size_of(connection, intent.final_path(part.final)) != part.size:
            raise RemoteExistsError("not visible")

    try:
        await each(intent.parts, visible)
    except RemoteExistsError:
        return False
    return True


async def demote(connection: Connection, intent: Intent, part: PartFile) -> None:
    """Take back a part that was made visible; leave a file that is not this job's."""
    final = intent.final_path(part.final)
    aside = posixpath.join(intent.staging, DISPLACED)
    if intent.by_copy and not intent.replace_exact:
        # Checked before the copy: the name was free, so whatever is there came from it.
        await _remove(connection, final)
        return
    if not intent.direct and await connection.exists(intent.staged_path(part)):
        twin = is_part(part.final) and await size_of(connection, final) == part.size
        if not twin:
            if intent.replace_exact and await connection.exists(aside):
                await connection.rename(aside, final)
            return
    if not intent.replace_exact:
        await _remove(connection, final)


async def each(items: Iterable[T], action: Callable[[T], Awaitable[None]]) -> None:
    """Do something to every item, many at a time; the first error ends it, after what is under way."""
    waiting = iter(items)
    errors: list[BaseException] = []

    async def work() -> None:
        for item in waiting:
            if errors:
                return
            try:
                await action(item)
            except Exception as error:  # noqa: BLE001 - raised below, after the others came to rest
                errors.append(error)

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    if errors:
        raise errors[0]


async def _remove(connection: Connection, path: str) -> None:
    with suppress(RemoteNotFoundError):
        await connection.remove(path)


async def remove_tagged(
    connection: Connection, directory: str, tag: str, keep: Iterable[str]
) -> None:
    listing = await connection.listdir(directory)
    kept = set(keep)
    mine = [e.name for e in listing if part_tag(e.name) == tag and e.name not in kept]
    await each(mine, lambda name: _remove(connection, posixpath.join(directory, name)))


async def remove_tree(connection: Connection, staging: str) -> None:
    """Remove a staging directory, which is flat; a task that still writes into it can delay this."""
    for _ in range(3):
        try:
            await connection.rmdir(staging)
            return
        except RemoteNotFoundError:
            return
        except (ConnectionLostError, StalledError):
            raise
        except TransferError:
            with suppress(RemoteNotFoundError):
                for entry in await connection.listdir(staging):
                    await _remove(connection, posixpath.join(staging, entry.name))
    log.warning("%s could not be removed; a later write sweeps it", staging)


async def size_of(connection: Connection, path: str) -> int | None:
    try:
        return (await connection.stat(path)).size
    except RemoteNotFoundError:
        return None


async def _check_size(connection: Connection, path: str, size: int) -> None:
    found = (await connection.stat(path)).size
    if found != size:
        raise CommitError(
            f"A part file has {found:,} bytes instead of {size:,}",
            host=connection.address,
            path=path,
        )


def exact_exists(connection: Connection, target: str) -> CommitError:
    return CommitError(
        "The file exists already",
        host=connection.address,
        path=target,
        hint='Use mode("overwrite") to replace it, or give a directory to append to',
    )
