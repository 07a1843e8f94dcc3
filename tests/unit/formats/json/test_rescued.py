"""What of JSON records does not fit the schema is kept, in the same way on every path."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats.json.decoder import JSONReadFormat
from tests.parity.reading.json_corpus import BYTES, LINES, OPTIONS
from tests.support.readable import MemoryFile, read_options

SCHEMA = pa.schema([("a", pa.int32()), ("_rescued", pa.string()), ("b", pa.string())])
BAD = SCHEMA.append(pa.field("_corrupt_record", pa.string()))
NESTED = pa.schema(
    [
        ("s", pa.struct([("x", pa.int32()), ("y", pa.struct([("z", pa.string())]))])),
        ("l", pa.list_(pa.struct([("x", pa.int32())]))),
        ("n", pa.list_(pa.int64())),
        ("m", pa.map_(pa.string(), pa.struct([("x", pa.int32())]))),
        ("_rescued", pa.string()),
    ]
)


@pytest.fixture(params=["all", "fast", "middle", "exact", "tokens"])
def path(request: pytest.FixtureRequest) -> Any:
    return request.param


def batches(
    content: bytes, schema: pa.Schema, path: str, shares: dict[bool, int], **options: object
) -> pa.Table:
    def count(fast: bool, size: int) -> None:
        shares[fast] = shares.get(fast, 0) + size

    given = read_options(format="json", rescued_data_column="_rescued", **options)
    file = MemoryFile("/in/a.json", content)
    found = JSONReadFormat(given, schema, path, count).decode(file, 0, file.size)
    return pa.Table.from_batches(found, schema)


def rows(
    content: bytes, path: str, schema: pa.Schema = SCHEMA, **options: object
) -> list[tuple[Any, ...]]:
    table = batches(content, schema, path, {}, **options)
    return [tuple(row.values()) for row in table.to_pylist()]


def rescued(content: bytes, path: str, schema: pa.Schema, **options: object) -> list[Any]:
    texts = batches(content, schema, path, {}, **options)["_rescued"].to_pylist()
    return [None if text is None else json.loads(text) for text in texts]


def test_members_without_a_column_are_kept(path: str) -> None:
    content = b'{"a":1,"b":"x"}\n{"c":"y","a":2,"B":"z"}\n{"a":3,"c":null}\n'
    assert rows(content, path)[0] == (1, None, "x")
    assert rescued(content, path, SCHEMA) == [None, {"c": "y", "B": "z"}, None]


def test_values_of_another_type_are_null_and_are_kept_as_they_are(path: str) -> None:
    content = (
        b'{"a":"many","b":"x"}\n{"a":1.50}\n{"a":{"deep":[1e3,null,"\xc3\xbc\\n"]}}\n{"a":1}\n'
    )
    assert rows(content, path) == [
        (None, '{"a":"many"}', "x"),
        (None, '{"a":1.50}', None),
        (None, '{"a":{"deep":[1e3,null,"ü\\n"]}}', None),
        (1, None, None),
    ]


def test_what_is_kept_is_no_reason_to_drop_a_row_or_to_fail(path: str) -> None:
    content = b'{"a":"many","c":1}\n'
    for mode in ("dropmalformed", "failfast", "permissive"):
        [(a, text, b, corrupt)] = rows(content, path, BAD, mode=mode)
        assert (a, json.loads(text), b, corrupt) == (None, {"a": "many", "c": 1}, None, None)


def test_records_that_are_no_json_are_malformed_as_ever(path: str) -> None:
    content = b'{"a":1,"c":2\n{"a":2}\n7\n'
    assert rows(content, path, BAD) == [
        (None, None, None, '{"a":1,"c":2'),
        (2, None, None, None),
        (None, None, None, "7"),
    ]
    assert rows(content, path, mode="dropmalformed") == [(2, None, None)]
    with pytest.raises(DecodeError, match="FAILFAST"):
        rows(content, path, mode="failfast")


def test_of_objects_the_members_that_do_not_fit_are_kept_and_lists_as_a_whole(path: str) -> None:
    content = (
        b'{"s":{"x":1,"y":{"z":"v"}},"l":[{"x":1}],"n":[1],"m":{"k":{"x":1}}}\n'
        b'{"s":{"x":"bad","y":{"z":"v","more":true}}}\n'
        b'{"l":[{"x":1},{"x":2,"more":1}],"n":[1,"bad"],"m":{"k":{"x":1,"more":null}}}\n'
        b'{"s":[1],"l":{"x":1},"m":{"k":{"x":1.5}}}\n'
    )
    assert rescued(content, path, NESTED) == [
        None,
        {"s": {"x": "bad", "y": {"more": True}}},
        {"l": [{"x": 1}, {"x": 2, "more": 1}], "n": [1, "bad"]},
        {"s": [1], "l": {"x": 1}, "m": {"k": {"x": 1.5}}},
    ]


def test_lenient_records_are_kept_as_json(path: str) -> None:
    content = b"{'a':1,'c':NaN,'d':'it is \"so\"',\"e\":+INF}\n{'a':'x'}\n"
    assert rescued(content, path, SCHEMA) == [
        {"c": "NaN", "d": 'it is "so"', "e": "+INF"},
        {"a": "x"},
    ]


def test_a_line_that_is_an_array_has_what_is_left_of_each_of_its_rows(path: str) -> None:
    content = b'[{"a":1,"c":2},{"a":3},{"a":"x"}]\n'
    assert [row[0] for row in rows(content, path)] == [1, 3, None]
    assert rescued(content, path, SCHEMA) == [{"c": 2}, None, {"a": "x"}]
    assert rescued(content, path, SCHEMA, multi_line=True) == [{"c": 2}, None, {"a": "x"}]


@pytest.mark.parametrize("value", [b'"text"', b'"2026-11-01 10:00:00"', b"17", b"true"])
def test_plain_members_leave_a_block_on_the_fast_path(value: bytes) -> None:
    shares: dict[bool, int] = {}
    content = b'{"a":1,"new":%b}\n' % value * 1000 + b'{"b":"x","other":null}\n' * 1000
    table = batches(content, SCHEMA, "all", shares)
    texts = table["_rescued"].to_pylist()
    assert texts == [f'{{"new":{value.decode()}}}'] * 1000 + [None] * 1000
    assert shares[False] == 0


def test_numbers_with_a_fraction_keep_their_text() -> None:
    assert rows(b'{"new":1.50}\n' * 3, "all") == [(None, '{"new":1.50}', None)] * 3


def test_an_escape_that_is_half_a_character_does_not_stop_a_read(path: str) -> None:
    [(a, text, _)] = rows(b'{"a":1,"new":"\\ud83d"}\n', path)
    assert (a, json.loads(text)) == (1, {"new": "\ufffd"})


def test_the_column_must_be_a_string() -> None:
    given = read_options(format="json", rescued_data_column="_rescued")
    with pytest.raises(DecodeError, match="'_rescued' takes what does not fit"):
        JSONReadFormat(given, pa.schema([("_rescued", pa.int32())]))


@pytest.mark.one_python
@pytest.mark.parametrize(
    "options",
    # Those after the first are read by this package alone.
    [pytest.param(each, marks=[pytest.mark.once] if each else []) for each in OPTIONS],
    ids=str,
)
def test_odd_records_become_the_same_on_every_path(options: dict[str, str]) -> None:
    schema = pa.schema(
        [
            *SCHEMA,
            ("l", pa.list_(pa.int32())),
            ("s", pa.struct([("x", pa.int64())])),
            ("m", pa.map_(pa.string(), pa.int32())),
            ("_corrupt_record", pa.string()),
        ]
    )
    for record in [*(line.encode() for line in LINES), *BYTES]:
        content = b'{"a":1,"c":"ordinary"}\n' + record + b"\n"
        found = []
        for path in ("tokens", "exact", "middle", "fast", "all"):
            made = rows(content, path, schema, **options)
            found.append([(*row[:1], as_object(row[1]), *row[2:]) for row in made])
        assert all(others == found[0] for others in found), record


def as_object(text: str | None) -> Any:
    """Return what JSON says: the order of its members does not matter."""
    return None if text is None else json.loads(text)
