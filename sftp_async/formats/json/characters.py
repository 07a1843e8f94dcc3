"""The characters of JSON as Jackson sees them: of words and names, and halves of pairs."""

from __future__ import annotations

import codecs
import unicodedata

# Character.isIdentifierIgnorable, of Latin-1.
_IGNORABLE = frozenset(map(chr, [*range(9), *range(14, 28), *range(127, 160), 173]))
_QUESTION_MARKS = "sftp_async.question_marks"


def is_identifier_part(char: str) -> bool:
    """Whether Java takes a character for part of an identifier, about."""
    return (
        ("a" + char).isidentifier()
        or char in _IGNORABLE
        or unicodedata.category(char) == "Sc"  # a currency, such as the dollar
    )


def joined_surrogates(text: str) -> str:
    """Return text with each pair of surrogates as one character; others are `?`, as in Java."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", _QUESTION_MARKS)


def _question_mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "?", error.end


codecs.register_error(_QUESTION_MARKS, _question_mark)


def begins_word(char: str) -> bool:
    """Whether Java takes a character for the first of an identifier, about."""
    return char > " " and is_identifier_part(char) and not char.isdigit()


def first_byte(char: str) -> str:
    """Return the first byte of a character as one of Latin-1: Jackson looks at nothing else."""
    return chr(char.encode(errors="surrogateescape")[0])


def is_name_part(char: str) -> bool:
    """Whether a name without quotes may have a character: CharTypes.getInputCodeUtf8JsNames."""
    return bool(char) and (char > "\x7f" or is_identifier_part(char) or char in "@#*-+")
