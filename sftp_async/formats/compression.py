"""Compressed streams, one for each part file: gzip by isal or zlib, zstd by pyarrow, and others."""

from __future__ import annotations

import bz2
import lzma
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import pyarrow as pa

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

try:
    from isal import isal_zlib
except ImportError:  # the extra `fast` is not installed
    isal_zlib = None  # type: ignore[assignment]

#: File name extension that follows the format's own, as Spark appends it.
EXTENSIONS = {"none": "", "gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2", "xz": ".xz"}

# A window of 2**15 bytes, and 16 more for a gzip header and trailer (zlib.compressobj).
_GZIP = 16 + 15
# zlib's default level 6 is three times slower than level 1 for some 10 % smaller files; isal's
# level 2, its default, is faster than both. The wire is rarely slow enough to make up for it.
_ZLIB_LEVEL = 1
_ISAL_LEVEL = 2
# bzip2's levels take nearly the same time. xz's default 6 was nine times slower than 1 on lineitem,
# and takes 94 MiB of memory for each open file instead of 9 (man xz).
_BZIP2_LEVEL = 9
_XZ_LEVEL = 1

_MIB = 1024 * 1024
# zlib.h, deflateInit2: 256 KiB at any level; isal's levels, measured, a little more.
_GZIP_HELD = 5 * _MIB // 16
# man xz: MiB by level.
_XZ_HELD = (3, 9, 17, 32, 48, 94, 94, 186, 370, 674)
# Without a level, measured: a window of half a MiB.
_ZSTD_HELD = 3 * _MIB // 2


class Stream(Protocol):
    """A compressor of one file: `compress` may hold input back, `flush` ends the file."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return what is ready."""

    def flush(self) -> Buffer:
        """Return the rest. Nothing may follow."""


@dataclass(frozen=True)
class Compression:
    """How a file as a whole is compressed.

    Args:
        codec: `none`, `gzip`, `zstd`, `bzip2` or `xz`.
        level: the codec's own; None for a fast one.

    """

    codec: str = "none"
    level: int | None = None

    @property
    def extension(self) -> str:
        """What the codec adds to a file's name: `.gz`."""
        return EXTENSIONS[self.codec]

    @property
    def held(self) -> int:
        """Bytes that the stream of one file takes of memory, as its library states them."""
        return _HELD[self.codec](self.level)

    def open(self) -> Stream:
        """Start the stream of one file.

        Raises:
            OptionsError: a package is missing; names the extra that brings it.

        """
        return _STREAMS[self.codec](self.level)


class _Plain:
    def __init__(self, level: int | None) -> None:
        """Have no levels."""

    def compress(self, data: Buffer, /) -> Buffer:
        return data

    def flush(self) -> Buffer:
        return b""


def _gzip(level: int | None) -> Stream:
    # A level is one of zlib's: those of isal are others, and all of them fast.
    if isal_zlib is not None and level is None:
        compressor: Stream = isal_zlib.compressobj(_ISAL_LEVEL, wbits=_GZIP)
        return compressor
    return zlib.compressobj(_ZLIB_LEVEL if level is None else level, wbits=_GZIP)


def _bzip2(level: int | None) -> Stream:
    return bz2.BZ2Compressor(_BZIP2_LEVEL if level is None else level)


def _xz(level: int | None) -> Stream:
    return lzma.LZMACompressor(preset=_XZ_LEVEL if level is None else level)


def _zstd(level: int | None) -> Stream:
    if level is None:
        return _Zstd()
    # Late: pyarrow's stream knows no level.
    try:
        import zstandard
    except ImportError as error:
        raise OptionsError(
            "compression_level with compression=zstd needs the package zstandard, here and on "
            "every worker: pip install 'sftp-async[zstd]'"
        ) from error
    return cast("Stream", zstandard.ZstdCompressor(level=level).compressobj())


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

    def seekable(self) -> bool:
        """Return False: what was taken is gone."""
        return False

    def flush(self) -> None:
        """Do nothing: all is in memory."""

    def close(self) -> None:
        """Take no more bytes; what is there can still be taken."""
        self.closed = True


def _bzip2_held(level: int | None) -> int:
    # man bzip2: 400k, and eight times the block.
    return 400_000 + 800_000 * (_BZIP2_LEVEL if level is None else level)


def _xz_held(level: int | None) -> int:
    return _XZ_HELD[_XZ_LEVEL if level is None else level] * _MIB


def _zstd_held(level: int | None) -> int:
    if level is None:
        return _ZSTD_HELD
    import zstandard  # late: without a level it is not needed

    # As ZSTD_estimateCStreamSize adds up: the context, the window, and a block in and out.
    parameters = zstandard.ZstdCompressionParameters.from_level(level)
    context, window = parameters.estimated_compression_context_size(), 2**parameters.window_log
    return int(context + window + 3 * 128 * 1024)


_HELD: dict[str, Callable[[int | None], int]] = {
    "none": lambda _: 0,
    "gzip": lambda _: _GZIP_HELD,
    "zstd": _zstd_held,
    "bzip2": _bzip2_held,
    "xz": _xz_held,
}
_STREAMS: dict[str, Callable[[int | None], Stream]] = {
    "none": _Plain,
    "gzip": _gzip,
    "zstd": _zstd,
    "bzip2": _bzip2,
    "xz": _xz,
}
