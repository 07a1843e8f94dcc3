"""Compresses the stream of one file, by codec: what stands behind the table of codecs.

Packages that compress are imported when the first file is opened, since this module loads with the
options.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol, cast

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Buffer

_MIB = 1024 * 1024


class Compressor(Protocol):
    """The compressed stream of one file: `compress` may hold input back, `flush` ends the file."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return the bytes that are ready."""

    def flush(self) -> Buffer:
        """Return the rest. Nothing may follow."""


class Plain:
    """No compression."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Return the input."""
        return data

    def flush(self) -> Buffer:
        """Return no bytes."""
        return b""


# zlib's default level 6 is three times slower than level 1 for some 10 % smaller files; isal's
# level 2, its default, is faster than both. A network is rarely slow enough to make up for it.
_ZLIB_LEVEL = 1
_ISAL_LEVEL = 2
# A window of 2**15 bytes, and 16 more for a gzip header and trailer (zlib.compressobj).
_GZIP_WINDOW = 16 + 15
# zlib.h, deflateInit2: 256 KiB at any level; isal's levels, measured, a little more.
GZIP_MEMORY = 5 * _MIB // 16
# bzip2's levels take nearly the same time. xz's default 6 was nine times slower than 1 on lineitem,
# and takes 94 MiB of memory for each open file instead of 9 (man xz).
_BZIP2_LEVEL = 9
_XZ_LEVEL = 1
# man xz: MiB by level.
_XZ_MEMORY = (3, 9, 17, 32, 48, 94, 94, 186, 370, 674)
# Without a level, measured: a window of half a MiB.
_ZSTD_MEMORY = 3 * _MIB // 2


@functools.cache
def isal() -> ModuleType | None:
    """Return isal's zlib, which is several times as fast; None without the extra `fast`."""
    try:
        from isal import isal_zlib
    except ImportError:  # the extra `fast` is not installed
        return None
    return isal_zlib


def gzip(level: int | None) -> Compressor:
    """Start a gzip member."""
    import zlib

    # A level is one of zlib's: those of isal are others, and all of them fast.
    if level is None and (fast := isal()) is not None:
        return cast("Compressor", fast.compressobj(_ISAL_LEVEL, wbits=_GZIP_WINDOW))
    return zlib.compressobj(_ZLIB_LEVEL if level is None else level, wbits=_GZIP_WINDOW)


class DeflateStream(Protocol):
    """A deflate stream without header and trailer, as zlib and isal have it."""

    def compress(self, data: Buffer, /) -> bytes:
        """Take input; return the bytes that are ready."""

    def flush(self, mode: int = ..., /) -> bytes:
        """Return the rest; as the mode says, to go on, or at the end of the stream."""


def raw_deflate(level: int | None) -> DeflateStream:
    """Start a deflate stream for an archive; level 0 stores the data."""
    import zlib

    if level is None and (fast := isal()) is not None:
        return cast("DeflateStream", fast.compressobj(_ISAL_LEVEL, wbits=-15))
    return zlib.compressobj(_ZLIB_LEVEL if level is None else level, wbits=-15)


def bzip2(level: int | None) -> Compressor:
    """Start a bzip2 stream."""
    import bz2

    return bz2.BZ2Compressor(_BZIP2_LEVEL if level is None else level)


def bzip2_memory(level: int | None) -> int:
    """Return the bytes of memory that a bzip2 stream takes."""
    # man bzip2: 400k, and eight times the block.
    return 400_000 + 800_000 * (_BZIP2_LEVEL if level is None else level)


def xz(level: int | None) -> Compressor:
    """Start an xz stream."""
    import lzma

    return lzma.LZMACompressor(preset=_XZ_LEVEL if level is None else level)


def xz_memory(level: int | None) -> int:
    """Return the bytes of memory that an xz stream takes."""
    return _XZ_MEMORY[_XZ_LEVEL if level is None else level] * _MIB


def zstd(level: int | None) -> Compressor:
    """Start a zstd frame.

    Raises:
        OptionsError: a level needs the package zstandard.

    """
    if level is None:
        return _ArrowZstd()
    # pyarrow's stream takes no level.
    try:
        import zstandard
    except ImportError as error:
        raise OptionsError(
            "compression_level with compression=zstd needs the package zstandard, here and on "
            "every worker: pip install 'sftp-async[zstd]'"
        ) from error
    return cast("Compressor", zstandard.ZstdCompressor(level=level).compressobj())


def zstd_memory(level: int | None) -> int:
    """Return the bytes of memory that a zstd frame takes."""
    if level is None:
        return _ZSTD_MEMORY
    import zstandard

    # As ZSTD_estimateCStreamSize adds up: the context, the window, and a block in and out.
    parameters = zstandard.ZstdCompressionParameters.from_level(level)
    context, window = parameters.estimated_compression_context_size(), 2**parameters.window_log
    return int(context + window + 3 * 128 * 1024)


class _ArrowZstd:
    """One zstd frame by pyarrow: some readers stop after the first of several frames."""

    def __init__(self) -> None:
        import pyarrow as pa

        self._ready = ByteSink()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._ready, mode="w"), "zstd")

    def compress(self, data: Buffer, /) -> Buffer:
        self._stream.write(data)
        return self._ready.take()

    def flush(self) -> Buffer:
        self._stream.close()
        return self._ready.take()


class ByteSink:
    """A file in memory that Arrow writes to, whose bytes can be taken before and after its end."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.closed = False

    def write(self, data: Buffer) -> int:
        """Keep a copy of `data` for the next `take`; return its length."""
        chunk = bytes(data)
        self._chunks.append(chunk)
        return len(chunk)

    def take(self) -> bytes:
        """Return, and forget, the bytes written since the last call."""
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken

    def flush(self) -> None:
        """Do nothing: all bytes are in memory."""

    def close(self) -> None:
        """Mark the end; bytes written before can still be taken."""
        self.closed = True
