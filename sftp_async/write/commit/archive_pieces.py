"""Puts the archive of an exact file around its parts: they become one member, or a member each."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sftp_async.errors import CommitError
from sftp_async.formats.archive_format import ArchiveParts, ArchiveStyle
from sftp_async.formats.archive_frame import Content, packed_by
from sftp_async.layout.part_names import PartFile, partition_of
from sftp_async.remote.concurrency import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem


@dataclass(frozen=True)
class ArchivePieces:
    """The archive of a job's exact file.

    Args:
        style: how it is made.
        joins: its parts become one member; else each of them is a member.

    """

    style: ArchiveStyle
    joins: bool

    @classmethod
    def of(cls, file_format: Format) -> Self | None:
        """Return the archive around the parts of a format, None if there is none."""
        if not isinstance(file_format, ArchiveParts):
            return None
        return cls(file_format.style, file_format.joins)

    def pack(self, data: bytes) -> tuple[bytes, Content]:
        """Return bytes as a part of the one member."""
        return packed_by(self.style.packer(), data)

    async def around(
        self, connection: RemoteFileSystem, layout: Layout, parts: Sequence[PartFile], name: str
    ) -> tuple[PartFile, ...]:
        """Stage what is around the contents; return the parts with it, to be joined.

        Args:
            connection: to the server.
            layout: of the job.
            parts: all of the archive's data, in order; at least one.
            name: of the archive, once it is visible.

        """
        members = self._members(parts)
        frame = self.style.frame()
        around: list[bytes] = [b""]
        for number, member in enumerate(members, 1):
            content = sum(map(_content, member), Content())
            member_name = self.member_name(
                connection, layout, name, member[0], seq=number, several=len(members) > 1
            )
            # What ends a member, and what begins the next one, is one piece.
            around[-1] += frame.begin(member_name, content)
            around.append(frame.end(content))
        around[-1] += frame.close()
        staged = [_piece(data) for data in around]

        async def stage(piece: tuple[PartFile, bytes]) -> None:
            await connection.write_file(layout.paths.staged(piece[0].staged), piece[1], new=True)

        await each(staged, stage)
        pieces = [staged[0][0]]
        for member, (behind, _) in zip(members, staged[1:], strict=True):
            pieces += [*member, behind]
        return tuple(pieces)

    def member_name(
        self,
        connection: RemoteFileSystem,
        layout: Layout,
        name: str,
        part: PartFile,
        *,
        seq: int = 1,
        several: bool = False,
    ) -> str:
        """Return the name of a member.

        Args:
            connection: to the server, for errors.
            layout: of the job.
            name: of the archive.
            part: the first one of the member.
            seq: number of the member, from 1.
            several: whether the archive has further members.

        Raises:
            CommitError: it is no safe name.

        """
        partition = partition_of(part.final) if part.final else 0
        try:
            return layout.member_name(name, partition, seq=seq, several=several)
        except ValueError as error:
            raise CommitError(
                f"No member of an archive can have the name {error}",
                host=connection.address,
                path=layout.target,
                hint="Change archive_member_template",
            ) from None

    def _members(self, parts: Sequence[PartFile]) -> list[Sequence[PartFile]]:
        if self.joins:
            return [parts]
        # The first partition writes a file without rows, too, for a job without any.
        return [[part] for part in parts if part.rows] or [parts[:1]]


def _content(part: PartFile) -> Content:
    return Content(part.plain_size, part.crc32, part.size)


def _piece(data: bytes) -> tuple[PartFile, bytes]:
    # A new name for each try: see `exact_file.exact_part`.
    name = f"archive-{uuid.uuid4().hex}"
    return PartFile(name, "", 0, len(data), hashlib.sha256(data).hexdigest()), data
