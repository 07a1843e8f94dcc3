"""Writes the current JSON value again, as Jackson's generator copies it from a parser."""

from __future__ import annotations

import math
import re

import pyarrow as pa

from sftp_async.formats.json import tokens as t
from sftp_async.formats.values import floats

_ESCAPED = re.compile('["\\\\\x00-\x1f]')
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def written_again(tokens: t.Tokens) -> str:
    """Return the current value as JSON without white space; it becomes the last token read.

    Raises:
        MalformedJSONError: the value is malformed.

    """
    pieces: list[str] = []
    depth = 0
    token = tokens.token
    between = ""
    while token is not None:
        if token in (t.OBJECT_END, t.ARRAY_END):
            pieces.append(token)
            depth -= 1
            between = ","
        else:
            pieces.append(between)
            between = "," if token not in (t.OBJECT, t.ARRAY) else ""
            if token == t.NAME:
                pieces.append(f"{_quoted(tokens.name or '')}:")
                between = ""
            else:
                pieces.append(_written(tokens, token))
            depth += token in (t.OBJECT, t.ARRAY)
        if not depth and token != t.NAME:
            break
        token = tokens.next()
    return "".join(pieces)


def _written(tokens: t.Tokens, token: str) -> str:
    if token == t.STRING:
        return _quoted(tokens.string())
    if token == t.INT:
        return "0" if tokens.number == "-0" else tokens.number
    if token == t.FLOAT:
        number = float(tokens.number.replace("INF", "Infinity"))
        text: str = floats.java_text(pa.array([number]))[0].as_py()
        return text if math.isfinite(number) else f'"{text}"'
    return token


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _SHORT.get(char) or f"\\u{ord(char):04X}"
