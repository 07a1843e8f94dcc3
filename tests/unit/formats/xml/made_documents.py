"""XML documents made by chance: most are what programs export, some hold what few of them do."""

from __future__ import annotations

import random

import pyarrow as pa

_TEXT = pa.string()
_PART = pa.struct([("x", pa.int32()), ("_id", _TEXT), ("_VALUE", _TEXT), ("l", pa.list_(_TEXT))])
#: Every kind of column that the quick paths fill, and one that they leave to the exact path.
SCHEMAS = [
    pa.schema(
        [
            *(("a", pa.int32()), ("b", _TEXT), ("c", pa.float64()), ("s", _PART)),
            *(("l", pa.list_(pa.int32())), ("g", pa.list_(_PART)), ("_at", _TEXT)),
            *(("_n", pa.int32()), ("t", pa.bool_()), ("f", pa.float32())),
            *(("k", pa.decimal128(8, 2)), ("d", pa.date32()), ("e", pa.timestamp("us", "UTC"))),
            *(("z", pa.timestamp("us")), ("_corrupt_record", _TEXT)),
        ]
    ),
    pa.schema([("a", _TEXT), ("_VALUE", _TEXT), ("q", pa.struct([("s", _PART)])), ("p:a", _TEXT)]),
    pa.schema([("m", pa.map_(_TEXT, _TEXT)), ("a", _TEXT), ("xs_any", _TEXT), ("s", _TEXT)]),
]
OPTIONS: list[dict[str, str]] = [
    *({}, {}, {"ignore_surrounding_spaces": "false"}, {"null_value": "null"}, {"null_value": ""}),
    *({"ignore_namespace": "true"}, {"exclude_attribute": "true"}, {"mode": "DROPMALFORMED"}),
    *({"case_sensitive": "true"}, {"value_tag": "b"}),
]
_GOOD = {
    "a": "-7",
    "c": "1.5",
    "t": "true",
    "f": "0.1",
    "k": "1.25",
    "d": "2024-02-29",
    "x": "5",
    "e": "2024-07-01T12:00:00Z",
    "z": "2024-07-01T12:00:00",
    "l": "2",
    "n": "007",
}
_VALUES = (
    *(
        "1",
        "+5",
        "99999",
        "2147483648",
        "1,5",
        "1e3",
        "NaN",
        "x",
        " x ",
        "",
        " ",
        "\n",
        "0",
        "TRUE",
    ),
    *("2023-02-29", "null", "2024-07-01 12:00:00.5", "é", "😀", "a\nb", "a\tb", "a\rb", "x\r\ny"),
    *("\n", "&amp;", "&lt;b&gt;", "&quot;'", "a>b", "]]", "]>", "&amp;lt;"),
)
_ODD = (
    *("<![CDATA[<x>]]>", "1<!-- c -->2", "&#65;", "<?p q?>", "&nope;", "\x01", "]]>", "\ufffe"),
    *("<![CDATA[</r>]]>", "<!-- <r> -->", "&#13;", "&", "<"),
)
_NAMES = (*"abcsslggtfkdezxqAé", "p:a", "other")
_BETWEEN = ("<q>z</q>", "<!-- c -->", "</g><g>", "<w><r><a>1</a></r></w>", "</g>", "text", "<r/>")


class Maker:
    """Makes documents.

    Args:
        seed: of chance.

    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._odd = self._chance.choice((0, 0, 0, 0, 0.02, 0.1))
        self._bad = self._chance.choice((0, 0.05, 0.3))

    def document(self) -> bytes:
        """Return a document, with a row tag `r`."""
        one = self._chance.choice
        head = one(
            ("", '<?xml version="1.0"?>\n', "<!DOCTYPE R>", "<!DOCTYPE R [<!ENTITY e 'v'>]>")
        )
        opens, closes = one((("<R>", "</R>"), ("<R><g>", "</g></R>"), ("<R a='1'>", "</R>")))
        rows = [self._row() + self._between() for _ in range(self._chance.randint(0, 12))]
        text = head + opens + "".join(rows) + closes
        place = self._chance.randint(0, len(text))
        if self._happens(0.03):
            text = text[:place] + one(("<", ">", "&", "</a>", "<a>", "]]>", '"')) + text[place:]
        elif self._happens(0.03):
            text = text[:place]
        return text.encode()

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share

    def _between(self) -> str:
        return self._chance.choice(_BETWEEN if self._happens(0.05) else ("", "\n", "\n  "))

    def _row(self) -> str:
        inner = self._inner(0, self._chance.randint(0, 5))
        return f"<r{self._attributes()}>{inner}</r>" if inner else f"<r{self._attributes()}/>"

    def _inner(self, depth: int, number: int) -> str:
        inner = self._chance.choice(("", "\n ")).join(self._element(depth) for _ in range(number))
        return inner + self._text("b") if self._happens(0.1) else inner

    def _element(self, depth: int) -> str:
        name = self._chance.choice(_NAMES)
        start = f"<{name}{self._attributes()}"
        if self._happens(0.1):
            return f"{start}{self._chance.choice(('', ' '))}/>"
        has_elements = depth < 3 and self._happens(0.8 if name in "sgq" else 0.05)
        inner = (
            self._inner(depth + 1, self._chance.randint(0, 3)) if has_elements else self._text(name)
        )
        return f"{start}>{inner}</{name}{self._chance.choice(('', '', ' '))}>"

    def _attributes(self) -> str:
        if self._happens(0.6):
            return ""
        text = ""
        for name in self._chance.sample(("id", "at", "n", "k", "p:q", "xmlns:p", "A", "é"), 2):
            quote = self._chance.choice('"""\'')
            value = self._text(name).replace(quote, "").replace("<", "&lt;")
            text += f"{self._chance.choice((' ', chr(10)))}{name}"
            text += f"{self._chance.choice(('=', ' = '))}{quote}{value}{quote}"
        return text

    def _text(self, name: str) -> str:
        if self._happens(self._odd):
            return self._chance.choice(_ODD)
        if name not in _GOOD or self._happens(self._bad):
            return self._chance.choice(_VALUES)
        return _GOOD[name]
