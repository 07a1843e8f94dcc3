"""Tells whether newer data is in the place of what an interrupted job was about to replace.

Any writer completes the intents that it finds before it replaces data. Where one was not found (the
account may not list, another program replaced the data) completing it later would bring old rows
back next to newer ones, or put an old file over a newer one.
"""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError, RemotePermissionError
from sftp_async.layout.part_names import is_data
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.file_identity import is_marked

if TYPE_CHECKING:
    from sftp_async.layout.part_names import PartFile
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem
    from sftp_async.write.commit.intent import Intent


async def is_outdated(connection: RemoteFileSystem, intent: Intent, written: float) -> bool:
    """Whether an intent, of which not all is visible, is not to be completed any more.

    Args:
        connection: to the server.
        intent: in the state `intent` or `withdrawn`: the job has removed nothing so far.
        written: when it was written, by the server's clock; 0: unknown.

    """
    if not written:
        return False
    return await _is_replaced_by_newer(connection, intent, written) or await _has_newer_names(
        connection, intent, written
    )


async def _is_replaced_by_newer(
    connection: RemoteFileSystem, intent: Intent, written: float
) -> bool:
    """Whether data that the job was to remove is gone, and newer data is in its place.

    Without other data a reader took it. Older data is that of a job in flight at the same time.
    """
    old = {name for name in intent.removes if is_data(posixpath.basename(name))}
    found: dict[str, RemoteEntry] = {}

    async def look(directory: str) -> None:
        path = intent.paths.final(directory) if directory else intent.paths.directory
        with suppress(RemoteNotFoundError):
            for entry in await connection.listdir(path):
                found[posixpath.join(directory, entry.name)] = entry

    try:
        await each({posixpath.dirname(name) for name in old}, look)
    except RemotePermissionError:
        return False  # nothing shows it to an account that may not list
    if old <= found.keys():
        return False
    mine = old | {part.final for part in intent.parts}
    return any(
        entry.mtime > written
        for name, entry in found.items()
        if name not in mine and not entry.is_dir and is_data(entry.name)
    )


async def _has_newer_names(connection: RemoteFileSystem, intent: Intent, written: float) -> bool:
    """Whether a file that a part is still to replace was written after the intent."""
    if not (intent.replaces and intent.mode is PromotionMode.RENAME):
        return False  # a copy that was cut short is such a file itself

    async def look(part: PartFile) -> None:
        with suppress(RemoteNotFoundError):
            if (await connection.stat(intent.final(part))).mtime > written and (
                await connection.exists(intent.staged(part))
            ):
                raise _Newer

    try:
        await each([part for part in intent.parts if not is_marked(intent, part)], look)
    except _Newer:
        return True
    return False


class _Newer(Exception):  # noqa: N818 - no error: the answer "yes"
    pass
