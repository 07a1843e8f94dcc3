"""The compressed bytes of one file, as the decompressors take them: in pieces, and counted."""

from __future__ import annotations

from collections.abc import Iterable

#: Bytes that a decompressor gets at a time: it hands back what it has no use for yet.
_PIECE = 128 * 1024


class CorruptDataError(ValueError):
    """The data is not of its codec, is damaged, or ends too early. Internal: see `DecodeError`."""

    @classmethod
    def truncated(cls) -> CorruptDataError:
        """Return the error of data that ends within a stream."""
        return cls("it ends too early: the file is truncated")


class CompressedSource:
    """The bytes of a compressed file, in order.

    Args:
        chunks: pieces of any size.

    Attributes:
        position: of the next byte that is taken, in the compressed file.
        failure: what `chunks` raised, also where a library hides it; or None.

    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.position = 0
        self.failure: BaseException | None = None
        self.closed = False
        self._chunks = iter(chunks)
        self._data = b""
        self._at = 0

    def some(self) -> bytes:
        """Return the next bytes, few enough to be given back at little cost; none at the end."""
        return self.read(_PIECE)

    def exactly(self, count: int) -> bytes:
        """Return so many bytes.

        Raises:
            CorruptDataError: the file ends before that.

        """
        found = self.at_most(count)
        if len(found) < count:
            raise CorruptDataError.truncated()
        return found

    def at_most(self, count: int) -> bytes:
        """Return so many bytes, and fewer only at the end of the file."""
        pieces = []
        while count and (piece := self.read(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def peek(self, count: int) -> bytes:
        """Return the next bytes, fewer only at the end of the file, without taking them."""
        found = self.at_most(count)
        self.give_back(found)
        return found

    def give_back(self, data: bytes) -> None:
        """Put back bytes that were taken last."""
        count = len(data)
        if count <= self._at:
            self._at -= count
        else:
            self._data, self._at = data + self._data[self._at :], 0
        self.position -= count

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size` of them; none at the end. As a file does."""
        if self._at == len(self._data):
            self._data, self._at = self._next(), 0
        end = len(self._data) if size < 0 else min(self._at + size, len(self._data))
        piece = self._data[self._at : end]
        self._at = end
        self.position += len(piece)
        return piece

    def close(self) -> None:
        """Do nothing: the file is closed where it was opened. Arrow asks for it."""
        self.closed = True

    def _next(self) -> bytes:
        try:
            return next(filter(None, self._chunks), b"")
        except BaseException as error:
            self.failure = error
            raise
