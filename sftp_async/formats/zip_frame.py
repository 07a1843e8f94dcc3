"""The bytes of a zip archive around the contents of its members, in Zip64 where sizes need it.

The numbers in comments are those of the sections of PKWARE's APPNOTE.TXT, version 6.3.10.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sftp_async.formats.archive_frame import DEFLATE_END, MODE, ArchiveFrame, Content
from sftp_async.formats.zip_encryption import AES_EXTRA, AES_FIELD

#: From these sizes and numbers of members on, the fields of Zip64 have them (4.3.9.2, 4.4.1.4).
ZIP64_SIZE: Final = 0xFFFFFFFF
ZIP64_COUNT: Final = 0xFFFF
#: What stands in the fields of 4 and 2 bytes then.
_IN_ZIP64, _COUNT_IN_ZIP64 = 0xFFFFFFFF, 0xFFFF
#: Compression methods (4.4.5): deflate, and the mark of an encrypted member.
DEFLATE: Final = 8
AES: Final = 99
# The extra field of an encrypted member: AE-2, AES with 256 bits, deflate.
_AES_FIELD: Final = struct.pack("<HH", AES_EXTRA, struct.calcsize(AES_FIELD)) + struct.pack(
    AES_FIELD, 2, b"AE", 3, DEFLATE
)
# 4.4.4: bits 0, 3 and 11 of the flags.
_ENCRYPTED, _SIZES_BEHIND, _UTF8 = 0x1, 0x8, 0x800
# 4.4.3: what an archive needs to be read, and 4.4.2: that it was made on a system of POSIX.
_PLAIN_VERSION, _ZIP64_VERSION, _AES_VERSION, _POSIX = 20, 45, 51, 3
_REGULAR: Final = 0o100000
# 4.4.6: the format of times has two seconds and these years.
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


@dataclass(frozen=True)
class _Begun:
    """A member whose end is not written yet."""

    name: bytes
    flags: int
    offset: int
    header: int


class ZipFrame(ArchiveFrame):
    """A zip archive; contents are deflate segments, or deflate streams that are encrypted.

    Args:
        mtime: of the members, in seconds since 1970.
        encrypted: the contents are encrypted.

    """

    def __init__(self, mtime: int, *, encrypted: bool = False) -> None:
        moment = min(max(datetime.fromtimestamp(mtime, UTC), _EARLIEST), _LATEST)
        # 4.4.6; UTC, since a zip archive has no time zone, and tasks have several.
        self._time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
        self._date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
        # Info-ZIP's "extended timestamp": seconds since 1970.
        self._extra = struct.pack("<HHBi", 0x5455, 5, 1, mtime) if 0 <= mtime < 2**31 else b""
        self._extra += _AES_FIELD if encrypted else b""
        self._encrypted = encrypted
        self._offset = 0
        self._begun: _Begun | None = None
        self._directory: list[bytes] = []

    def begin(self, name: str, content: Content | None) -> bytes:
        """Return the local header (4.3.7); unknown sizes follow the content."""
        known = self._stated(content) if content is not None else Content()
        encoded = name.encode("utf-8", "surrogateescape")
        flags = _ENCRYPTED if self._encrypted else 0
        flags |= 0 if name.isascii() else _UTF8
        flags |= 0 if content is not None else _SIZES_BEHIND
        large = max(known.size, known.packed) >= ZIP64_SIZE
        extra = self._extra
        if large:
            extra += struct.pack("<HHQQ", 1, 16, known.size, known.packed)
        header = struct.pack(
            "<4sHHHHHIIIHH",
            b"PK\x03\x04",
            self._version(large=large),
            flags,
            AES if self._encrypted else DEFLATE,
            self._time,
            self._date,
            known.crc32,
            _IN_ZIP64 if large else known.packed,
            _IN_ZIP64 if large else known.size,
            len(encoded),
            len(extra),
        )
        header += encoded + extra
        self._begun = _Begun(encoded, flags, self._offset, len(header))
        return header

    def end(self, content: Content) -> bytes:
        """End the deflate stream, and state the sizes if the header did not (4.3.9)."""
        assert self._begun is not None
        begun, self._begun = self._begun, None
        stated = self._stated(content)
        end = b"" if self._encrypted else DEFLATE_END
        if begun.flags & _SIZES_BEHIND:
            # As Go and Java write them: of 8 bytes where 4 are not enough.
            sizes = "QQ" if max(stated.size, stated.packed) >= ZIP64_SIZE else "II"
            fields = (b"PK\x07\x08", stated.crc32, stated.packed, stated.size)
            end += struct.pack(f"<4sI{sizes}", *fields)
        self._directory.append(self._entry(begun, stated))
        self._offset += begun.header + content.packed + len(end)
        return end

    def close(self) -> bytes:
        """Return the directory of the archive and its end (4.3.12 to 4.3.16)."""
        directory = b"".join(self._directory)
        count, size, offset = len(self._directory), len(directory), self._offset
        end = b""
        if count >= ZIP64_COUNT or max(size, offset) >= ZIP64_SIZE:
            made = _POSIX << 8 | _ZIP64_VERSION
            fields = (44, made, _ZIP64_VERSION, 0, 0, count, count, size, offset)
            end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", *fields)
            end += struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
            count, size, offset = _COUNT_IN_ZIP64, _IN_ZIP64, _IN_ZIP64
        end += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, size, offset, 0)
        return directory + end

    def _entry(self, begun: _Begun, stated: Content) -> bytes:
        """Return the member's entry in the directory (4.3.12)."""
        values = (stated.size, stated.packed, begun.offset)
        # 4.5.3: the extra field has those alone that are not in the entry itself.
        large = [value for value in values if value >= ZIP64_SIZE]
        extra = self._extra
        if large:
            extra += struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large)
        size, packed, offset = (_IN_ZIP64 if value >= ZIP64_SIZE else value for value in values)
        version = self._version(large=bool(large))
        entry = struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02",
            _POSIX << 8 | version,
            version,
            begun.flags,
            AES if self._encrypted else DEFLATE,
            self._time,
            self._date,
            stated.crc32,
            packed,
            size,
            len(begun.name),
            len(extra),
            *(0, 0, 0),
            (_REGULAR | MODE) << 16,
            offset,
        )
        return entry + begun.name + extra

    def _stated(self, content: Content) -> Content:
        """Return what headers state: no checksum of encrypted content, which would betray it."""
        if self._encrypted:
            return Content(content.size, 0, content.packed)
        return Content(content.size, content.crc32, content.packed + len(DEFLATE_END))

    def _version(self, *, large: bool) -> int:
        if self._encrypted:
            return _AES_VERSION
        return _ZIP64_VERSION if large else _PLAIN_VERSION
