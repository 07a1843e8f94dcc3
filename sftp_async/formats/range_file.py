"""A seekable file over `ReadableFile.read_ranges`, which serves what was asked for ahead of time.

The libraries that decode Parquet and ORC read through a file object, one blocking piece after the
other. Their callers know the pieces beforehand, ask for all of them at once and hand them over; a
piece that was not foreseen is fetched by itself.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sftp_async.formats.base import ReadableFile

#: Bytes that are fetched at least where a read was not foreseen.
_UNFORESEEN = 64 * 1024
#: Ranges with no more bytes than this between them are fetched as one.
_GAP = 4 * 1024


def coalesced(ranges: Sequence[tuple[int, int]], gap: int = _GAP) -> list[tuple[int, int]]:
    """Return the ranges in order, those that touch or nearly touch as one, without empty ones."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(r for r in ranges if r[0] < r[1]):
        if merged and start <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


@dataclass
class _Window:
    """A range that is read in order, of which a part is held.

    Attributes:
        start: of what is held.
        stop: of the range.
        data: what is held.

    """

    start: int
    stop: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class RangeFile(io.RawIOBase):
    """A remote file as libraries see it: readable and seekable.

    Args:
        source: the file.

    Attributes:
        failure: the error with which a fetch ended; libraries may report another one for it.

    """

    def __init__(self, source: ReadableFile) -> None:
        super().__init__()
        self._size = source.size
        self.failure: BaseException | None = None
        self._source = source
        self._position = 0
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        self._windows: list[_Window] = []
        self._window = 0

    def hold(self, ranges: Sequence[tuple[int, int]], pieces: Sequence[bytes]) -> None:
        """Serve these ranges from memory, and forget what was held before.

        Args:
            ranges: in order, not overlapping.
            pieces: the bytes of each.

        """
        self._starts = [start for start, _ in ranges]
        self._pieces = list(pieces)
        self._windows = []

    def stream(self, ranges: Sequence[tuple[int, int]], window: int) -> None:
        """Serve ranges each of which is read in order, and hold only a part of each.

        When the part of one range is used up, those of all others that are half used up are
        fetched with it.

        Args:
            ranges: in order, not overlapping.
            window: bytes of a part.

        """
        self._starts, self._pieces = [start for start, _ in ranges], []
        self._windows = [_Window(start, stop) for start, stop in ranges]
        self._window = window

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
        """Move the position, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        self._position = base[whence] + offset
        return self._position

    def size(self) -> int:
        """Return the size of the file."""
        return self._size

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes: fewer than `size` only at the end of the file."""
        start = self._position
        stop = self._size
        if size is not None and size >= 0:
            stop = min(stop, start + size)
        if start >= stop:
            return b""
        self._position = stop
        try:
            return self._bytes(start, stop)
        except BaseException as error:
            self.failure = error
            raise

    def _bytes(self, start: int, stop: int) -> bytes:
        number = bisect_right(self._starts, start) - 1
        if number >= 0 and self._windows:
            window = self._windows[number]
            if window.start <= start and stop <= window.stop:
                return self._from_window(window, start, stop)
        elif number >= 0:
            base, piece = self._starts[number], self._pieces[number]
            if stop <= base + len(piece):
                return piece[start - base : stop - base]
        return self._fetch_unforeseen(start, stop)

    def _from_window(self, wanted: _Window, start: int, stop: int) -> bytes:
        if stop > wanted.end:
            del wanted.data[: start - wanted.start]
            wanted.start = start
            short = [
                w
                for w in self._windows
                if w is wanted or (w.end < w.stop and len(w.data) < self._window // 2)
            ]
            ranges = []
            for window in short:
                least = stop if window is wanted else window.end
                ranges.append((window.end, min(window.stop, max(least, window.end + self._window))))
            pieces = self._source.read_ranges(ranges)
            for window, piece in zip(short, pieces, strict=True):
                window.data += piece
        elif start - wanted.start > self._window // 2:
            del wanted.data[: start - wanted.start]
            wanted.start = start
        return bytes(memoryview(wanted.data)[start - wanted.start : stop - wanted.start])

    def _fetch_unforeseen(self, start: int, stop: int) -> bytes:
        end = min(self._source.size, max(stop, start + _UNFORESEEN))
        piece = self._source.read_ranges([(start, end)])[0]
        if not self._windows:
            # Held like the others: the next read is likely to be of the bytes behind.
            number = bisect_right(self._starts, start)
            self._starts.insert(number, start)
            self._pieces.insert(number, piece)
        return piece[: stop - start]


class WithTail:
    """A remote file that ends earlier, with other bytes: a `ReadableFile` of its ranges alone.

    Args:
        source: the file.
        end: where the other bytes begin.
        tail: the other bytes.

    """

    def __init__(self, source: ReadableFile, end: int, tail: bytes) -> None:
        self.path = source.path
        self.size = end + len(tail)
        self.mtime = source.mtime
        self._source = source
        self._end = end
        self._tail = tail

    def chunks(self, start: int, stop: int) -> AbstractContextManager[Iterator[bytes]]:
        """Raise an error: such a file is read by ranges."""
        raise NotImplementedError

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; those of the source are asked for at once."""
        end = self._end
        pieces = self._source.read_ranges([(min(a, end), min(b, end)) for a, b in ranges])
        return [
            piece + self._tail[max(0, start - end) : max(0, stop - end)]
            for piece, (start, stop) in zip(pieces, ranges, strict=True)
        ]
