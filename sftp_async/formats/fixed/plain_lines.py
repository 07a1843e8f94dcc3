"""Reads lines of character sets of one byte a character, without recoding what is within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sftp_async.formats.line_decoder import LineReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.fixed.byte_set import ByteSet
    from sftp_async.options import FormatOptions


@dataclass(frozen=True)
class PlainLineReader(LineReader):
    """Reads lines in plain bytes; see `ByteSet`.

    Attributes:
        bytes_: the character set; None: UTF-8, as for `LineReader`.

    """

    bytes_: ByteSet | None = None

    @classmethod
    def plain(cls, options: FormatOptions, bytes_: ByteSet) -> Self:
        """Return the reader that the options ask for.

        Args:
            options: of files.
            bytes_: their character set.

        """
        given = "line_sep" in options.model_fields_set
        separator = options.line_sep.encode(bytes_.codec) if given else None
        if separator is not None and bytes_.to_plain is not None:
            # The line end of EBCDIC may be given by either of its names.
            separator = bytes_.with_line_feeds(separator)
        return cls(separator, options.compression, checked=False, bytes_=bytes_)

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be read by itself; see `LineReader`."""
        if self.bytes_ is not None and self.bytes_.to_plain is not None:
            return False
        return super().is_splittable(path)

    def _recoded_first(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        if self.bytes_ is None:
            return chunks
        return map(self.bytes_.with_line_feeds, chunks)
