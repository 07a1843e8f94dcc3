"""Decompresses the stream of one file, by codec: what stands behind the table of codecs.

Each function takes the compressed bytes and yields the content, in pieces of at most `PIECE` bytes
whatever the ratio, and raises `CorruptDataError` where the data is damaged, truncated, or followed
by anything but another stream of the codec, as Hadoop does for gzip. Packages are imported when the
first file is opened.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from sftp_async.options.compressed_source import CompressedSource, CorruptDataError
from sftp_async.options.compressors import isal

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Most bytes of a piece of decompressed data.
PIECE = 1024 * 1024
# zlib.decompressobj: a window of 2**15 bytes; 16 more for gzip's header and trailer.
_ZLIB = 15
_GZIP = 16 + 15
# xz -9 needs 65 MiB, and 1 GiB is what its own tool refuses on small machines (man xz).
_XZ_MEMORY = 512 * 1024 * 1024
# The tar of xz: streams are followed by zeros, in fours (the .xz file format, 2.2).
_XZ_PADDING = 4


def plain(source: CompressedSource) -> Iterator[bytes]:
    """Yield data that is not compressed."""
    while data := source.read(PIECE):
        yield data


def gzip(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of gzip members."""
    return _inflated(source, _GZIP)


def deflate(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of zlib streams: Hadoop's DefaultCodec, `.deflate`."""
    return _inflated(source, _ZLIB)


def raw_deflate(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of one stream without header and checksum, as in zip files."""
    return _inflated(source, -_ZLIB)


def _inflated(source: CompressedSource, window: int) -> Iterator[bytes]:
    library: Any = isal() or zlib
    errors = (zlib.error, library.error)
    while data := source.some():
        stream = library.decompressobj(wbits=window)
        while not stream.eof:
            try:
                piece = stream.decompress(data, PIECE)
            except errors as error:
                raise CorruptDataError(_reason(error)) from error
            if piece:
                yield piece
            if not stream.eof:
                data = stream.unconsumed_tail or source.some()
                if not data and not piece:
                    raise CorruptDataError.truncated()
        source.give_back(stream.unused_data)
        if window < 0:
            return


def bzip2(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of bzip2 streams."""
    import bz2

    while data := source.some():
        yield from _stream(bz2.BZ2Decompressor(), data, source, (OSError, EOFError))


def xz(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of xz streams, or of a file of the older format `.lzma`."""
    import lzma

    while data := source.some():
        stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        yield from _stream(stream, data, source, (lzma.LZMAError, EOFError))
        while source.peek(_XZ_PADDING) == bytes(_XZ_PADDING):
            source.exactly(_XZ_PADDING)


def raw_lzma(
    source: CompressedSource, *, dictionary: int, properties: tuple[int, int, int]
) -> Iterator[bytes]:
    """Yield the content of one LZMA stream without header, as in zip files.

    It may lack an end mark: then the end of the source is its end.

    Args:
        source: the stream.
        dictionary: its size in bytes.
        properties: `lc`, `lp` and `pb`, as in https://www.7-zip.org/sdk.html.

    """
    import lzma

    if dictionary > _XZ_MEMORY:
        raise CorruptDataError(f"to decompress it takes {dictionary:,} bytes of memory")
    lc, lp, pb = properties
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    try:
        stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        data = source.some()
        while not stream.eof and (data or not stream.needs_input):
            if piece := stream.decompress(data, PIECE):
                yield piece
            data = source.some() if stream.needs_input else b""
    except (lzma.LZMAError, ValueError) as error:
        raise CorruptDataError(_reason(error)) from error


def _stream(
    stream: Any, data: bytes, source: CompressedSource, errors: tuple[type[Exception], ...]
) -> Iterator[bytes]:
    """Yield the content of one stream by an object of the standard library's bz2 or lzma."""
    while not stream.eof:
        try:
            piece = stream.decompress(data, PIECE)
        except errors as error:
            raise CorruptDataError(_reason(error)) from error
        if piece:
            yield piece
        data = b""
        if stream.needs_input and not stream.eof:
            data = source.some()
            if not data:
                raise CorruptDataError.truncated()
    source.give_back(stream.unused_data)


def zstd(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of zstd frames."""
    return arrow_stream(source, "zstd")


def arrow_stream(source: CompressedSource, codec: str) -> Iterator[bytes]:
    """Yield the content of frames that Arrow decompresses, of any number.

    Args:
        source: the frames.
        codec: Arrow's name.

    """
    import pyarrow as pa

    stream = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), codec)
    while True:
        try:
            piece = stream.read(PIECE)
        except OSError as error:
            if source.failure is not None:
                raise source.failure from None
            raise CorruptDataError(_reason(error)) from error
        if not piece:
            return
        yield piece


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if "runcated" in text or "end-of-stream" in text:
        return str(CorruptDataError.truncated())
    return text
