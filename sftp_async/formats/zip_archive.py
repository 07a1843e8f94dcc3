"""Reads the members of zip archives by ranges: the directory at the end, then each content."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sftp_async.errors import DecodeError
from sftp_async.formats.archive_member import Member, is_data
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.spooled_file import kept_copy
from sftp_async.formats.zip_encryption import MemberEncryption
from sftp_async.formats.zip_frame import AES
from sftp_async.humanize import in_units
from sftp_async.options import decompressors
from sftp_async.options.compressed_source import CompressedSource, CorruptDataError
from sftp_async.options.compressors import isal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from sftp_async.formats.base import ReadableFile

#: Bytes of an archive's directory at most: zipfile makes of it a list some ten times as large.
_MAX_DIRECTORY: Final = 16 * 1024 * 1024
# APPNOTE.TXT 4.3.7: the local header, with the lengths of name and extra field at its end.
_LOCAL_HEADER: Final = 30
_LOCAL_MARK: Final = b"PK\x03\x04"
# APPNOTE.TXT 4.4.4: bits 0, 6 and 13 of the flags.
_ENCRYPTED: Final = 0x2041
_ZSTD: Final = 93


class _RangeFile(io.RawIOBase):
    """A remote file as zipfile reads its directory: little, and near its end."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as a file does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        if base + offset < 0:
            raise OSError("before the start of the file")  # zipfile expects it of a short file
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return bytes, as a file does; too many of them are an error."""
        stop = self._file.size if size < 0 else min(self._position + size, self._file.size)
        if stop - self._position > _MAX_DIRECTORY:
            limit = in_units(_MAX_DIRECTORY)
            raise DecodeError(
                f"The directory of the zip archive is larger than {limit}", path=self._file.path
            )
        if stop <= self._position:
            return b""
        [data] = self._file.read_ranges([(self._position, stop)])
        self._position = stop
        return data


class _ZipMember(Member):
    """A member of a zip archive.

    Args:
        archive: the archive.
        found: what its directory says.
        password: decrypts it, if it is encrypted.

    """

    def __init__(
        self, archive: ReadableFile, found: zipfile.ZipInfo, password: SecretStr | None
    ) -> None:
        super().__init__(archive.path, found.filename, found.file_size, _mtime(found))
        self._password = password
        self._archive = archive
        self._found = found

    @contextmanager
    def content(self) -> Iterator[Iterator[bytes]]:
        """Return the content; see `Member.content`."""
        found = self._found
        encryption = self._encryption()
        method = found.compress_type if encryption is None else encryption.method
        decompress = _DECOMPRESSORS.get(method)
        if decompress is None:
            raise self.damaged(f"its compression method {method} is not known")
        start = self._content_start()
        stop = start + found.compress_size
        if stop > self._archive.size:
            raise self.damaged("it ends behind the archive")
        with self._archive.chunks(start, stop) as chunks:
            if encryption is None:
                yield self._checked(decompress(CompressedSource(chunks)))
            else:
                plain = self._decrypted(encryption, chunks)
                pieces = decompress(CompressedSource(plain))
                checks = encryption.states_checksum
                yield self._authenticated(self._checked(pieces, checks=checks), plain)

    def _content_start(self) -> int:
        offset = self._found.header_offset
        if offset + _LOCAL_HEADER > self._archive.size:
            raise self.damaged("it begins behind the archive")
        [header] = self._archive.read_ranges([(offset, offset + _LOCAL_HEADER)])
        if not header.startswith(_LOCAL_MARK):
            raise self.damaged("its header is damaged")
        name, extra = struct.unpack_from("<HH", header, _LOCAL_HEADER - 4)
        return int(offset + _LOCAL_HEADER + name + extra)

    def _encryption(self) -> MemberEncryption | None:
        """Return how the member is encrypted; None: it is not."""
        found = self._found
        if not found.flag_bits & _ENCRYPTED:
            return None
        encryption = MemberEncryption.of(found.extra) if found.compress_type == AES else None
        if encryption is None:
            raise self.damaged(
                "it is encrypted, and not by AES as WinZip and 7-Zip do it: ask for an archive "
                "that is, and set archive_password"
            )
        if self._password is None:
            raise self.damaged("it is encrypted: set archive_password")
        return encryption

    def _decrypted(self, encryption: MemberEncryption, chunks: Iterator[bytes]) -> Iterator[bytes]:
        assert self._password is not None
        try:
            yield from encryption.decrypted(
                self._password.get_secret_value(), chunks, self._found.compress_size
            )
        except ValueError as error:
            raise self.damaged(str(error)) from None

    @staticmethod
    def _authenticated(pieces: Iterator[bytes], plain: Iterator[bytes]) -> Iterator[bytes]:
        yield from pieces
        # The authentication code is behind the end of what is compressed.
        for _ in plain:
            pass

    def _checked(self, pieces: Iterator[bytes], *, checks: bool = True) -> Iterator[bytes]:
        crc32 = (isal() or zlib).crc32
        size = checksum = 0
        try:
            for piece in pieces:
                size += len(piece)
                if size > self.size:
                    raise self.damaged(f"it has more than the {self.size:,} bytes that it states")
                checksum = crc32(piece, checksum)
                yield piece
        except CorruptDataError as error:
            raise self.damaged(str(error)) from error
        if size < self.size:
            raise self.damaged(f"it has {size:,} bytes, and states {self.size:,}")
        if checks and checksum != self._found.CRC:
            raise self.damaged("its checksum is wrong")


def zip_members(
    file: ReadableFile, *, in_order: bool, password: SecretStr | None = None
) -> Iterator[Member]:
    """Yield the data files of a zip archive, in the order of its directory; see `members`.

    Args:
        file: the archive.
        in_order: it cannot be read by ranges.
        password: of encrypted members.

    """
    # Members may be read after the last one has come, so the copy stays as long as any of them.
    archive = kept_copy(file) if in_order else file
    for found in _directory(archive):
        if found.is_dir() or _is_link(found) or not is_data(found.filename):
            continue
        member = _ZipMember(archive, found, password)
        try:
            yield member
        finally:
            member.close()


def _directory(file: ReadableFile) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(_RangeFile(file)) as archive:
            found = archive.infolist()
            _check_start(
                file, min((each.header_offset for each in found), default=archive.start_dir)
            )
            return found
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
        raise malformed(
            f"The file is no zip archive, or is truncated or damaged: {error}: no directory of an "
            "archive ends",
            file.path,
            offset=file.size,
            hint="Ensure that the file is complete",
        ) from error


def _check_start(file: ReadableFile, start: int) -> None:
    """Ensure that no other archive is before the one whose directory is at the end.

    A program that unpacks the archive may be there.

    Raises:
        DecodeError: there is one.

    """
    if start and file.read_ranges([(0, len(_LOCAL_MARK))]) == [_LOCAL_MARK]:
        raise DecodeError(
            f"The file holds another zip archive before byte {start:,}, whose members the "
            "directory at its end does not have",
            path=file.path,
            hint="Ask the sender for one file for each archive",
        )


def _is_link(found: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(found.external_attr >> 16)


def _mtime(found: zipfile.ZipInfo) -> float:
    """Return the time of last change: zip files have local times, of a zone that none of them says.

    It is taken for UTC.
    """
    try:
        return datetime(*found.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0


def _lzma(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of a stream of LZMA as zip archives have it (APPNOTE.TXT 5.8.8)."""
    (length,) = struct.unpack("<2xH", source.exactly(4))
    properties = source.exactly(length)
    if length < 5:
        raise CorruptDataError("its LZMA properties are damaged")
    first, dictionary = struct.unpack_from("<BI", properties)
    rest, lc = divmod(first, 9)
    pb, lp = divmod(rest, 5)
    return decompressors.raw_lzma(source, dictionary=dictionary, properties=(lc, lp, pb))


_DECOMPRESSORS: Final[dict[int, Callable[[CompressedSource], Iterator[bytes]]]] = {
    zipfile.ZIP_STORED: decompressors.plain,
    zipfile.ZIP_DEFLATED: decompressors.raw_deflate,
    zipfile.ZIP_BZIP2: decompressors.bzip2,
    zipfile.ZIP_LZMA: _lzma,
    _ZSTD: decompressors.zstd,
}
