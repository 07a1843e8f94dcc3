"""Compression of a file as a whole, and the file in memory that Arrow's writers write to.

The codecs themselves are in `sftp_async.options.codecs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.options.codecs import whole_file
from sftp_async.options.compressors import ByteSink

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.options.compressors import Compressor


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
        """The suffix that the codec gives to a file's name, such as `.gz`.

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


class Drain(ByteSink):
    """A `ByteSink` that knows its position, as the writers of Parquet, ORC and Avro need it."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def write(self, data: Buffer) -> int:
        """Keep a copy of `data` for the next `take`; return its length."""
        length = super().write(data)
        self._position += length
        return length

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._position

    def seekable(self) -> bool:
        """Return False: bytes that were taken are gone."""
        return False
