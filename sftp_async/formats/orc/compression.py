"""Decompresses the small parts of an ORC file that this package reads itself: its footers.

Source: https://orc.apache.org/specification/ORCv1/, "Compression".
"""

from __future__ import annotations

import io
import zlib

import pyarrow as pa

#: CompressionKind in orc_proto.proto.
CODECS = ("none", "zlib", "snappy", "lzo", "lz4", "zstd", "brotli")
_HEADER = 3


def decompressed(data: bytes, codec: str, block: int) -> bytes:
    """Return what a section of the file holds.

    Args:
        data: the section.
        codec: one of `CODECS`.
        block: bytes that a compressed piece has at most, once decompressed.

    Raises:
        ValueError: the section is damaged, or the codec is not supported.

    """
    if codec == "none":
        return data
    parts, at = [], 0
    while at < len(data):
        header = int.from_bytes(data[at : at + _HEADER], "little")
        at += _HEADER
        piece = data[at : at + (header >> 1)]
        if len(piece) < header >> 1:
            raise ValueError("a compressed piece is cut off")
        at += len(piece)
        parts.append(piece if header & 1 else _piece(piece, codec, block))
    return b"".join(parts)


def stored(data: bytes, codec: str, block: int) -> bytes:
    """Return a section that holds `data` as they are."""
    if codec == "none":
        return data
    parts = []
    for start in range(0, len(data), block):
        piece = data[start : start + block]
        parts += [(len(piece) << 1 | 1).to_bytes(_HEADER, "little"), piece]
    return b"".join(parts)


def _piece(piece: bytes, codec: str, block: int) -> bytes:
    if codec == "zlib":
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(piece, block + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from error
    if codec == "snappy":
        size, shift = 0, 0
        for byte in piece:
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if size > block:
            raise ValueError("a compressed piece is too large")
        return bytes(pa.Codec("snappy").decompress(piece, size, asbytes=True))
    if codec == "lz4":
        return _lz4(piece, block)
    if codec in ("zstd", "brotli"):
        stream = pa.CompressedInputStream(pa.PythonFile(io.BytesIO(piece), mode="r"), codec)
        return bytes(stream.read(block + 1))
    raise ValueError(f"files with the compression {codec} are not supported")


def _lz4(piece: bytes, block: int) -> bytes:
    """Return the content of an LZ4 block, of which neither Arrow's codecs know the size.

    Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
    """
    plain, at = bytearray(), 0

    def length(first: int) -> int:
        nonlocal at
        total = first
        if first == 15:
            while True:
                byte = piece[at]
                at += 1
                total += byte
                if byte < 255:
                    break
        return total

    while at < len(piece):
        token = piece[at]
        at += 1
        count = length(token >> 4)
        plain += piece[at : at + count]
        at += count
        if at >= len(piece):
            break
        distance = int.from_bytes(piece[at : at + 2], "little")
        at += 2
        count = length(token & 15) + 4
        if not 0 < distance <= len(plain) or len(plain) + count > block:
            raise ValueError("a compressed piece is damaged")
        for _ in range(count):
            plain.append(plain[-distance])
    return bytes(plain)
