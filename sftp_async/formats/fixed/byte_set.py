"""Knows character sets of one byte a character: ASCII in them, and the signs of zoned numbers."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sftp_async.formats.recoding import charset_of, is_ebcdic, is_single_byte

#: The last digit and the sign of a number in one character, for plus and for minus, from 0 on. The
#: first convention is that of COBOL's zoned decimals (SIGN IS TRAILING) in EBCDIC, whose bytes C0
#: to C9 and D0 to D9 are these characters in most code pages, and of files that were recoded from
#: it. The second is that of compilers for ASCII, such as Micro Focus.
OVERPUNCHED: Final = {
    "overpunch": ("{ABCDEFGHI", "}JKLMNOPQR"),
    "overpunch_ascii": ("0123456789", "pqrstuvwxy"),
}
_ZONES: Final = (0xC0, 0xD0)
#: The line end of EBCDIC, in Unicode.
NEXT_LINE: Final = "\x85"


@dataclass(frozen=True)
class ByteSet:
    """A character set of one byte a character.

    Records are handled in *plain* bytes, among which those of ASCII have their own values: bytes of
    EBCDIC are translated once, when they are read or written.

    Args:
        codec: Python's name.

    """

    codec: str

    @classmethod
    def named(cls, encoding: str) -> ByteSet | None:
        """Return the set of this name; None if its characters may take several bytes."""
        codec = charset_of(encoding)
        return cls(codec) if codec is not None and is_single_byte(codec) else None

    @cached_property
    def is_ebcdic(self) -> bool:
        """Whether it is a code page of EBCDIC."""
        return is_ebcdic(self.codec)

    @cached_property
    def to_plain(self) -> bytes | None:
        """The plain byte of each byte of a file; None: they are the same."""
        characters = self._of_files
        if characters[:128] == bytes(range(128)).decode():
            return None
        others = iter(range(128, 256))
        return bytes(ord(mark) if mark.isascii() else next(others, 255) for mark in characters)

    @cached_property
    def from_plain(self) -> bytes | None:
        """The byte of a file of each plain byte; None: they are the same."""
        if self.to_plain is None:
            return None
        table = bytearray(256)
        for code, plain in enumerate(self.to_plain):
            table[plain] = code
        return bytes(table)

    @cached_property
    def signed_to_plain(self) -> bytes | None:
        """What plain bytes are in zoned numbers; None: the same.

        In EBCDIC, bytes are signs and digits, whatever letters a code page has in their places.
        """
        if not self.is_ebcdic or self.to_plain is None:
            return None
        table = bytearray(range(256))
        for zone, marks in zip(_ZONES, OVERPUNCHED["overpunch"], strict=True):
            for digit, mark in enumerate(marks):
                table[self.to_plain[zone + digit]] = ord(mark)
        return bytes(table)

    @cached_property
    def signed_from_plain(self) -> bytes | None:
        """As `from_plain`, of zoned numbers."""
        if not self.is_ebcdic or self.from_plain is None:
            return self.from_plain
        table = bytearray(self.from_plain)
        for zone, marks in zip(_ZONES, OVERPUNCHED["overpunch"], strict=True):
            for digit, mark in enumerate(marks):
                table[ord(mark)] = zone + digit
        return bytes(table)

    def decode(self, plain: bytes) -> str:
        """Return the characters of plain bytes; U+FFFD stands for what is none."""
        if self.to_plain is None:
            return plain.decode(self.codec, "replace")
        return codecs.charmap_decode(plain, "replace", self._of_plain)[0]

    def with_line_feeds(self, data: bytes) -> bytes:
        """Return the plain bytes of a file; the line ends of EBCDIC (U+0085) are line feeds."""
        if self.to_plain is None:
            return data
        table = bytearray(self.to_plain)
        table[self._of_files.index(NEXT_LINE)] = ord("\n")
        return data.translate(bytes(table))

    @cached_property
    def _of_files(self) -> str:
        return bytes(range(256)).decode(self.codec, "replace")

    @cached_property
    def _of_plain(self) -> Any:
        assert self.from_plain is not None
        return "".join(self._of_files[code] for code in self.from_plain)
