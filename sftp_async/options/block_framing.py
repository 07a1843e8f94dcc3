"""Decompresses LZ4 and snappy as Hadoop frames them in blocks, and in their own frame formats.

Which framing a file has, its first bytes tell. The checksums of snappy's frames are CRC-32C, which
no package that is always there computes; they are not looked at.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Any, Final

from sftp_async.options.compressed_source import CompressedSource, CorruptDataError
from sftp_async.options.decompressors import PIECE, arrow_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, also of skippable frames.
_LZ4_FRAME: Final = b"\x04\x22\x4d\x18"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
# A frame of independent blocks of at most 4 MiB without checksums, up to its first block.
_LZ4_HEADER: Final = _LZ4_FRAME + b"\x60\x70\x73"
_LZ4_END: Final = bytes(4)
_LARGEST_LZ4_BLOCK: Final = 4 * 1024 * 1024
# https://github.com/google/snappy/blob/main/framing_format.txt
_SNAPPY_FRAME: Final = b"\xff\x06\x00\x00sNaPpY"
_STREAM_START, _COMPRESSED, _PLAIN = 0xFF, 0x00, 0x01
_SKIPPABLE_FROM: Final = 0x80
_CHECKSUM: Final = 4
_LARGEST_FRAME: Final = 64 * 1024
# org.xerial.snappy.SnappyCodec: the magic bytes, and two versions of four bytes.
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
#: Bytes of a block at most. Hadoop's blocks have 256 KiB unless io.compression.codec.*.buffersize
#: is set; a file of something else seems to have blocks of gigabytes.
_LARGEST_BLOCK: Final = 64 * 1024 * 1024
_VARINT_BYTES: Final = 5


def lz4(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of LZ4 frames, or of what Hadoop's Lz4Codec writes."""
    start = source.peek(4)
    if start == _LZ4_FRAME or (start[1:] == _SKIPPABLE and start[0] >> 4 == 5):
        return arrow_stream(source, "lz4")
    return _hadoop_blocks(source, _lz4_block)


def snappy(source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of snappy frames, or of what Hadoop's SnappyCodec or snappy-java write."""
    start = source.peek(len(_SNAPPY_FRAME))
    if start == _SNAPPY_FRAME:
        return _snappy_frames(source)
    if start.startswith(_XERIAL):
        return _xerial_blocks(source)
    return _hadoop_blocks(source, _snappy_block)


def _hadoop_blocks(
    source: CompressedSource, decompress: Callable[[bytes, int], bytes]
) -> Iterator[bytes]:
    """Yield the content of blocks as org.apache.hadoop.io.compress.BlockCompressorStream writes.

    Args:
        source: blocks of a length before compression, and chunks of it with their lengths after.
        decompress: takes a chunk, and the most bytes that it may have.

    """
    while source.peek(1):
        left = _length(source)
        while left:
            content = decompress(source.exactly(_length(source)), left)
            if not content:
                raise CorruptDataError("a block holds less than it states")
            left -= len(content)
            yield from _pieces(content)


def _length(source: CompressedSource) -> int:
    (length,) = struct.unpack(">I", source.exactly(4))
    if length > _LARGEST_BLOCK:
        raise CorruptDataError(f"it has no block of {length:,} bytes")
    return int(length)


def _lz4_block(chunk: bytes, most: int) -> bytes:
    # Arrow's function for blocks asks for the exact size, which is that of a whole block only if
    # it has one chunk; as a frame, a block of any size is decompressed, and checked.
    import pyarrow as pa

    most = min(most, _LARGEST_LZ4_BLOCK)
    if len(chunk) > _LARGEST_LZ4_BLOCK:
        raise CorruptDataError(f"it has no LZ4 block of {len(chunk):,} bytes")
    frame = b"".join([_LZ4_HEADER, struct.pack("<I", len(chunk)), chunk, _LZ4_END])
    try:
        stream = pa.CompressedInputStream(pa.BufferReader(frame), "lz4")
        content: bytes = stream.read(most + 1)
    except OSError as error:
        raise CorruptDataError(str(error)) from error
    if len(content) > most:
        raise CorruptDataError("a block holds more than it states")
    return content


def _snappy_block(chunk: bytes, most: int) -> bytes:
    import pyarrow as pa

    size = _snappy_size(chunk)
    if size > most:
        raise CorruptDataError("a block holds more than it states")
    try:
        content: bytes = _snappy_codec().decompress(chunk, size, asbytes=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptDataError(str(error)) from error
    return content


@functools.cache
def _snappy_codec() -> Any:
    import pyarrow as pa

    return pa.Codec("snappy")


def _snappy_size(chunk: bytes) -> int:
    """Return the size before compression, which a chunk begins with: seven bits a byte."""
    size = 0
    for place, byte in enumerate(chunk[:_VARINT_BYTES]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return size
    raise CorruptDataError("a block of snappy has no length")


def _snappy_frames(source: CompressedSource) -> Iterator[bytes]:
    while source.peek(1):
        header = source.exactly(4)
        kind, length = header[0], int.from_bytes(header[1:], "little")
        if kind in (_COMPRESSED, _PLAIN):
            if length < _CHECKSUM:
                raise CorruptDataError("a frame of snappy has no checksum")
            content = source.exactly(length)[_CHECKSUM:]
            if kind == _COMPRESSED:
                content = _snappy_block(content, _LARGEST_FRAME)
            yield from _pieces(content)
        elif kind == _STREAM_START:
            if header + source.exactly(min(length, len(_SNAPPY_FRAME))) != _SNAPPY_FRAME:
                raise CorruptDataError("a frame of snappy has a wrong start")
        elif kind >= _SKIPPABLE_FROM:
            source.exactly(length)
        else:
            raise CorruptDataError(f"snappy has no frames of the kind {kind}")


def _xerial_blocks(source: CompressedSource) -> Iterator[bytes]:
    while source.peek(1):
        if source.peek(len(_XERIAL)) == _XERIAL:
            source.exactly(_XERIAL_HEADER)
        else:
            yield from _pieces(_snappy_block(source.exactly(_length(source)), _LARGEST_BLOCK))


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
