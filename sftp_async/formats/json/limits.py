"""Jackson's limits, and whether a record may exceed them: then it goes the exact way."""

from __future__ import annotations

import re

# The defaults of Jackson's StreamReadConstraints, which Spark keeps.
MAX_DEPTH = 1000
MAX_NUMBER = 1000
MAX_STRING = 20_000_000
MAX_NAME = 50_000
# A record below this many bytes exceeds no limit: nesting takes two bytes a level.
SHORT = min(MAX_NUMBER, MAX_NAME, 2 * MAX_DEPTH)
_DIGITS = re.compile(rb"[0-9.eE+-]{%d}" % MAX_NUMBER)
_NAME = re.compile(rb'[^"]{%d}' % (MAX_NAME // 4))


def within_limits(record: bytes) -> bool:
    """Whether a record certainly keeps Jackson's limits."""
    if len(record) < SHORT:
        return True
    return (
        len(record) < MAX_STRING
        and record.count(b"{") + record.count(b"[") < MAX_DEPTH
        and not _DIGITS.search(record)
        and (len(record) < MAX_NAME // 4 or not _NAME.search(record))
    )


def all_within_limits(block: bytes) -> bool:
    r"""Whether all records of a block, which end with `\n`, certainly keep Jackson's limits."""
    records = block.split(b"\n")
    return max(map(len, records)) < SHORT or all(map(within_limits, records))
