"""The one exact file of a job: its name, what is around its data, its checksums."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from sftp_async.layout.part_names import PartFile, free_name
from sftp_async.layout.sidecars import ALGORITHMS
from sftp_async.remote.checksums import digests_of, verify
from sftp_async.write.commit.archive_pieces import ArchivePieces
from sftp_async.write.commit.control_records import ControlRecords, Packed
from sftp_async.write.commit.encrypted_pieces import EncryptedPieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions, WriteOptions
    from sftp_async.remote.checksums import How
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent


async def exact_name(connection: RemoteFileSystem, layout: Layout) -> str:
    """Return the name that the exact file will have; a free one with `if_exists=rename`."""
    final = layout.file_name
    assert final is not None
    if layout.collision == "rename":
        listing = await connection.listdir(layout.directory)
        final = free_name(final, {entry.name for entry in listing})
    return final


@dataclass(frozen=True)
class Surroundings:
    """What the commit puts around the data of an exact file.

    Args:
        control: lines before and after the data.
        archive: that the data is in.
        encryption: of all of it.

    """

    control: ControlRecords | None = None
    archive: ArchivePieces | None = None
    encryption: EncryptedPieces | None = None

    @classmethod
    def of(cls, options: SFTPOptions, file_format: Format, schema: pa.Schema) -> Self:
        """Return what a job puts around its data.

        Args:
            options: of the job.
            file_format: of its parts.
            schema: the columns of the rows.

        """
        archive = ArchivePieces.of(file_format)
        encryption = EncryptedPieces.of(file_format)
        pack: Callable[[bytes], Packed] = Packed
        if archive is not None:
            pack = lambda data: Packed(*archive.pack(data))  # noqa: E731
        elif encryption is not None:
            pack = encryption.pack
        control = ControlRecords.of(options, file_format, schema, pack)
        return cls(control, archive, encryption)

    async def pieces(
        self,
        connection: RemoteFileSystem,
        layout: Layout,
        parts: tuple[PartFile, ...],
        final: str,
        options: WriteOptions,
    ) -> Pieces:
        """Stage what is around the parts, and return all that is to be joined.

        Args:
            connection: to the server.
            layout: of the job.
            parts: all of the data, in order; at least one.
            final: name of the file.
            options: the write options.

        """
        if self.control is not None:
            # Lines of a member name the member: the archive is gone once it is unpacked.
            name = final
            if self.archive is not None:
                name = self.archive.member_name(connection, layout, final, parts[0])
            parts = await self.control.around(connection, layout, parts, name)
        if self.archive is not None:
            parts = await self.archive.around(connection, layout, parts, final)
        if self.encryption is not None:
            joined = await self.encryption.joined(connection, layout, parts, options)
            return Pieces(joined, parts)
        return Pieces(parts, parts)


@dataclass(frozen=True)
class Pieces:
    """What an exact file is made of.

    Attributes:
        joined: what is joined, in order; a single one becomes the file.
        staged: all that is in staging for that, which nothing needs once the file is there.

    """

    joined: tuple[PartFile, ...]
    staged: tuple[PartFile, ...] = ()

    @property
    def hashes(self) -> tuple[tuple[int, str], ...]:
        """Size and SHA-256 of each that is joined; empty if that is one."""
        return tuple((one.size, one.sha256) for one in self.joined) if len(self.joined) > 1 else ()

    def left_by(self, intent: Intent) -> list[str]:
        """Return the paths of what is staged besides the parts of an intent."""
        kept = {part.staged for part in intent.parts}
        return [intent.paths.staged(one.staged) for one in self.staged if one.staged not in kept]


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
