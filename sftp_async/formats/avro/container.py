"""Reads Avro container files block by block: the header, and the blocks that a range owns.

Source: https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftp_async.formats.decode_errors import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
#: Bytes of a file that are asked for first to find its header.
FIRST_READ = 16 * 1024
#: Bytes behind a range that are asked for, to complete its last block; doubled while that is not
#: enough.
_BEHIND = 64 * 1024
#: Most bytes of a block: it must be held as a whole. Writers make blocks of 16 KiB to some MiB.
MAX_BLOCK = 256 * 1024 * 1024


class _CutOffError(Exception):
    """The data end within what is read."""


@dataclass(frozen=True)
class Header:
    """The header of a file.

    Args:
        schema: of the rows, as JSON has it.
        codec: of the blocks.
        sync: the marker behind the header and each block.
        size: bytes, the marker included.

    """

    schema: Any
    codec: str
    sync: bytes
    size: int


@dataclass(frozen=True)
class Block:
    """A block of rows.

    Args:
        offset: where it begins in the file, in bytes.
        rows: it has.
        data: of the block, with its counts and its marker.

    """

    offset: int
    rows: int
    data: bytes


def read_header(file: ReadableFile) -> Header:
    """Read a file's header.

    Raises:
        DecodeError: the file is no Avro file, or ends within the header.

    """
    with _Buffer(file, 0, FIRST_READ) as buffer:
        return buffer.header()


@contextmanager
def open_blocks(
    file: ReadableFile, start: int, stop: int
) -> Iterator[tuple[Header, Iterator[Block]]]:
    """Yield a file's header, and the blocks of a range.

    A block is in the range in which its preceding sync marker begins. So does Java's reader
    (DataFileReader.sync and pastSync) for Hadoop's and Spark's splits.

    A range from 0 on is read once, in order. Before others the header is read by itself.

    Raises:
        DecodeError: the file is no Avro file, is damaged or truncated.

    """
    header = read_header(file) if start else None
    with _Buffer(file, start, stop) as buffer:
        header = header or buffer.header()
        yield header, _blocks(buffer, header, file, stop)


def _blocks(buffer: _Buffer, header: Header, file: ReadableFile, stop: int) -> Iterator[Block]:
    marker = buffer.find(header.sync, header.size - SYNC_BYTES)
    while marker is not None and marker < stop:
        buffer.drop(marker + SYNC_BYTES)
        if buffer.start >= file.size:
            return
        block = _block(buffer, header, file)
        yield block
        marker = block.offset + len(block.data) - SYNC_BYTES


def _header(data: bytes, file: ReadableFile, *, whole: bool) -> Header | None:
    """Return the header that the data begin with; None: more are needed."""
    if data[: len(MAGIC)] != MAGIC[: len(data)] or (whole and len(data) < len(MAGIC)):
        raise malformed(
            f"This is no Avro file: it begins with {data[:4]!r}, not {MAGIC!r}",
            file.path,
            offset=0,
            hint="Leave out files of other formats with path_glob_filter",
        )
    try:
        metadata, at = _metadata(data, len(MAGIC))
        if at + SYNC_BYTES > len(data):
            raise _CutOffError
        schema = json.loads(metadata[b"avro.schema"])
    except _CutOffError:
        if not whole:
            return None
        raise malformed("The file ends within its header", file.path, offset=len(data)) from None
    except (ValueError, KeyError) as error:
        raise malformed(f"The header is damaged: {error}", file.path, offset=0) from error
    codec = metadata.get(b"avro.codec", b"null").decode("utf-8", "replace")
    return Header(schema, codec, data[at : at + SYNC_BYTES], at + SYNC_BYTES)


def _metadata(data: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    found: dict[bytes, bytes] = {}
    while True:
        count, at = _long(data, at)
        if count == 0:
            return found, at
        if count < 0:
            _, at = _long(data, at)  # bytes of the piece, for readers that skip it
        for _ in range(abs(count)):
            key, at = _bytes(data, at)
            found[key], at = _bytes(data, at)


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _long(data, at)
    if length < 0:
        raise ValueError("a text has fewer than no bytes")
    if at + length > len(data):
        raise _CutOffError
    return data[at : at + length], at + length


def _long(data: bytes | bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise _CutOffError
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise ValueError("a number has no end")


def header_bytes(schema: Any, codec: str, sync: bytes) -> bytes:
    """Return the header of a file."""
    metadata = {b"avro.schema": json.dumps(schema).encode(), b"avro.codec": codec.encode()}
    parts = [MAGIC, _encoded(len(metadata))]
    for key, value in metadata.items():
        parts += [_encoded(len(key)), key, _encoded(len(value)), value]
    return b"".join([*parts, _encoded(0), sync])


def _encoded(value: int) -> bytes:
    value *= 2
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


class _Buffer:
    """Some bytes of a file, which grow at the end as they are needed."""

    def __init__(self, file: ReadableFile, start: int, stop: int) -> None:
        self.start = start
        self.data = bytearray()
        self._file = file
        self._pieces = self._read(start, stop)

    def __enter__(self) -> _Buffer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pieces.close()

    def _read(self, start: int, stop: int) -> Any:
        behind = _BEHIND
        stop = min(self._file.size, stop + behind)
        while start < self._file.size:
            with self._file.chunks(start, stop) as chunks:
                yield from chunks
            start, behind = stop, 2 * behind
            stop = min(self._file.size, stop + behind)

    def header(self) -> Header:
        """Return the header of the file that the buffer begins with."""
        while True:
            whole = len(self.data) == self._file.size
            header = _header(bytes(self.data), self._file, whole=whole)
            if header is not None:
                return header
            self.grow()

    def grow(self) -> bool:
        """Take the next piece; returns whether there was one."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self.data += piece
        return True

    def drop(self, until: int) -> None:
        """Forget the bytes before a place in the file."""
        while until > self.start + len(self.data) and self.grow():
            pass
        del self.data[: until - self.start]
        self.start = until

    def find(self, sync: bytes, first: int) -> int | None:
        """Return where the first marker begins, not before `first`; forgets what is before."""
        if first > self.start:
            self.drop(first)
        while True:
            found = self.data.find(sync)
            if found >= 0:
                return self.start + found
            self.drop(self.start + max(0, len(self.data) - len(sync) + 1))
            if not self.grow():
                return None


def _block(buffer: _Buffer, header: Header, file: ReadableFile) -> Block:
    """Return the block that the buffer begins with."""
    offset = buffer.start
    while True:
        try:
            rows, at = _long(buffer.data, 0)
            size, at = _long(buffer.data, at)
            break
        except ValueError as error:
            raise malformed(f"A block is damaged: {error}", file.path, offset=offset) from error
        except _CutOffError:
            if not buffer.grow():
                raise malformed(
                    "The file ends within a block: it is truncated", file.path, offset=offset
                ) from None
    if rows < 0 or size < 0 or size > MAX_BLOCK:
        raise malformed(
            f"A block is damaged: it claims {rows:,} rows and {size:,} bytes",
            file.path,
            offset=offset,
        )
    end = at + size + SYNC_BYTES
    if offset + end > file.size:
        raise malformed(
            f"The file ends within a block of {size:,} bytes: it is truncated",
            file.path,
            offset=offset,
        )
    while len(buffer.data) < end and buffer.grow():
        pass
    data = bytes(memoryview(buffer.data)[:end])
    if data[-SYNC_BYTES:] != header.sync:
        raise malformed(
            "A block is damaged: there is no sync marker behind it", file.path, offset=offset
        )
    return Block(offset, rows, data)
