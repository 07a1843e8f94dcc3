"""Every path from the bytes of XML to rows makes the same rows, and the quick ones are taken."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.formats.xml import blocks, vectorized_blocks
from sftp_async.formats.xml.decoder import XMLReadFormat
from tests.support.readable import MemoryFile, read_options
from tests.unit.formats.xml.made_documents import OPTIONS, SCHEMAS, Maker

INNER = pa.struct([("x", pa.int32()), ("_id", pa.string()), ("_VALUE", pa.string())])
SCHEMA = pa.schema(
    [
        *(("a", pa.int32()), ("b", pa.string()), ("s", INNER), ("l", pa.list_(pa.int32()))),
        *(("g", pa.list_(INNER)), ("_at", pa.string()), ("_corrupt_record", pa.string())),
    ]
)
#: Documents whose rows the fast path makes, all of them.
FAST = [
    "<R><r><a>1</a><b>x</b></r>\n  <r><b>y</b><a>2</a></r>\n</R>",
    "<R><r><b/></r><r/><r></r><r><b></b><a> </a></r></R>",
    "<R><r at='1'><s id='5'>text</s></r><r at=\"1\"/></R>",
    '<R><r at="it\'s"/></R>',
    "<R><r><s id='5'><x>1</x></s><g>t</g><g><x>2</x></g></r></R>",
    "<R><r><l>1</l><b>z</b><l>2</l><l/></r></R>",
    "<R><g><r><a>1</a></r></g><g k='1'><r><a>2</a></r><r><a>3</a></r></g></R>",
    "<R><r><b>&lt;&amp;lt;&gt;</b></r><r at='&quot;'/></R>",
    "<R><r><b>a>b\r\nc</b></r></R>",
    "<R><r><unknown k='1'><a>5</a></unknown><a>1</a></r></R>",
    "<!DOCTYPE R [<!ENTITY e 'v'>]><R><r><b>x</b></r></R>",
    '<?xml version="1.0" encoding="windows-1252"?><R><r><b>\u20ac</b></r></R>',
    "<R><r><\u00e9>1</\u00e9><b>\u00e9\U0001f600</b></r></R>",
]
#: Documents of which the fast path leaves everything to others.
OTHERS = [
    "<R><r><b><![CDATA[</r>]]></b></r></R>",
    "<R><r><b>1<!-- </r> -->2</b><a>1</a></r><r><a>5</a></r></R>",
    "<R><r><b>&#65;</b></r></R>",
    "<R><r><r><a>1</a></r></r></R>",
    "<R><!-- <r> --><r><a>1</a></r></R>",
    "<R><![CDATA[<r><a>1</a></r>]]><r><a>2</a></r></R>",
    "<R><r at='1' at='2'><a>1</a></r></R>",
    "<R><r><a>1</b></r></R>",
    "<R><r><1a>1</1a></r></R>",
    "<R><r><b>]]></b></r></R>",
    "<R><r><b>\x01</b></r></R>",
    "<R><r><b>\uffff</b></r></R>",
    "<R><r at='<'/></R>",
    "<R><r at=1/></R>",
    "<R><r><a>1</a></r></g><r><a>2</a></r></R>",
    "<R><r><a>1</a></r></R><r><a>2</a></r>",
    "<!DOCTYPE R [<!ATTLIST r at NMTOKEN #IMPLIED>]><R><r at=' 1 '/></R>",
]


def rows(
    content: bytes, path: str, schema: pa.Schema = SCHEMA, chunk: int = 65536, **options: str
) -> tuple[list[Any], int, int]:
    """Return the rows, and the bytes of the fast path and of the others."""
    ways = {True: 0, False: 0}

    def note(is_fast: bool, size: int) -> None:
        ways[is_fast] += size

    given = read_options(format="xml", row_tag="r", **options)
    reading = XMLReadFormat(given, schema, path).reporting(note)
    file = MemoryFile("/in/a.xml", content, chunk=chunk)
    table = pa.Table.from_batches(list(reading.decode(file, 0, len(content))), schema)
    # A NaN is not equal to itself.
    found = [
        tuple(repr(value) if isinstance(value, float) else value for value in row.values())
        for row in table.to_pylist()
    ]
    return found, ways[True], ways[False]


def encoded(text: str) -> bytes:
    return text.encode("windows-1252" if "windows-1252" in text else "utf-8")


@pytest.mark.parametrize("size", [1, 1024 * 1024])
@pytest.mark.parametrize("text", FAST)
def test_the_fast_path_takes_plain_rows(
    monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", size)
    content = encoded(text)
    found, fast, others = rows(content, "fast")
    exact, none, everything = rows(content, "exact")
    assert found == exact
    assert fast > 0
    assert none == others == 0
    assert everything >= fast


@pytest.mark.parametrize("text", OTHERS)
def test_the_fast_path_leaves_other_rows(text: str) -> None:
    content = encoded(text)
    found, fast, _ = rows(content, "fast")
    assert found == rows(content, "exact")[0] == rows(content, "middle")[0]
    assert fast == 0 or found[-1][-1] is not None


def test_a_malformed_row_is_read_again_and_the_others_are_not() -> None:
    texts = [f"<r><a>{'x' if n % 7 == 3 else n}</a><b>{n}</b></r>" for n in range(100)]
    content = f"<R>{''.join(texts)}</R>".encode()
    for path in ("fast", "middle"):
        found, fast, _ = rows(content, path)
        assert found == rows(content, "exact")[0]
        assert [row[0] for row in found[:5]] == [0, 1, 2, None, 4]
        assert found[3][-1] == content.decode()
        assert (fast > 0) == (path == "fast")


def test_without_numpy_rows_come_from_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectorized_blocks, "np", None)
    content = FAST[0].encode()
    found, fast, _ = rows(content, "all")
    assert found == rows(content, "exact")[0]
    assert fast == 0


def test_elements_may_be_nested_deeply() -> None:
    deep = 20_000
    content = f"<R><r><u>{'<u>' * deep}{'</u>' * deep}</u><a>1</a></r></R>".encode()
    for path in ("exact", "middle", "fast"):
        assert rows(content, path)[0] == [(1, *[None] * 6)]


def test_a_row_larger_than_a_block_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    monkeypatch.setattr(blocks, "MOST_BLOCK", 4000)
    row = "<r><b>{}</b></r>"
    texts = [
        row.format(letter * size) for letter, size in zip("abcd", (5, 9000, 5, 1500), strict=True)
    ]
    content = f"<R>{''.join(texts)}</R>".encode()
    found, fast, _ = rows(content, "fast", chunk=100)
    assert [len(found_row[1]) for found_row in found] == [5, 9000, 5, 1500]
    assert 0 < fast < 9000


@pytest.mark.parametrize("part", range(8))
def test_documents_made_by_chance_are_read_alike_on_every_path(
    monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    shares = [0, 0]
    chance = random.Random(part)
    for number in range(60):
        monkeypatch.setattr(blocks, "BLOCK", chance.choice((1, 50, 300, 1024 * 1024)))
        content = Maker(1000 * part + number).document()
        schema, options = chance.choice(SCHEMAS), chance.choice(OPTIONS)
        chunk = chance.choice((7, 100, 65536))
        expected, _, size = rows(content, "exact", schema, chunk, **options)
        for path in ("middle", "fast", "all"):
            found, fast, _ = rows(content, path, schema, chunk, **options)
            assert found == expected, (path, content, options)
        shares[0] += fast
        shares[1] += size
    assert shares[0] > shares[1] / 10
