"""What tells readers that a job is complete: checksum files, `_manifest.json`, `_SUCCESS`."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from sftp_async.commit.steps import each, remove_if_there
from sftp_async.errors import RemoteUnsupportedError
from sftp_async.layout import MANIFEST_FILE, SUCCESS_FILE, checksum_name

if TYPE_CHECKING:
    from sftp_async.commit.intent import Intent
    from sftp_async.layout import PartFile
    from sftp_async.transport import Connection

#: Of the manifest's form.
VERSION = 1


async def announce(connection: Connection, intent: Intent) -> None:
    """Write what the user asked for, in this order, behind all data. May be done twice."""
    if intent.checksum_files:

        async def write_checksum(part: PartFile) -> None:
            path = intent.final_path(checksum_name(part.final))
            await connection.write_file(path, checksum_line(part))

        await each(intent.parts, write_checksum)
    if intent.manifest is not None:
        await _replace(connection, intent, intent.final_path(MANIFEST_FILE), manifest(intent))
    if intent.success_file:
        await connection.write_file(intent.final_path(SUCCESS_FILE), b"")


def checksum_line(part: PartFile) -> bytes:
    """Return what `sha256sum` prints for the file, in its own directory.

    It escapes names with a backslash.
    """
    name, escaped = part.name, part.name.replace("\\", "\\\\")
    mark = "\\" if name != escaped else ""
    return f"{mark}{part.sha256}  {escaped}\n".encode("utf-8", "surrogateescape")


def manifest(intent: Intent) -> bytes:
    """Return the document that lists the job's files."""
    files = [
        {"name": part.final, "rows": part.rows, "bytes": part.size, "sha256": part.sha256}
        for part in intent.parts
    ]
    document = {
        "version": VERSION,
        "job": intent.job_id,
        **(intent.manifest or {}),
        "rows": sum(part.rows for part in intent.parts),
        "bytes": sum(part.size for part in intent.parts),
        "files": files,
    }
    return (json.dumps(document, indent=1) + "\n").encode()


async def _replace(connection: Connection, intent: Intent, path: str, data: bytes) -> None:
    """Write a file that readers may look at while an older one is there."""
    if not intent.renames:
        await connection.write_file(path, data)
        return
    # Not in the staging directory, which is gone by now.
    draft = posixpath.join(intent.staging_base, f"{intent.document}.draft")
    await connection.write_file(draft, data)
    try:
        await connection.replace(draft, path)
    except RemoteUnsupportedError:
        await remove_if_there(connection, path)
        await connection.rename(draft, path)
