"""Jackson's limits, and whether a record may exceed them: then it goes the exact way."""

from __future__ import annotations

import itertools
import re

# The defaults of Jackson's StreamReadConstraints, which Spark keeps.
MAX_DEPTH = 1000
MAX_NUMBER = 1000
MAX_STRING = 20_000_000
MAX_NAME = 50_000
# A record below this many bytes exceeds no limit: nesting takes two bytes a level.
SHORT = min(MAX_NUMBER, MAX_NAME, 2 * MAX_DEPTH)
_DIGITS = re.compile(rb"[0-9.eE+-]{%d}" % MAX_NUMBER)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes({*range(256)} - {*b"[]{}"})


def within_limits(record: bytes) -> bool:
    """Whether a record certainly keeps Jackson's limits, if it is JSON."""
    if len(record) < SHORT:
        return True
    if len(record) >= MAX_STRING or (len(record) >= MAX_NAME and b'\\"' in record):
        return False
    # A number is between two quotes, and so is a name, which has no quotes here.
    parts = record.split(b'"')
    longest = max(map(len, parts))
    if longest >= SHORT and _DIGITS.search(record):
        return False
    if longest >= MAX_NAME - 4 and any(
        len(part) >= MAX_NAME - 4 and behind.lstrip().startswith(b":")
        for part, behind in itertools.pairwise(parts)
    ):
        return False
    return _depth(record) < MAX_DEPTH


def _depth(record: bytes) -> int:
    """Return a bound of how deep a record is nested."""
    opened = record.count(b"{") + record.count(b"[")
    if opened < MAX_DEPTH:
        return opened
    marks = _STRING.sub(b"", record).translate(None, _NO_BRACKETS)
    return max(itertools.accumulate(1 if mark in b"[{" else -1 for mark in marks))


def all_within_limits(records: list[bytes]) -> bool:
    """Whether all records certainly keep Jackson's limits."""
    return max(map(len, records), default=0) < SHORT or all(map(within_limits, records))
