"""Escapes XML text and attributes as Woodstox does, the library of Spark's writer."""

from __future__ import annotations

import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, replace_where, text_buffer

# https://www.w3.org/TR/xml/#charsets: there is no way to write these.
_NO_CHARACTER = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
_SUSPECT = re.compile(b"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]|\xef\xbf[\xbe\xbf]")
# Woodstox writes these as numbers, too: DEL and the C1 controls.
_NUMBERED = re.compile(b"\x7f|\xc2[\x80-\x9f]")
IN_TEXT = {"&": "&amp;", "<": "&lt;", "\r": "&#xd;"}
IN_ATTRIBUTE = IN_TEXT | {'"': "&quot;", "\t": "&#x9;", "\n": "&#xa;"}
# It cannot see what came before a text, and writes ]]> in none.
_GREATER = r"(^|\])>"


def escaped(path: str, text: pa.Array, escapes: dict[str, str]) -> pa.Array:
    """Return strings as they stand in text (`IN_TEXT`) or in an attribute (`IN_ATTRIBUTE`).

    Raises:
        EncodeError: a character cannot be written; names the column at `path`.

    """
    raw = text_buffer(text).to_pybytes()
    if _SUSPECT.search(raw) and any_true(pc.match_substring_regex(text, _NO_CHARACTER)):
        raise EncodeError(
            f"A value of column {path!r} holds a character that XML has no way to write, such as "
            "a control character",
            hint=f"Take it out with regexp_replace, or write base64(`{path}`)",
        )
    found = {char: mark for char, mark in escapes.items() if char.encode() in raw}
    masks = []
    greater = escapes is IN_TEXT and b">" in raw
    if greater:
        masks.append(pc.match_substring_regex(text, _GREATER))
    if escapes is IN_TEXT:
        controls = {match.decode() for match in _NUMBERED.findall(raw)}
        found |= {char: f"&#x{ord(char):x};" for char in sorted(controls)}
    masks += [pc.match_substring(text, char) for char in found]
    if not masks:
        return text
    mask = functools.reduce(pc.or_, masks)
    some = text.filter(mask)
    # The ampersand comes first: the escapes of the others add new ones.
    for char, mark in found.items():
        some = pc.replace_substring(some, char, mark)
    if greater:
        some = pc.replace_substring_regex(some, _GREATER, r"\1&gt;")
    return replace_where(mask, text, some)


def in_attribute(value: str) -> str:
    """Return the text of one attribute's value, escaped."""
    return "".join(IN_ATTRIBUTE.get(char, char) for char in value)


def in_text(value: str) -> str:
    """Return one text, escaped."""
    text: str = escaped("null_value", pa.array([value], pa.string()), IN_TEXT)[0].as_py()
    return text
