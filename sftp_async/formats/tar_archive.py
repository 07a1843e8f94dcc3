"""Reads the members of tar archives in one pass, compressed or not, without a copy."""

from __future__ import annotations

import itertools
import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from sftp_async.errors import DecodeError
from sftp_async.formats.archive_member import Member, is_data
from sftp_async.formats.decompression import plain_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile

#: Bytes that are read at a time: whole blocks, so that a header is never cut.
_READ: Final = 512 * 1024
_END: Final = bytes(tarfile.BLOCKSIZE)
_PIECE: Final = 1024 * 1024


class _TarReader:
    """One pass over an archive.

    Args:
        path: of the archive.
        chunks: the archive, decompressed.

    """

    def __init__(self, path: str, chunks: Iterator[bytes]) -> None:
        self._path = path
        self._chunks = chunks
        self._rest = b""
        self._last = b""
        self._position = 0
        try:
            # As a stream: tarfile never seeks.
            stream = cast("IO[bytes]", self)
            self._archive = tarfile.open(mode="r|", fileobj=stream, bufsize=_READ)  # noqa: SIM115 - the stream is closed where it was opened
        except tarfile.TarError as error:
            raise self._damaged(str(error)) from error

    def read(self, size: int) -> bytes:
        """Return so many bytes of the archive, fewer only at its end: tarfile calls this."""
        pieces, count = [self._rest], len(self._rest)
        while count < size and (piece := next(self._chunks, b"")):
            pieces.append(piece)
            count += len(piece)
        data = b"".join(pieces)
        self._last, self._rest = data[:size], data[size:]
        self._position += len(self._last)
        return self._last

    def files(self) -> Iterator[tarfile.TarInfo]:
        """Yield each member that is a data file; its content may be read before the next one."""
        while (found := self._next()) is not None:
            if found.isreg() and is_data(found.name):
                yield found
        self._check_end()

    def content(self, found: tarfile.TarInfo) -> Iterator[bytes]:
        """Yield the content of the member that was found last."""
        try:
            source = self._archive.extractfile(found)
            assert source is not None
            while piece := source.read(_PIECE):
                yield piece
        except tarfile.TarError as error:
            raise self._damaged(str(error)) from error

    def _next(self) -> tarfile.TarInfo | None:
        try:
            found = self._archive.next()
        except tarfile.TarError as error:
            raise self._damaged(str(error)) from error
        self._archive.members.clear()  # type: ignore[attr-defined] # it would keep all of them
        return found

    def _check_end(self) -> None:
        """Ensure that the archive has its end, is whole up to there, and that nothing follows.

        To tarfile, a header that is cut or damaged is an end as well.
        """
        start = self._archive.offset - (self._position - len(self._last))
        block = self._last[start : start + len(_END)]
        if len(block) < len(_END):
            raise self._damaged("it ends too early: the file is truncated")
        if block != _END:
            raise self._damaged("a header is damaged")
        # To its end, where the checksum of the compressed data is.
        for piece in itertools.chain((self._last[start:], self._rest), self._chunks):
            if piece.strip(b"\0"):
                raise self._damaged("behind its end are other bytes, such as another archive")

    def _damaged(self, reason: str) -> DecodeError:
        error = DecodeError(
            f"The tar archive cannot be read behind byte {self._position} of its content: {reason}",
            path=self._path,
        )
        error.offset = self._position
        return error


@contextmanager
def _opened(file: ReadableFile, codec: str) -> Iterator[_TarReader]:
    with plain_chunks(file, 0, file.size, codec) as chunks:
        yield _TarReader(file.path, chunks)


class _TarMember(Member):
    """A member of a tar archive.

    Args:
        archive: the archive.
        codec: of the archive as a whole.
        number: of the data file in the archive, from 0.
        found: what the archive says about it.
        reader: the pass that has just found it.

    """

    def __init__(
        self,
        archive: ReadableFile,
        codec: str,
        number: int,
        found: tarfile.TarInfo,
        reader: _TarReader,
    ) -> None:
        super().__init__(archive.path, found.name, found.size, found.mtime)
        self._archive = archive
        self._codec = codec
        self._number = number
        self._found = found
        self._reader: _TarReader | None = reader

    @contextmanager
    def content(self) -> Iterator[Iterator[bytes]]:
        """Return the content: of this pass, or of another one; see `Member.content`."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            yield reader.content(self._found)
            return
        with _opened(self._archive, self._codec) as again:
            for number, found in enumerate(again.files()):
                if number == self._number:
                    yield again.content(found)
                    return
        raise self.damaged("the archive has changed")

    def passed(self) -> None:
        """Forget the pass: it goes on to the next member."""
        self._reader = None
        self.close()


def tar_members(file: ReadableFile, codec: str) -> Iterator[Member]:
    """Yield the data files of a tar archive, in its order; see `archive.members`.

    Args:
        file: the archive.
        codec: of the archive as a whole.

    """
    with _opened(file, codec) as reader:
        for number, found in enumerate(reader.files()):
            member = _TarMember(file, codec, number, found, reader)
            try:
                yield member
            finally:
                member.passed()
