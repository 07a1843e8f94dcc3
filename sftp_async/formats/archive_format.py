"""Puts the files of any format into archives: one for each part file, or one for an exact file."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.archive_frame import (
    ArchiveFrame,
    GzippedTarFrame,
    Packer,
    PlainPacker,
    SegmentPacker,
    TarFrame,
)
from sftp_async.formats.base import Format, PartEncoder, RowFiles
from sftp_async.formats.sealed_file import sealed_file
from sftp_async.options import codecs
from sftp_async.options.base import with_inferred
from sftp_async.options.compressors import GZIP_MEMORY
from sftp_async.options.problems import Problems
from sftp_async.options.template_option import FILE_NUMBERS, template_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from pydantic import SecretStr
    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions

#: Bytes of a member that are kept in memory until its size is known; more are on the local disk.
SPOOLED_IN_MEMORY: Final = 1024 * 1024
_PIECE: Final = 1024 * 1024
#: 7-Zip's CPP/7zip/Crypto/WzAes.h: kPasswordSizeMax.
MOST_PASSWORD_BYTES: Final = 99
#: Level of a deflate stream that stores the data: of files whose format compresses them itself.
_STORED: Final = 0


@dataclass(frozen=True)
class ArchiveStyle:
    """How archives are made.

    Attributes:
        kind: `zip`, `tar` or `tar.gz`.
        level: of the compression, as zlib counts; None for a fast one.
        mtime: of the members, in seconds since 1970.
        password: encrypts the members of a zip archive.

    """

    kind: str
    level: int | None
    mtime: int
    password: SecretStr | None = None

    @property
    def needs_sizes(self) -> bool:
        """Whether the size of a member has to be known before its content."""
        return self.kind != "zip"

    @property
    def buffered_bytes(self) -> int:
        """Bytes of memory that a member takes while it is packed."""
        packing = 0 if self.kind == "tar" else GZIP_MEMORY
        return packing + (SPOOLED_IN_MEMORY if self.needs_sizes else 0)

    def packer(self) -> Packer:
        """Start the content of a member, or a part of it."""
        if self.kind == "tar":
            return PlainPacker()
        if self.password is not None:
            from sftp_async.formats.zip_encryption import EncryptedPacker

            return EncryptedPacker(self.password.get_secret_value(), self.level)
        return SegmentPacker(self.level)

    def frame(self) -> ArchiveFrame:
        """Start an archive."""
        if self.kind == "tar":
            return TarFrame(self.mtime)
        if self.kind == "tar.gz":
            return GzippedTarFrame(self.mtime, self.level)
        from sftp_async.formats.zip_frame import ZipFrame

        return ZipFrame(self.mtime, encrypted=self.password is not None)


def open_archive(
    options: FormatOptions, opens: Callable[[FormatOptions], Format], mtime: int | None
) -> ArchiveFormat:
    """Check the options, and return the format of archives around the files of another one.

    Args:
        options: of the files; `archive` is a kind of archive.
        opens: opens the format of the members.
        mtime: of the members, in seconds since 1970; None: now.

    Raises:
        OptionsError: the options contradict each other; lists all mistakes.
        EncodeError: as the format of the members.

    """
    problems = Problems()
    problems.add(archive_problems(options))
    kind = options.archive
    whole = codecs.compresses_whole_files(options.format)
    # What a format of this package compresses itself becomes no smaller.
    level = _STORED if options.format in codecs.DEFAULT_CODECS else None
    if whole and kind != "tar":
        level = _STORED if options.compression == "none" else options.compression_level
        options = with_inferred(options, {"compression": None, "compression_level": None})
    members: Format | None = None
    with problems.collect():
        members = opens(options)
    if isinstance(members, RowFiles):
        what = f"archive={kind} has no meaning where each row is a file (format={options.format})"
        problems.add([f"{what}: leave it out."])
    problems.raise_all()
    assert members is not None
    style = ArchiveStyle(
        kind, level, int(time.time()) if mtime is None else mtime, options.archive_password
    )
    return ArchiveFormat(members, style, options.archive_member_template)


def archive_problems(options: FormatOptions) -> Iterator[str]:
    """Yield why the options make no archive."""
    kind, codec = options.archive, options.compression
    if codecs.compresses_whole_files(options.format) and kind != "tar":
        if codec not in (None, "none"):
            yield (
                f"archive={kind} compresses its members itself: leave out compression={codec}, "
                "or set it to none to store them as they are."
            )
        elif options.compression_level is not None and codec == "none":
            yield "compression_level is set, but compression=none has no levels."
        elif (level := options.compression_level) is not None and not 1 <= level <= 9:
            yield f"compression_level must be from 1 to 9 for archive={kind}, not {level}."
    if options.archive_password is not None:
        if kind != "zip":
            yield f"archive_password is for archive=zip: archive={kind} knows no encryption."
        size = len(options.archive_password.get_secret_value().encode())
        if size > MOST_PASSWORD_BYTES:
            yield (
                f"archive_password has {size} bytes, and 7-Zip opens no archive whose password has "
                f"more than {MOST_PASSWORD_BYTES}: take a shorter one."
            )


class ArchiveFormat(Format):
    """Archives with one member each.

    Args:
        members: the format of the members.
        style: how the archives are made.
        template: of the names of members; None: the default.

    """

    def __init__(self, members: Format, style: ArchiveStyle, template: str | None) -> None:
        self.members = members
        self.style = style
        self.extension = f"{members.extension}.{style.kind}"
        self.member_extension = members.extension
        self.implied_options = dict(members.implied_options)
        self.record_width = members.record_width
        self.record_end = members.record_end
        self.buffered_bytes = members.buffered_bytes + style.buffered_bytes
        numbered = template is not None and not template_fields(template).isdisjoint(FILE_NUMBERS)
        #: Whether the parts of an exact file become one member.
        self.joins = members.concatenable and style.password is None and not numbered
        self.concatenable = self.joins or numbered or template is None
        self._name = ""

    def named(self, member: str) -> Self:
        """Return the format for one file, with the name of its member."""
        found = copy.copy(self)
        found._name = member  # noqa: SLF001 - of a copy
        return found

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one archive."""
        opened = SpooledArchive if self.style.needs_sizes else StreamedArchive
        return opened(self.members.open(header=header), self.style, self._name)

    def for_concatenation(self) -> ArchiveParts:
        """Return the format of parts, around which the commit puts an archive."""
        return ArchiveParts(self)


