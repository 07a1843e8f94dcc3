"""The bytes of an archive around the contents of its members: tar, and what all archives share.

Contents are made elsewhere, by several tasks for one archive: a frame needs their sizes and
checksums, and never their bytes.
"""

from __future__ import annotations

import struct
import tarfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sftp_async.formats.crc32 import combined
from sftp_async.options.compressors import raw_deflate

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: Ends a deflate stream of segments, each of which ends at a byte without ending the stream
#: (RFC 1951, 3.2.3): a last block of fixed codes that is empty.
DEFLATE_END: Final = b"\x03\x00"
#: Permissions of a member; the umask of the process that unpacks it applies.
MODE: Final = 0o644
# zlib.h: Z_SYNC_FLUSH, the same in isal.
_SYNC_FLUSH: Final = 2
# RFC 1952: deflate, no flags, no time, and made by no known system: the same bytes each time.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True)
class Content:
    """What an archive states of a member's content, or of a part of it.

    Attributes:
        size: bytes.
        crc32: of the content; 0 where the archive does not need it.
        packed: bytes as they are in the archive.

    """

    size: int = 0
    crc32: int = 0
    packed: int = 0

    def __add__(self, other: Content) -> Content:
        return Content(
            self.size + other.size,
            combined(self.crc32, other.crc32, other.size),
            self.packed + other.packed,
        )


class Packer(ABC):
    """Makes of content, or of a part of it, what is in the archive; `flush` ends the part."""

    def __init__(self) -> None:
        self._size = self._crc32 = self._packed = 0

    @property
    def content(self) -> Content:
        """What was packed so far."""
        return Content(self._size, self._crc32, self._packed)

    @abstractmethod
    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return the bytes that are ready."""

    @abstractmethod
    def flush(self) -> Buffer:
        """Return the rest. Nothing may follow."""


class PlainPacker(Packer):
    """The content as it is."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Return the input."""
        self._size += memoryview(data).nbytes
        self._packed = self._size
        return data

    def flush(self) -> Buffer:
        """Return no bytes."""
        return b""


class SegmentPacker(Packer):
    """A segment of a deflate stream: segments that follow each other, and `DEFLATE_END`, are one.

    Args:
        level: of zlib, 0 to 9; None for a fast one.

    """

    def __init__(self, level: int | None) -> None:
        super().__init__()
        self._stream = raw_deflate(level)

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return the bytes that are ready."""
        self._crc32 = crc32(data, self._crc32)
        self._size += memoryview(data).nbytes
        return self._counted(self._stream.compress(data))

    def flush(self) -> Buffer:
        """Return the rest, up to the end of a byte."""
        return self._counted(self._stream.flush(_SYNC_FLUSH))

    def _counted(self, packed: bytes) -> bytes:
        self._packed += len(packed)
        return packed


def crc32(data: Buffer, start: int = 0) -> int:
    """Return the CRC-32 of bytes that follow others, whose CRC-32 is `start`."""
    import zlib

    from sftp_async.options.compressors import isal

    return int((isal() or zlib).crc32(data, start))


class ArchiveFrame(ABC):
    """The bytes of one archive around its contents, in the order of its calls.

    For each member `begin`, then the contents, then `end`; at last `close`.
    """

    @abstractmethod
    def begin(self, name: str, content: Content | None) -> bytes:
        """Return the bytes before the content of a member.

        Args:
            name: of the member; a safe one.
            content: None if it is not known yet, which zip archives allow.

        """

    @abstractmethod
    def end(self, content: Content) -> bytes:
        """Return the bytes behind the content of the member that was begun last."""

    @abstractmethod
    def close(self) -> bytes:
        """Return the end of the archive."""


class TarFrame(ArchiveFrame):
    """A tar archive of POSIX.1-2001 (pax): plain headers, and extended ones where they are needed.

    Args:
        mtime: of the members, in seconds since 1970.

    """

    def __init__(self, mtime: int) -> None:
        self._mtime = mtime

    def begin(self, name: str, content: Content | None) -> bytes:
        """Return the header of a member, whose size has to be known."""
        assert content is not None
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = content.packed, self._mtime, MODE
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def end(self, content: Content) -> bytes:
        """Fill the last block."""
        return bytes(-content.packed % tarfile.BLOCKSIZE)

    def close(self) -> bytes:
        """Return two blocks of zeros."""
        return bytes(2 * tarfile.BLOCKSIZE)


class GzippedTarFrame(ArchiveFrame):
    """A tar archive in one gzip member, as all readers of `.tar.gz` take it.

    Contents are segments of its deflate stream.

    Args:
        mtime: of the members, in seconds since 1970.
        level: of the compression.

    """

    def __init__(self, mtime: int, level: int | None) -> None:
        self._tar = TarFrame(mtime)
        self._level = level
        self._total = Content()

    def begin(self, name: str, content: Content | None) -> bytes:
        """Return the header of a member, compressed; see `ArchiveFrame.begin`."""
        assert content is not None
        start = b"" if self._total.size else _GZIP_HEADER
        return start + self._segment(self._tar.begin(name, _unpacked(content)))

    def end(self, content: Content) -> bytes:
        """Fill the last block."""
        self._total += content
        return self._segment(self._tar.end(_unpacked(content)))

    def close(self) -> bytes:
        """Return the end of the tar archive and the trailer of the gzip member."""
        end = self._segment(self._tar.close()) + DEFLATE_END
        return end + struct.pack("<II", self._total.crc32, self._total.size & 0xFFFFFFFF)

    def _segment(self, data: bytes) -> bytes:
        if not data:
            return b""
        packed, content = packed_by(SegmentPacker(self._level), data)
        self._total += content
        return packed


def _unpacked(content: Content) -> Content:
    return Content(content.size, content.crc32, content.size)


def packed_by(packer: Packer, data: Buffer) -> tuple[bytes, Content]:
    """Pack bytes as a part of their own; return what is in the archive, and what to state of it."""
    packed = b"".join((packer.compress(data), packer.flush()))
    return packed, packer.content
