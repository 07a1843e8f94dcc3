"""Registers the names that templates made: names that merely fit a template are other programs'.

<target>/_sftp_async/file_names/<id>.json   {"version": 1, "names": ["orders_00001.csv"]}

A document is written before the intent of its job is removed, so every visible file of such a name
is in an intent or in a document. Documents are merged into new ones, and none is removed whose
names are not in another: two jobs that merge at once leave names twice, and never none.
"""

from __future__ import annotations

import json
import logging
import posixpath
import uuid
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, RemoteNotFoundError, TransferError
from sftp_async.layout.once import MARKERS
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import partition_directories
from sftp_async.write.commit.remote_steps import refuse_links, remove_leftover

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

log = logging.getLogger("sftp_async.write.commit.name_registry")

#: Directory of the documents, in `_sftp_async`.
FILE_NAMES = "file_names"
#: Version of a document's form.
VERSION = 1
#: Bytes of a document that is read: as of an intent, which lists the same names and more.
LARGEST = 64 * 1024 * 1024
#: Documents from which on they are merged into one.
MANY = 50


async def registered(connection: RemoteFileSystem, directory: str) -> frozenset[str] | None:
    """Return the names that jobs registered in a target; None: there is no registry.

    Raises:
        CommitError: a link is in the place of the registry.

    """
    folder = _folder(directory)
    try:
        listing = await connection.listdir(folder)
    except RemoteNotFoundError:
        return None
    await refuse_links(connection, posixpath.dirname(folder), folder)
    names: set[str] = set()

    async def look(name: str) -> None:
        names.update(await _read(connection, posixpath.join(folder, name)) or ())

    await each([entry.name for entry in listing], look)
    return frozenset(names)


async def register(connection: RemoteFileSystem, intent: Intent) -> None:
    """Register the names of a job's files, which are all visible. Idempotent.

    A server that refuses it makes the next overwrite ask for `overwrite_scope=matching`.

    Raises:
        CommitError: a link is in the place of the registry.

    """
    folder = _folder(intent.paths.directory)
    path = posixpath.join(folder, f"{intent.paths.job_id}.json")
    try:
        await refuse_links(connection, posixpath.dirname(folder), folder)
        names = [part.final for part in intent.parts]
        try:
            await _write(connection, path, names)
        except RemoteNotFoundError:
            await connection.makedirs(folder)
            await _write(connection, path, names)
        listing = [entry.name for entry in await connection.listdir(folder)]
        if len(listing) >= MANY or (intent.removes and len(listing) > 1):
            await _merge(connection, intent.paths.directory, listing)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        log.warning(
            "%s cannot be written, and the next overwrite does not know this job's files: %s",
            path,
            error.message,
        )


async def _merge(connection: RemoteFileSystem, directory: str, listing: Collection[str]) -> None:
    """Replace documents by one with the names that still exist."""
    folder = _folder(directory)
    names: set[str] = set()
    merged: list[str] = []

    async def look(name: str) -> None:
        path = posixpath.join(folder, name)
        found = await _read(connection, path)
        if found is not None:
            names.update(found)
            merged.append(path)

    await each(listing, look)
    kept = await partition_directories.files_of(connection, directory, names)
    await _write(connection, posixpath.join(folder, f"{uuid.uuid4().hex}.json"), kept)
    await each(merged, lambda path: remove_leftover(connection, path))


async def _read(connection: RemoteFileSystem, path: str) -> list[str] | None:
    """Return the names in a document; None if it is gone, torn, or no document."""
    try:
        fields = json.loads(await connection.read_file(path, LARGEST))
    except (RemoteNotFoundError, ValueError, RecursionError):
        return None
    names = fields.get("names") if isinstance(fields, dict) else None
    if not isinstance(names, list) or fields.get("version") != VERSION:
        return None
    return [name for name in names if isinstance(name, str)]


async def _write(connection: RemoteFileSystem, path: str, names: Iterable[str]) -> None:
    document = {"version": VERSION, "names": sorted(names)}
    await connection.write_file(path, json.dumps(document).encode())


def _folder(directory: str) -> str:
    return posixpath.join(directory, MARKERS, FILE_NAMES)
