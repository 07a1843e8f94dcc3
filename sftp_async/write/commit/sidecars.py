"""Writes sidecar files, which tell readers that data is complete: manifest, `_SUCCESS`, others."""

from __future__ import annotations

import json
import posixpath
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    TransferError,
)
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE, checksum_name, done_name
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.remote import atomic_file
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.name_registry import register

if TYPE_CHECKING:
    from sftp_async.layout.part_names import PartFile
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

#: Version of the manifest's form.
VERSION = 1
#: Bytes of a manifest that is read: enough for one file with thousands of columns.
LARGEST = 1024 * 1024


async def check_places(connection: RemoteFileSystem, intent: Intent) -> None:
    """Ensure that no directory has the name of a sidecar file of the whole job.

    Raises:
        CommitError: one has; nothing is visible yet.

    """
    names: set[str] = set()
    if intent.success_file:
        names.add(SUCCESS_FILE)
    if intent.manifest is not None:
        names.add(MANIFEST_FILE)
    if intent.done_file is not None:
        dones = {done_name(intent.done_file, part.final) for part in intent.parts}
        names |= dones if len(dones) == 1 else set()
    if intent.checksums != "none" and len(intent.parts) == 1:
        names.add(checksum_name(intent.parts[0].final, intent.checksums))

    async def look(name: str) -> None:
        if await connection.kind(intent.paths.final(name)) == "directory":
            raise CommitError(
                "A directory has the name of a sidecar file of the data",
                host=connection.address,
                path=intent.paths.final(name),
                hint="Move it away, or leave out the option that asks for the file",
            )

    await each(sorted(names), look)


def leaves_sidecars(intent: Intent) -> bool:
    """Whether the job writes sidecar files."""
    return (
        intent.checksums != "none"
        or intent.manifest is not None
        or intent.done_file is not None
        or intent.success_file
    )


async def write_sidecars(connection: RemoteFileSystem, intent: Intent) -> None:
    """Write the sidecar files that the user asked for, `_SUCCESS` last. Idempotent.

    Names that a template made are registered before.

    Raises:
        RemoteNotFoundError: the staging directory is gone: another writer has finished the job.

    """
    if intent.registers:
        await register(connection, intent)
    if intent.checksums != "none":

        async def write_checksum(part: PartFile) -> None:
            name = checksum_name(part.final, intent.checksums)
            await _place(connection, intent, name, checksum_line(part, intent.checksums))

        await each(intent.parts, write_checksum)
    if intent.manifest is not None:
        await _place(connection, intent, MANIFEST_FILE, manifest(intent))
    if intent.done_file is not None:
        names = {done_name(intent.done_file, part.final) for part in intent.parts}
        await each(sorted(names), lambda name: _place(connection, intent, name, b""))
    if intent.success_file:
        await _place(connection, intent, SUCCESS_FILE, b"")


def checksum_line(part: PartFile, algorithm: str) -> bytes:
    """Return what `sha256sum` or `md5sum` prints for the file, in its own directory.

    They escape names with a backslash.
    """
    name, escaped = part.name, part.name.replace("\\", "\\\\")
    mark = "\\" if name != escaped else ""
    digest = part.md5 if algorithm == "md5" else part.sha256
    return f"{mark}{digest}  {escaped}\n".encode("utf-8", "surrogateescape")


def manifest(intent: Intent) -> bytes:
    """Return the document that lists the job's files."""
    files = [
        {"name": part.final, "rows": part.rows, "bytes": part.size, "sha256": part.sha256}
        | ({"md5": part.md5} if part.md5 else {})
        for part in intent.parts
    ]
    document = {
        "version": VERSION,
        "job": intent.paths.job_id,
        **(intent.manifest or {}),
        "rows": sum(part.rows for part in intent.parts),
        "bytes": sum(part.size for part in intent.parts),
        "files": files,
    }
    return (json.dumps(document, indent=1) + "\n").encode()


async def manifest_names(
    connection: RemoteFileSystem, directory: str, *, largest: int = LARGEST
) -> list[str]:
    """Return the names of the files that a target's manifest lists; none if it is not ours.

    Args:
        connection: to the server.
        directory: the target.
        largest: bytes of a manifest that is read.

    """
    try:
        document = json.loads(
            await connection.read_file(posixpath.join(directory, MANIFEST_FILE), largest)
        )
        names = [str(file["name"]) for file in document["files"]]
        return names if document["version"] == VERSION else []
    except UNKNOWN_OUTCOME:
        raise
    except (TransferError, ValueError, TypeError, LookupError, RecursionError):
        return []


async def _place(connection: RemoteFileSystem, intent: Intent, name: str, data: bytes) -> None:
    """Write a file that readers may open while an older one is there.

    It comes from the staging directory, which a writer that stood still finds gone.
    """
    path = intent.paths.final(name)
    if intent.mode is not PromotionMode.RENAME:
        await connection.write_file(path, data)
        return
    draft = intent.paths.sidecar_draft(uuid.uuid4().hex)
    with suppress(RemoteExistsError):  # by another writer of the same job
        await atomic_file.replace(connection, path, data, draft=draft, aside=f"{draft}-old")
