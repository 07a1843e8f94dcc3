"""Tells a job's own file from another job's file of the same name and size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, RemoteNotFoundError, TransferError
from sftp_async.layout.part_names import PartFile, part_tag, tag_of
from sftp_async.remote.checksums import digests_of
from sftp_async.write.commit.remote_steps import size_of

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

#: Files read at once to compare their digests; each takes 4 MiB of memory.
READS_AT_ONCE = 8


def is_marked(intent: Intent, part: PartFile) -> bool:
    """Whether a part's final name can be no other job's."""
    return part_tag(part.name) == tag_of(intent.paths.job_id)


async def is_in_place(connection: RemoteFileSystem, intent: Intent, part: PartFile) -> bool:
    """Whether the file under a part's final name is the part.

    Where the name can be another job's, the file is read: only after a reply was lost, or a job
    was interrupted.
    """
    final = intent.final(part)
    if await size_of(connection, final) != part.size:
        return False
    if is_marked(intent, part):
        return True
    start = 0
    for size, digest in intent.pieces or [(part.size, part.sha256)]:
        try:
            found = await digests_of(connection, [(final, start, size)], ["sha256"])
        except RemoteNotFoundError:
            return False
        if found["sha256"] != digest:
            return False
        start += size
    return True


async def are_one_file(connection: RemoteFileSystem, one: str, other: str) -> bool:
    """Whether two names are one file: then a change to the time of one shows at the other.

    Nothing else in SFTP 3 identifies hard links. On a server that keeps no times the answer is no.
    """
    try:
        before = int((await connection.stat(other)).mtime)
        await connection.set_attributes(one, None, before + 1)
        if int((await connection.stat(other)).mtime) != before + 1:
            return False
        await connection.set_attributes(other, None, before)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError:
        return False
    return True
