"""CSV files that are read in another way than by Spark; see differences.py."""

from __future__ import annotations

from tests.parity.reading.differences import FAILS, Difference

_SCHEMA = "a STRING, b STRING, _corrupt_record STRING"
CSV = [
    Difference(
        "a line feed inside a line that ends with CRLF",
        "lines.csv",
        b"1,2\n3\r\n4,5\r\n",
        sparks=[("1", "2", None), ("3", None, ",5")],
        ours=[("1", "2\n3", None), ("4", "5", None)],
        form="csv",
        options={"lineSep": "\r\n"},
        schema=_SCHEMA,
    ),
    Difference(
        "a document of at most four characters that ends with CR",
        "short.csv",
        b"a,\r",
        sparks=[("a", "\r", None)],
        ours=[("a", None, None)],
        form="csv",
        options={"multiLine": "true"},
        schema=_SCHEMA,
    ),
    Difference(
        "an encoding that Spark does not know",
        "spreadsheet.csv",
        "1,M\u00fcller \u20ac\n".encode("cp1252"),
        sparks=FAILS,
        ours=[("1", "M\u00fcller \u20ac", None)],
        form="csv",
        options={"encoding": "windows-1252"},
        schema=_SCHEMA,
    ),
    Difference(
        "a blank value in quotes, with ignoreTrailingWhiteSpace alone",
        "blank.csv",
        b'a," "\n',
        sparks=FAILS,
        ours=[("a", " ", None)],
        form="csv",
        options={"ignoreTrailingWhiteSpace": "true"},
        schema=_SCHEMA,
    ),
]
