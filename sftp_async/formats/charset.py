"""Encodes text files in character sets other than UTF-8, without losing a character."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sftp_async.errors import EncodeError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Java's UTF-16 and UTF-32, which Spark writes with, are big-endian, and only the former has a byte
# order mark: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/nio/charset/Charset.html
_CODECS = {
    "utf-16": ("utf-16-be", codecs.BOM_UTF16_BE),
    "utf-32": ("utf-32-be", b""),
    "utf-8-sig": ("utf-8", codecs.BOM_UTF8),
}
_JSON_ESCAPES = "sftp_async.json"
# Text is decoded in pieces of this size: as Python text it may take four times as much.
_PIECE = 1024 * 1024
# No set but Unicode's own forms, GB 18030 among them, goes beyond Unicode's plane 2.
_PLANES = 0x30000


@dataclass(frozen=True)
class Charset:
    """Turns UTF-8 text into another character set.

    Args:
        name: the name that the user gave.
        codec: Python's name.
        mark: the byte order mark that a file starts with.
        errors: Python's error handler for a character that is not in the set.
        folded: characters that Python would write as others; the set counts as lacking them.

    """

    name: str
    codec: str
    mark: bytes
    errors: str
    folded: str = ""

    @classmethod
    def named(cls, name: str, *, json: bool = False) -> Charset | None:
        r"""Return the character set of this name; None for UTF-8, the encoders' own.

        Args:
            name: one that Python knows.
            json: whether `\uXXXX` may stand for a character that the set lacks.

        """
        codec = codecs.lookup(name).name
        codec, mark = _CODECS.get(codec, (codec, b""))
        if codec == "utf-8" and not mark:
            return None
        return cls(name, codec, mark, _JSON_ESCAPES if json else "strict", _folded(codec))

    def encode(self, text: Buffer) -> bytes:
        """Return UTF-8 text in this character set, without a byte order mark.

        Raises:
            EncodeError: it lacks a character; names it.

        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        view = memoryview(text)
        pieces = []
        try:
            for start in range(0, len(view), _PIECE):
                piece = decoder.decode(view[start : start + _PIECE])
                pieces.append(self._without_folded(piece).encode(self.codec, self.errors))
        except UnicodeEncodeError as error:
            missing = error.object[error.start]
            raise EncodeError(
                f"{self.name} has no character {missing!r} (U+{ord(missing):04X})",
                hint="Set encoding=UTF-8, or replace the character in the DataFrame",
            ) from None
        return b"".join(pieces)

    def lacks(self, text: str) -> bool:
        """Return whether the set lacks a character of `text`."""
        try:
            text.encode(self.codec)
        except UnicodeEncodeError:
            return True
        return not set(self.folded).isdisjoint(text)

    def can_write(self, character: str) -> bool:
        """Return whether files can hold a character, as itself or as an escape."""
        return self.errors != "strict" or not self.lacks(character)

    def _without_folded(self, text: str) -> str:
        # They are few, and finding none of them costs next to nothing.
        for character in self.folded:
            if (start := text.find(character)) >= 0:
                lacking = UnicodeEncodeError(self.codec, text, start, start + 1, "is folded")
                escape, _ = codecs.lookup_error(self.errors)(lacking)
                text = text.replace(character, str(escape))
        return text


@cache
def _folded(codec: str) -> str:
    r"""Return the characters that Python encodes and does not decode to themselves.

    Shift_JIS has `¥` in the backslash's place, and Python makes a backslash of it; an escape in
    ISO-2022-JP would switch to another set. UTF has none, and nor have sets of single bytes.
    """
    if codec.startswith("utf"):
        return ""
    folded = []
    for start in range(0, _PLANES, 256):
        block = "".join(map(chr, range(start, start + 256)))
        encoded = block.encode(codec, "ignore")
        if encoded and encoded.decode(codec, "replace") != block:
            folded += [character for character in block if _changes(character, codec)]
    return "".join(folded)


def _changes(character: str, codec: str) -> bool:
    encoded = character.encode(codec, "ignore")
    return bool(encoded) and encoded.decode(codec, "replace") != character


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    r"""Return `\uXXXX` for what cannot be encoded: two of them beyond U+FFFF (RFC 8259)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be").hex().upper()
    escapes = "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
    return escapes, error.end


codecs.register_error(_JSON_ESCAPES, _json_escapes)
