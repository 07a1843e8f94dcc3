"""Compression of a file as a whole, and the file in memory that Arrow's writers write to.

The codecs themselves are in `sftp_async.options.codecs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.options.codecs import whole_file

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.options.codecs import Compressor


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
        """What the codec adds to a file's name: `.gz`.

        Raises:
            OptionsError: the codec compresses no whole files.

        """
        return whole_file(self.codec).extension

    @property
    def buffered_bytes(self) -> int:
        """Bytes of memory that the stream of one file takes, as its library states them."""
        return whole_file(self.codec).memory(self.level)

    def open(self) -> Compressor:
        """Start the stream of one file.

        Raises:
            OptionsError: a package is missing; names the extra that brings it.

        """
        return whole_file(self.codec).open(self.level)


class Drain:
    """A file in memory whose bytes are taken away while it is written."""

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
        """Return, and forget, the bytes written since the last call."""
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._position

    def seekable(self) -> bool:
        """Return False: bytes that were taken are gone."""
        return False

    def flush(self) -> None:
        """Do nothing: all bytes are in memory."""

    def close(self) -> None:
        """Take no more bytes; those written before can still be taken."""
        self.closed = True
