"""CSV files that are read in another way than by Spark, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Difference:
    """A file of two columns of strings and the corrupt record.

    Args:
        name: as in docs/reference/reading-differences.md.
        data: the file.
        sparks: Spark's rows.
        ours: the decoder's rows.
        options: in Spark's spelling.

    """

    name: str
    data: bytes
    sparks: list[tuple[Any, ...]]
    ours: list[tuple[Any, ...]]
    options: dict[str, str] = field(default_factory=dict)


SCHEMA = "a STRING, b STRING, _corrupt_record STRING"
DIFFERENCES = [
    Difference(
        "a line feed inside a line that ends with CRLF",
        b"1,2\n3\r\n4,5\r\n",
        [("1", "2", None), ("3", None, ",5")],
        [("1", "2\n3", None), ("4", "5", None)],
        {"lineSep": "\r\n"},
    ),
    Difference(
        "a document of at most four characters that ends with CR",
        b"a,\r",
        [("a", "\r", None)],
        [("a", None, None)],
        {"multiLine": "true"},
    ),
]
