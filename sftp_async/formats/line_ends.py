"""Finds the ends of lines in bytes that come in pieces, in time linear in the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sftp_async.errors import DecodeError
from sftp_async.humanize import in_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class LineEnds(Protocol):
    """What ends the lines of a file.

    Attributes:
        lookback: bytes before a range in which an end may begin that the range has the rest of.

    """

    lookback: int

    def first(self, data: bytes) -> int:
        """Return the index behind the first line end; 0 if there is none, or none for certain."""
        ...

    def last(self, data: bytes) -> int:
        """Return the index behind the last line end; 0 if there is none, or none for certain."""
        ...

    def begun(self, data: bytes) -> bytes:
        """Return the last bytes that may be the beginning of a line end."""
        ...


class AnyLineEnd:
    r"""`\n`, `\r` and `\r\n`, as in Hadoop's LineReader.

    A `\r` at the very end of the data is no end yet: the next byte may be its `\n`.
    """

    # A range that begins with the `\n` of a cut `\r\n` takes that for the end of a line that is
    # not its own: nothing before the range is needed.
    lookback = 0

    def first(self, data: bytes) -> int:
        """Return the index behind the first line end; 0 if there is none for certain."""
        feed = data.find(b"\n")
        back = data.find(b"\r", 0, feed if feed >= 0 else len(data) - 1)
        if back < 0:
            return feed + 1
        return back + 2 if back + 1 == feed else back + 1

    def last(self, data: bytes) -> int:
        """Return the index behind the last line end; 0 if there is none for certain."""
        return max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1

    def begun(self, data: bytes) -> bytes:
        """Return the last bytes that may be the beginning of a line end."""
        return b"\r" if data.endswith(b"\r") else b""


class Separator:
    """One separator of any length.

    Args:
        end: the separator, in the bytes of the data.

    """

    def __init__(self, end: bytes) -> None:
        self._end = end
        self.lookback = len(end) - 1

    def first(self, data: bytes) -> int:
        """Return the index behind the first line end; 0 if there is none for certain."""
        found = data.find(self._end)
        return found + len(self._end) if found >= 0 else 0

    def last(self, data: bytes) -> int:
        """Return the index behind the last line end; 0 if there is none for certain."""
        found = data.rfind(self._end)
        return found + len(self._end) if found >= 0 else 0

    def begun(self, data: bytes) -> bytes:
        """Return the last bytes that may be the beginning of a line end."""
        return data[-self.lookback :] if self.lookback else b""


class OverlappingSeparator(Separator):
    """A separator such as `aa`, of which `aaa` holds two: only the start of a line tells which."""

    def last(self, data: bytes) -> int:
        """Return the index behind the last line end; 0 if there is none for certain."""
        end = 0
        while (found := data.find(self._end, end)) >= 0:
            end = found + len(self._end)
        return end


def line_ends(separator: bytes | None) -> LineEnds:
    """Return the ends that a separator makes; None is any of the usual ones."""
    if separator is None:
        return AnyLineEnd()
    return OverlappingSeparator(separator) if overlaps(separator) else Separator(separator)


def overlaps(separator: bytes) -> bool:
    """Return whether two occurrences of a separator can share bytes."""
    return any(separator.endswith(separator[:length]) for length in range(1, len(separator)))


class LineCutter:
    """Takes a file in pieces and gives back whole lines; keeps what follows the last line end.

    Args:
        ends: of the lines.
        offset: of the first byte, in the file.
        limit: most bytes of a line, about.
        path: of the file, for errors.

    Attributes:
        offset: of the first byte that is kept, or that comes next.

    """

    def __init__(self, ends: LineEnds, offset: int, limit: int, path: str) -> None:
        self.offset = offset
        self._ends = ends
        self._limit = limit
        self._path = path
        self._kept: list[bytes] = []
        self._size = 0
        self._begun = b""

    @property
    def may_be_at_end(self) -> bool:
        """Whether what was skipped last may be a whole line end: the next byte decides."""
        return bool(self._begun) and self._ends.lookback == 0

    def skip(self, piece: bytes) -> bytes | None:
        """Drop everything up to the first line end; return what follows it, None if there is none.

        Nothing is kept, so nothing may be but what `skip` was given.
        """
        seen = self._begun + piece
        end = self._ends.first(seen)
        if not end:
            self.offset += len(piece)
            self._begun = self._ends.begun(seen)
            return None
        rest = seen[end:]
        self.offset += len(piece) - len(rest)
        self._begun = b""
        return rest

    def whole_lines(self, piece: bytes) -> bytes:
        """Take a piece; return the lines that are whole with it, none if it is within a line.

        Raises:
            DecodeError: the line is longer than the limit.

        """
        return self._cut(piece, self._ends.last)

    def first_line(self, piece: bytes) -> bytes:
        """Take a piece; return the first line if that is whole with it; see `release`.

        Raises:
            DecodeError: the line is longer than the limit.

        """
        return self._cut(piece, self._ends.first)

    def release(self) -> bytes:
        """Return what is kept, and forget it; `offset` stays that of its first byte."""
        kept = b"".join(self._kept)
        self._keep_only(b"")
        return kept

    def _cut(self, piece: bytes, find: Callable[[bytes], int]) -> bytes:
        # What is kept has no line end, but may have the beginning of one.
        seen = self._begun + piece
        end = find(seen)
        if not end:
            self._kept.append(piece)
            self._size += len(piece)
            self._begun = self._ends.begun(seen)
            if self._size > self._limit:
                raise self._too_long()
            return b""
        cut = end - len(self._begun)
        lines = b"".join([*self._kept, piece[:cut]])
        self.offset += len(lines)
        self._keep_only(piece[cut:])
        return lines

    def _keep_only(self, piece: bytes) -> None:
        self._kept = [piece] if piece else []
        self._size = len(piece)
        self._begun = self._ends.begun(piece)

    def _too_long(self) -> DecodeError:
        error = DecodeError(
            f"The line at byte {self.offset} is longer than {in_units(self._limit)}",
            path=self._path,
            hint="Set line_sep if other characters end the lines of this file",
        )
        error.offset = self.offset
        return error


def gathered(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes of `chunks` in pieces of at least `size` bytes and less than two times that.

    The last piece may be smaller, and so may the one before an error in the data.
    """
    held: list[bytes] = []
    count = 0
    coming = iter(chunks)
    while True:
        try:
            chunk = next(coming, None)
        except DecodeError:
            if held:
                yield b"".join(held)
            raise
        if chunk is None:
            break
        for start in range(0, len(chunk), size):
            part = chunk[start : start + size]
            held.append(part)
            count += len(part)
            if count >= size:
                yield held[0] if len(held) == 1 else b"".join(held)
                held, count = [], 0
    if held:
        yield b"".join(held)
