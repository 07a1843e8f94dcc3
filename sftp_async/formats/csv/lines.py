"""Cuts CSV data into lines of text, and tells the text of a record and whether a line is blank."""

from __future__ import annotations

import re

#: What Java's String.trim removes, and the parser takes for white space.
BLANKS = "".join(map(chr, range(33)))
_ENDS = re.compile(r"\r\n|\r|\n")
_ENDS_OF_BYTES = re.compile(rb"\r\n|\r|\n")
#: The first character that is none of `BLANKS`.
_NO_BLANK = "!"


def text_lines(data: bytes, line_sep: str | None) -> list[str]:
    """Return the lines of UTF-8 data, without their ends.

    Args:
        data: of whole lines.
        line_sep: the end of lines that the user set; None: each of the usual ones.

    """
    text = data.decode("utf-8", "replace")
    if line_sep is not None:
        lines = text.split(line_sep)
    elif "\r" in text:
        lines = _ENDS.split(text)
    else:
        lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def without_blank(lines: list[str]) -> list[str]:
    """Return the lines that are not of white space alone."""
    # A line that begins with no white space is not blank; often, that is all of them.
    if not lines or min(lines) >= _NO_BLANK:
        return lines
    return [line for line in lines if line and (line[0] >= _NO_BLANK or line.strip(BLANKS))]


def record_text(line: str) -> str:
    """Return the text of a malformed record, without its end: Scala's StringOps.stripLineEnd."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(("\n", "\r")) else line


def end_of_line(data: bytes, position: int, line_sep: str | None) -> int:
    """Return where the line behind the one at a position begins."""
    if line_sep is not None:
        end = line_sep.encode()
        at = data.find(end, position)
        return len(data) if at < 0 else at + len(end)
    found = _ENDS_OF_BYTES.search(data, position)
    return found.end() if found else len(data)
