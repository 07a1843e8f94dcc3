"""A file in memory, as decoders see remote files, and the rows that a decoder makes of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from sftp_async.formats import open_read_format
from sftp_async.options import SFTPOptions


class MemoryFile:
    """A `ReadableFile` of bytes.

    Args:
        path: its name.
        data: its content.
        chunk: bytes of each piece that `chunks` yields.
        mtime: seconds since 1970.

    Attributes:
        served: bytes that were handed out, by any method.

    """

    def __init__(self, path: str, data: bytes, *, chunk: int = 64 * 1024, mtime: float = 0) -> None:
        self.path = path
        self.size = len(data)
        self.mtime = mtime
        self.served = 0
        self._data = data
        self._chunk = chunk

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Yield an iterator over a range."""
        yield self._pieces(start, stop)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return each range."""
        assert all(0 <= start <= stop <= self.size for start, stop in ranges)
        self.served += sum(stop - start for start, stop in ranges)
        return [self._data[start:stop] for start, stop in ranges]

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        assert 0 <= start <= stop <= self.size
        for offset in range(start, stop, self._chunk):
            piece = self._data[offset : min(offset + self._chunk, stop)]
            self.served += len(piece)
            yield piece


def read_options(**options: Any) -> SFTPOptions:
    """Return options of a read of an imaginary server."""
    return SFTPOptions(host="sftp.example.com", username="me", password="x", **options)


def decode_file(
    file: MemoryFile, options: SFTPOptions, schema: pa.Schema, cuts: Sequence[int] = ()
) -> pa.Table:
    """Return the rows of a file, read range by range.

    Args:
        file: to be decoded.
        options: its format and dialect.
        schema: the columns.
        cuts: where the file is cut into ranges.

    """
    reading = open_read_format(options, schema)
    edges = [0, *cuts, file.size]
    batches = [
        batch
        for start, stop in itertools.pairwise(edges)
        for batch in reading.decode(file, start, stop)
    ]
    return pa.Table.from_batches(batches, schema)
