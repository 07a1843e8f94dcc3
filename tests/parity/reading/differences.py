"""What our readers make of files that Spark's make something else of, and why: a table of cases.

The page docs/reference/reading-differences.md lists them, format by format.
"""

from __future__ import annotations

import bz2
import lzma
from dataclasses import dataclass, field
from typing import Any

#: What stands for the rows where a reader fails.
FAILS = "fails"


@dataclass(frozen=True)
class Difference:
    """A file that is read otherwise than by Spark.

    Args:
        name: as on the page.
        file: its name, whose extension counts.
        data: its content.
        sparks: the rows by Spark's reader, as tuples; or `FAILS`.
        ours: the rows by ours.
        form: the format.
        options: for both readers, in Spark's spelling.
        schema: as DDL.

    """

    name: str
    file: str
    data: bytes
    sparks: Any
    ours: Any
    form: str = "text"
    options: dict[str, str] = field(default_factory=dict)
    schema: str = "value STRING"


def rows(*values: str) -> list[tuple[str, ...]]:
    """Rows of one column."""
    return [(value,) for value in values]


TEXT = [
    Difference(
        "text in another encoding",
        "latin.txt",
        "ä\nß\n".encode("latin-1"),
        sparks=rows("\ufffd", "\ufffd"),
        ours=rows("ä", "ß"),
        options={"encoding": "ISO-8859-1"},
    ),
    Difference(
        "text in UTF-16",
        "utf-16.txt",
        "a\nb\n".encode("utf-16-be"),
        sparks=rows("\x00a\x00", "\x00b\x00"),
        ours=rows("a", "b"),
        options={"encoding": "UTF-16"},
    ),
    Difference(
        "a file of xz",
        "rows.txt.lzma",
        lzma.compress(b"a\nb\n", lzma.FORMAT_ALONE, preset=0),
        sparks=None,  # a row of the compressed bytes
        ours=rows("a", "b"),
    ),
    Difference(
        "bytes behind the end of bzip2",
        "behind.txt.bz2",
        bz2.compress(b"a\n") + b"garbage",
        sparks=rows("a"),
        ours=FAILS,
    ),
    Difference(
        "bzip2 without its end",
        "cut.txt.bz2",
        bz2.compress(b"a\n")[:-4],
        sparks=rows("a"),
        ours=FAILS,
    ),
    Difference(
        "no bzip2 at all",
        "plain.txt.bz2",
        b"a\nb\n",
        sparks=[],
        ours=FAILS,
    ),
]
