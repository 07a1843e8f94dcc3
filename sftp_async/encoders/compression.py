"""Compressed streams, one for each part file: gzip by isal or zlib, zstd by pyarrow, or none."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

try:
    from isal import isal_zlib
except ImportError:  # the extra `fast` is not installed
    isal_zlib = None  # type: ignore[assignment]

#: File name extension that follows the format's own, as Spark appends it.
EXTENSIONS = {"none": "", "gzip": ".gz", "zstd": ".zst"}

# A window of 2**15 bytes, and 16 more for a gzip header and trailer (zlib.compressobj).
_GZIP = 16 + 15
# zlib's default level 6 is three times slower than level 1 for some 10 % smaller files; isal's
# level 2, its default, is faster than both. The wire is rarely slow enough to make up for it.
_ZLIB_LEVEL = 1
_ISAL_LEVEL = 2


class Stream(Protocol):
    """A compressor of one file: `compress` may hold input back, `flush` ends the file."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return what is ready."""

    def flush(self) -> Buffer:
        """Return the rest. Nothing may follow."""


def open_stream(compression: str) -> Stream:
    """Start the stream of one file.

    Args:
        compression: `none`, `gzip` or `zstd`.

    """
    return _STREAMS[compression]()


class _Plain:
    def compress(self, data: Buffer, /) -> Buffer:
        return data

    def flush(self) -> Buffer:
        return b""


def _gzip() -> Stream:
    if isal_zlib is not None:
        compressor: Stream = isal_zlib.compressobj(_ISAL_LEVEL, wbits=_GZIP)
        return compressor
    return zlib.compressobj(_ZLIB_LEVEL, wbits=_GZIP)


class _Zstd:
    """One zstd frame: some readers stop after the first of several."""

    def __init__(self) -> None:
        self._ready = Drain()
        sink = pa.PythonFile(self._ready, mode="w")
        self._stream = pa.CompressedOutputStream(sink, "zstd")

    def compress(self, data: Buffer, /) -> Buffer:
        self._stream.write(data)
        return self._ready.take()

    def flush(self) -> Buffer:
        self._stream.close()
        return self._ready.take()


class Drain:
    """A file to write to whose bytes can be taken away at any time."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0
        self.closed = False

    def write(self, data: Buffer) -> int:
        """Keep a copy of `data` for the next `take`."""
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def take(self) -> bytes:
        """Return, and forget, what was written since the last call."""
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._position

    def flush(self) -> None:
        """Do nothing: all is in memory."""

    def close(self) -> None:
        """Take no more bytes; what is there can still be taken."""
        self.closed = True


_STREAMS: dict[str, Callable[[], Stream]] = {
    "none": _Plain,
    "gzip": _gzip,
    "zstd": _Zstd,
}