class ArchiveParts(Format):
    """The contents of members, or parts of one member, without the archive around them.

    Args:
        archive: the archives that are to be made of them.

    """

    def __init__(self, archive: ArchiveFormat) -> None:
        self.style = archive.style
        self.joins = archive.joins
        self.extension = archive.extension
        self.concatenable = archive.concatenable
        self.buffered_bytes = archive.buffered_bytes
        members = archive.members
        self._members = members.for_concatenation() if self.joins else members
        self.footer = self._members.footer
        self.record_width = members.record_width
        self.record_end = members.record_end

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part; members of their own have headers of their own."""
        return ContentEncoder(self._members.open(header=header or not self.joins), self.style)


class ContentEncoder(PartEncoder):
    """The content of a member, or a part of it.

    Args:
        encoder: of the rows.
        style: how archives are made.

    """

    def __init__(self, encoder: PartEncoder, style: ArchiveStyle) -> None:
        self._encoder = encoder
        self._packer = style.packer()

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes that `batch` adds to the content; see `PartEncoder.encode`."""
        return self._packer.compress(self._encoder.encode(batch))

    def finish(self) -> Buffer:
        """Return the bytes that complete the content."""
        return b"".join(self.tail())

    def tail(self) -> Iterator[Buffer]:
        """Yield the bytes that complete the content, in pieces."""
        for piece in self._encoder.tail():
            yield self._packer.compress(piece)
        yield self._packer.flush()
        self.content = self._packer.content


class StreamedArchive(PartEncoder):
    """An archive whose member is written as it comes: its size follows it.

    Args:
        encoder: of the member.
        style: how archives are made.
        name: of the member.

    """

    def __init__(self, encoder: PartEncoder, style: ArchiveStyle, name: str) -> None:
        self._content = ContentEncoder(encoder, style)
        self._frame = style.frame()
        self._start = self._frame.begin(name, None)

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes that `batch` adds to the archive; see `PartEncoder.encode`."""
        data = self._content.encode(batch)
        start, self._start = self._start, b""
        return b"".join((start, data)) if start else data

    def finish(self) -> Buffer:
        """Return the bytes that complete the archive."""
        return b"".join(self.tail())

    def tail(self) -> Iterator[Buffer]:
        """Yield the bytes that complete the archive, in pieces."""
        yield self._start
        yield from self._content.tail()
        assert self._content.content is not None
        yield self._frame.end(self._content.content) + self._frame.close()


class SpooledArchive(PartEncoder):
    """An archive whose member is kept until its size is known: in memory, then on the local disk.

    Args:
        encoder: of the member.
        style: how archives are made.
        name: of the member.

    """

    def __init__(self, encoder: PartEncoder, style: ArchiveStyle, name: str) -> None:
        self._content = ContentEncoder(encoder, style)
        self._frame = style.frame()
        self._name = name
        # Closed at the end, and where a task fails, with its last reference.
        self._spool = sealed_file(SPOOLED_IN_MEMORY)

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Keep the bytes that `batch` adds to the archive."""
        self._keep(self._content.encode(batch))
        return b""

    def finish(self) -> Buffer:
        """Return the archive."""
        return b"".join(self.tail())

    def tail(self) -> Iterator[Buffer]:
        """Yield the archive, in pieces."""
        for piece in self._content.tail():
            self._keep(piece)
        content = self._content.content
        assert content is not None
        self.held_bytes = 0
        yield self._frame.begin(self._name, content)
        with self._spool:
            self._spool.seek(0)
            while piece := self._spool.read(_PIECE):
                yield piece
        yield self._frame.end(content) + self._frame.close()

    def _keep(self, data: Buffer) -> None:
        self.held_bytes += memoryview(data).nbytes
        try:
            self._spool.write(data)
        except OSError as error:
            raise SFTPAsyncError(
                f"A member of a tar archive cannot be kept on the local disk until its size is "
                f"known: {error.strerror or error}",
                hint="Give the worker a larger directory for temporary files (TMPDIR), or set "
                "max_file_bytes or archive=zip",
            ) from error
