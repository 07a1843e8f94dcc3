"""What our readers of JSON and XML make of files that Spark's make something else of: all cases.

The page docs/reference/reading-differences.md lists them, format by format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.parity.reading.comparing import FAILS


@dataclass(frozen=True)
class Case:
    """A file that is read otherwise than by Spark.

    Args:
        name: as on the page.
        content: of the file.
        schema: as DDL.
        sparks: the rows by Spark's reader; or `FAILS`.
        ours: the rows by ours.
        options: for both readers, in Spark's spelling.

    """

    name: str
    content: bytes
    schema: str
    sparks: Any
    ours: Any
    options: dict[str, str] = field(default_factory=dict)


_BAD = ", _corrupt_record STRING"
_BEHIND = '<R><r><b><i a="1"]]>t</i></b></r><r><b>x</b></r></R>'

JSON = [
    Case(
        "a name that begins with the byte FF",
        b'{"a":1}\n{"\xffa":2,"other":"0123456789"}\n',
        "a INT" + _BAD,
        sparks=[(1, None), (2, None)],
        ours=[(1, None), (None, '{"\ufffda":2,"other":"0123456789"}')],
    ),
    Case(
        "UTF-8 with more bytes than needed",
        b'{"a":"\xc0\x80"}\n',
        "a STRING" + _BAD,
        sparks=[("\x00", None)],
        ours=[(None, '{"a":"\ufffd\ufffd"}')],
    ),
    Case(
        "corrupt records in another encoding",
        "{\n".encode("utf-16-le"),
        "a INT" + _BAD,
        sparks=[(None, "{\x00")],
        ours=[(None, "{")],
        options={"encoding": "UTF-16LE", "lineSep": "\n"},
    ),
    Case(
        "another encoding without lineSep",
        b'{"a":"\xe4"}\n',
        "a STRING",
        sparks=FAILS,
        ours=[("\xe4",)],
        options={"encoding": "ISO-8859-1"},
    ),
]
XML = [
    Case(
        "an encoding that is not declared",
        b"<R><r><b>\xe9</b></r></R>",
        "b STRING",
        sparks=FAILS,
        ours=[("\xe9",)],
        options={"rowTag": "r", "encoding": "ISO-8859-1"},
    ),
    Case(
        "bytes that are not of the encoding",
        b"<R><r><b>\xff</b></r></R>",
        "b STRING" + _BAD,
        sparks=FAILS,
        ours=[(None, "<R><r><b>\ufffd</b></r></R>")],
        options={"rowTag": "r"},
    ),
    Case(
        "an attribute of a row that does not fit its column",
        b'<R><r a="x"/></R>',
        "_a INT" + _BAD,
        sparks=FAILS,
        ours=[(None, '<R><r a="x"/></R>')],
        options={"rowTag": "r"},
    ),
    Case(
        "a declaration without an end",
        b'<?xml version="1.0?><R><r><b>x</b></r></R>',
        "b STRING" + _BAD,
        sparks=[],
        ours=[(None, '<?xml version="1.0?><R><r><b>x</b></r></R>')],
        options={"rowTag": "r"},
    ),
    Case(
        "what is behind a syntax error",
        _BEHIND.encode(),
        "b STRING" + _BAD,
        sparks=[(None, _BEHIND), ("x", None), (None, _BEHIND)],
        ours=[(None, _BEHIND)],
        options={"rowTag": "r"},
    ),
]
SECTIONS = {"JSON": JSON, "XML": XML}
