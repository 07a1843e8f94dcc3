"""A member of an archive as decoders see files: in order, or by a copy on the local disk."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.spooled_file import SpooledFile, kept_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

#: Bytes of a member at most that is copied to the local disk, for a format that is read by ranges.
MAX_SPOOLED_BYTES: Final = 4 * 1024**3


class Member(ReadableFile):
    """One file of an archive.

    Args:
        archive: path of the archive.
        name: of the member, as the archive has it.
        size: bytes, as the archive says.
        mtime: time of last change, in seconds since 1970; 0 if the archive has none.

    """

    def __init__(self, archive: str, name: str, size: int, mtime: float) -> None:
        self.path = member_path(archive, name)
        self.size = size
        self.mtime = mtime
        self._copy: SpooledFile | None = None

    @abstractmethod
    def content(self) -> AbstractContextManager[Iterator[bytes]]:
        """Return the whole content, in pieces of bounded size.

        Raises:
            DecodeError: the member is damaged or encrypted, or its size is another.

        """

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the bytes of a range, in order; see `ReadableFile.chunks`."""
        if start or self._copy is not None:
            with self._spooled().chunks(start, stop) as pieces:
                yield pieces
            return
        with self.content() as pieces:
            yield pieces if stop >= self.size else _up_to(stop, pieces)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; see `ReadableFile.read_ranges`."""
        return self._spooled().read_ranges(ranges)

    def close(self) -> None:
        """Remove the copy, if there is one."""
        self._copy = None

    def _spooled(self) -> SpooledFile:
        if self._copy is None:
            self._copy = kept_copy(self, MAX_SPOOLED_BYTES)
        return self._copy

    def damaged(self, reason: str) -> DecodeError:
        """Return the error of a member that cannot be read."""
        return DecodeError(f"The member of the archive cannot be read: {reason}", path=self.path)


def member_path(archive: str, name: str) -> str:
    """Return the path of a member for messages, and for the codec that its extension names."""
    return f"{archive}!/{name.lstrip('/').removeprefix('./')}"


def is_data(name: str) -> bool:
    """Return whether a member's name is that of a data file, by the rules of Spark for files.

    Those are of org.apache.spark.util.HadoopFSUtils.shouldFilterOutPathName: names that begin with
    `_` or `.` are hidden, and here the files of hidden directories too, such as `__MACOSX`.
    """
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return bool(parts) and not name.endswith("/") and not any(map(_is_hidden, parts))


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or (part.startswith("_") and "=" not in part)


def _up_to(stop: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = stop
    while left and (piece := next(pieces, b"")):
        yield piece[:left]
        left -= len(piece[:left])
