"""The one exact file of a job: its name, the part that becomes it, its checksums."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from sftp_async.layout.part_names import PartFile, free_name
from sftp_async.layout.sidecars import ALGORITHMS
from sftp_async.remote.checksums import digests_of, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.checksums import How
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.archive_pieces import ArchivePieces
    from sftp_async.write.commit.control_records import ControlRecords
    from sftp_async.write.commit.intent import Intent


async def exact_name(connection: RemoteFileSystem, layout: Layout) -> str:
    """Return the name that the exact file will have; a free one with `if_exists=rename`."""
    final = layout.file_name
    assert final is not None
    if layout.collision == "rename":
        listing = await connection.listdir(layout.directory)
        final = free_name(final, {entry.name for entry in listing})
    return final


async def pieces_of(
    connection: RemoteFileSystem,
    layout: Layout,
    parts: tuple[PartFile, ...],
    final: str,
    control: ControlRecords | None,
    archive: ArchivePieces | None,
) -> tuple[PartFile, ...]:
    """Stage what is around the parts of the exact file, and return all that is to be joined.

    Args:
        connection: to the server.
        layout: of the job.
        parts: all of the data, in order; at least one.
        final: name of the file.
        control: lines before and after the data.
        archive: that the data is in.

    """
    if control is not None:
        # Lines of a member name the member: the archive is gone once it is unpacked.
        first = parts[0]
        name = archive.member_name(connection, layout, final, first) if archive else final
        parts = await control.around(connection, layout, parts, name)
    if archive is not None:
        parts = await archive.around(connection, layout, parts, final)
    return parts


def exact_part(parts: tuple[PartFile, ...], final: str) -> PartFile:
    """Return the one part that becomes the exact file: the only one, or all of them joined."""
    if len(parts) == 1:
        return replace(parts[0], final=final)
    rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
    # A new name for each try: a server may execute late what a lost session asked for, and its
    # "create or empty" must not hit the file that took this one's place.
    staged = f"joined-{uuid.uuid4().hex}"
    return PartFile(staged, final, rows, size, "")


async def with_digests(
    connection: RemoteFileSystem, intent: Intent, parts: Sequence[PartFile], options: WriteOptions
) -> Intent:
    """Verify a joined file as its parts were; compute its checksum if an option needs it.

    Args:
        connection: to the server.
        intent: of the one exact file, which is joined in staging.
        parts: the pieces, in order.
        options: the write options.

    Raises:
        VerificationError: the joined file does not hold what its parts did.

    """
    (joined,) = intent.parts
    path = intent.staged(joined)
    # No server computes the checksum of a range of a file: it is read back.
    how: How = "size" if options.verify in ("size", "none") else "readback"
    start = 0
    for piece in parts:
        await verify(connection, path, start, piece.size, piece.sha256, how)
        start += piece.size
    if intent.manifest is None and intent.checksums == "none":
        return intent
    algorithms = ALGORITHMS if intent.checksums == "md5" else ALGORITHMS[:1]
    digests = await digests_of(connection, [(path, 0, joined.size)], algorithms)
    known = replace(joined, sha256=digests["sha256"], md5=digests.get("md5", ""))
    return replace(intent, parts=(known,))
