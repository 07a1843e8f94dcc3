"""What differs from Spark's files, and why: a table of cases, and rules for those in any frame."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

# Spark's default patterns have three digits of the second.
_MICROS = re.compile(rb"(T\d\d:\d\d:\d\d\.\d{3})\d{3}(?!\d)")
# java.math.BigDecimal.toString: an exponent below 1e-6. No float is among these frames.
_EXPONENT = re.compile(rb"(?<![\w.+\-/])(-?\d(?:\.\d+)?E-\d+)(?![\w.])")


def as_spark_rounds(ours: bytes) -> bytes:
    """Take off what Spark's default patterns lose: microseconds."""
    return _MICROS.sub(rb"\1", ours)


def without_exponents(sparks: bytes) -> bytes:
    """Write small decimals in digits."""
    return _EXPONENT.sub(lambda match: format(Decimal(match[1].decode()), "f").encode(), sparks)


@dataclass(frozen=True)
class Difference:
    """A case in which our file is another than Spark's.

    Args:
        name: as in docs/reference/spark-files.md.
        query: the rows, in Spark's SQL, from one partition.
        sparks: the bytes of Spark's file.
        ours: the bytes of ours.
        form: the format.
        options: for both writers, in Spark's spelling.

    """

    name: str
    query: str
    sparks: bytes
    ours: bytes
    form: str = "csv"
    options: dict[str, Any] = field(default_factory=dict)


KEEP = {"ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}


def strings(*values: str | None) -> str:
    """Rows of one string and a column behind it; `\\n` and `\\uXXXX` are SQL's escapes."""
    rows = ", ".join("(null, 1)" if text is None else f"('{text}', 1)" for text in values)
    return f"SELECT * FROM VALUES {rows} AS rows(s, n)"


DIFFERENCES = [
    Difference(
        "white space at the ends of a string",
        strings(" a ", "  "),
        sparks=b'a,1\n"",1\n',
        ours=b" a ,1\n  ,1\n",
    ),
    Difference(
        "white space cut off at the end only",
        strings(" ", "a "),
        options=KEEP | {"ignoreTrailingWhiteSpace": "true"},
        sparks=b' \\"\\,1\na,1\n',
        ours=b'"",1\na,1\n',
    ),
    Difference(
        "microseconds",
        "SELECT TIMESTAMP'2024-07-01 12:00:00.000001' AS t, "
        "TIMESTAMP_NTZ'2024-07-01 12:00:00.5' AS n",
        sparks=b"2024-07-01T12:00:00.000+02:00,2024-07-01T12:00:00.500\n",
        ours=b"2024-07-01T12:00:00.000001+02:00,2024-07-01T12:00:00.500\n",
    ),
    Difference(
        "decimals near zero",
        "SELECT CAST('0.00000015' AS DECIMAL(18, 8)) AS small, CAST(0 AS DECIMAL(18, 8)) AS zero",
        sparks=b"1.5E-7,0E-8\n",
        ours=b"0.00000015,0.00000000\n",
    ),
    Difference(
        "a string that equals nullValue",
        strings("NULL", None),
        options=KEEP | {"nullValue": "NULL"},
        sparks=b"NULL,1\nNULL,1\n",
        ours=b'"NULL",1\nNULL,1\n',
    ),
    Difference(
        "an empty string with another quote",
        strings("", "a"),
        options=KEEP | {"quote": "~"},
        sparks=b'"",1\na,1\n',
        ours=b"~~,1\na,1\n",
    ),
    Difference(
        "a line feed under another lineSep",
        strings("a\\nb"),
        options=KEEP | {"lineSep": "\r\n"},
        sparks=b'"a\r\nb",1\r\n',
        ours=b'"a\nb",1\r\n',
    ),
    Difference(
        "a blank line",
        "SELECT * FROM VALUES ('a'), (null), (' ') AS rows(s)",
        options=KEEP,
        sparks=b"a\n \n",
        ours=b'a\n""\n" "\n',
    ),
    Difference(
        "the first half of a long separator",
        strings("a|"),
        options=KEEP | {"sep": "||"},
        sparks=b"a|||1\n",
        ours=b'"a|"||1\n',
    ),
    Difference(
        "a byte order mark in a value",
        strings("\\ufeffa"),
        options=KEEP,
        sparks="\ufeffa,1\n".encode(),
        ours='"\ufeffa",1\n'.encode(),
    ),
    Difference(
        "a character that the encoding lacks",
        strings("a\\u20ac😀"),
        form="json",
        options={"encoding": "ISO-8859-1"},
        sparks=b'{"s":"a??","n":1}\n',
        ours=b'{"s":"a\\u20AC\\uD83D\\uDE00","n":1}\n',
    ),
    Difference(
        "text files in another encoding",
        "SELECT 'é' AS s",
        form="text",
        options={"encoding": "ISO-8859-1"},
        sparks=b"\xc3\xa9\n",
        ours=b"\xe9\n",
    ),
    Difference(
        "an empty file in UTF-16",
        "SELECT 'a' AS s WHERE false",
        options=KEEP | {"encoding": "UTF-16"},
        sparks=b"",
        ours=b"\xfe\xff",
    ),
]
