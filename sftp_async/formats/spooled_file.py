"""Gives random access to a file that can only be read in order, by a local temporary file."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.sealed_file import sealed_file
from sftp_async.humanize import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.sealed_file import SealedFile

#: Bytes of one piece of `chunks`.
_PIECE = 1024 * 1024


class SpooledFile(ReadableFile):
    """The content of another file, in a temporary file without a name.

    Args:
        file: is read once, from its start to its end; its size may be that of something else, such
            as the encrypted file.
        spool: an empty file.

    """

    def __init__(self, file: ReadableFile, spool: SealedFile) -> None:
        self.path, self.mtime = file.path, file.mtime
        self._spool = spool
        size = 0
        with file.chunks(0, file.size) as chunks:
            for chunk in chunks:
                size += spool.write(chunk)
        self.size = size

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the bytes of a range, in order; see `ReadableFile.chunks`."""
        yield (
            self._read(offset, min(offset + _PIECE, stop)) for offset in range(start, stop, _PIECE)
        )

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; see `ReadableFile.read_ranges`."""
        return [self._read(start, stop) for start, stop in ranges]

    def _read(self, start: int, stop: int) -> bytes:
        self._spool.seek(start)
        return self._spool.read(stop - start)


@contextmanager
def spooled(file: ReadableFile, limit: int | None = None) -> Iterator[SpooledFile]:
    """Yield a file with random access; its copy is gone behind the block.

    The copy is in the directory of `tempfile`, which the variable TMPDIR sets.

    Args:
        file: can be read in order.
        limit: most bytes that it may have; None: the disk decides.

    Raises:
        DecodeError: the file is larger than the limit.

    """
    _check_size(file, limit)
    with sealed_file() as spool:
        yield SpooledFile(file, spool)


def kept_copy(file: ReadableFile, limit: int | None = None) -> SpooledFile:
    """Return a file with random access, whose copy is gone when nothing uses the object any more.

    Args:
        file: see `spooled`.
        limit: see `spooled`.

    Raises:
        DecodeError: the file is larger than the limit.

    """
    _check_size(file, limit)
    # It is closed by the finalizer, which must not hold the file: that may hold the copy.
    spool = sealed_file()
    try:
        copy = SpooledFile(file, spool)
    except BaseException:
        spool.close()
        raise
    weakref.finalize(copy, spool.close)
    return copy


def _check_size(file: ReadableFile, limit: int | None) -> None:
    if limit is not None and file.size > limit:
        raise DecodeError(
            f"The file has {in_units(file.size)}. Only its start can be found without a copy on "
            f"the local disk, which may have {in_units(limit)}",
            path=file.path,
        )
