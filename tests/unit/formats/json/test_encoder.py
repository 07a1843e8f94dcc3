"""JSON Lines: one object a row, any nesting, and only JSON."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.encoding import encoded

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from('"\\\n\t\x01a'))
ELEMENT = pa.struct([("n", pa.int64()), ("s", pa.string())])
SCHEMA = pa.schema(
    [
        ("s", pa.string()),
        ("struct", ELEMENT),
        ("list", pa.list_(pa.string())),
        ("structs", pa.list_(ELEMENT)),
        ("map", pa.map_(pa.string(), pa.list_(pa.int64()))),
        ("deep", pa.struct([("m", pa.map_(pa.string(), ELEMENT)), ("l", pa.list_(pa.int64()))])),
        ("bytes", pa.binary()),
        ("b", pa.bool_()),
    ]
)
INTS = st.none() | st.integers(-(2**63), 2**63 - 1)
STRUCTS = st.none() | st.fixed_dictionaries({"n": INTS, "s": st.none() | TEXTS})
ROW = st.fixed_dictionaries(
    {
        "s": st.none() | TEXTS,
        "struct": STRUCTS,
        "list": st.none() | st.lists(st.none() | TEXTS, max_size=3),
        "structs": st.none() | st.lists(STRUCTS, max_size=3),
        "map": st.none() | st.dictionaries(TEXTS, st.none() | st.lists(INTS, max_size=2)),
        "deep": st.none()
        | st.fixed_dictionaries(
            {
                "m": st.none() | st.dictionaries(TEXTS, STRUCTS, max_size=2),
                "l": st.none() | st.lists(INTS, max_size=2),
            }
        ),
        "bytes": st.none() | st.binary(max_size=5),
        "b": st.none() | st.booleans(),
    }
)


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    def entries(value: Any) -> Any:
        return None if value is None else list(value.items())

    arrow_rows = [
        {
            **row,
            "map": entries(row["map"]),
            "deep": row["deep"] and {**row["deep"], "m": entries(row["deep"]["m"])},
        }
        for row in rows
    ]
    columns = [pa.array([row[field.name] for row in arrow_rows], field.type) for field in SCHEMA]
    return pa.record_batch(columns, schema=SCHEMA)


def as_json(value: Any, *, field: bool = False) -> Any:
    """Return what the JSON of a row should parse to: struct fields that are null are left out."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        if set(value) in ({"n", "s"}, {"m", "l"}, set(SCHEMA.names)) and not field:
            return {
                key: as_json(item, field=key in ("map", "m"))
                for key, item in value.items()
                if item is not None
            }
        return {key: as_json(item) for key, item in value.items()}
    return value


def parsed(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def line(**columns: pa.Array) -> str:
    """Return the JSON of the first row."""
    return encoded(pa.record_batch(columns), format="json").decode().split("\n")[0]


@given(st.lists(ROW, max_size=6), st.data())
def test_any_nested_rows_parse_to_the_same_values(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = batch(rows)
    cut = data.draw(st.integers(0, len(rows)))
    expected = [as_json(row) for row in rows]
    assert parsed(encoded(whole, format="json")) == expected
    assert parsed(encoded(whole.slice(0, cut), whole.slice(cut), format="json")) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('q"q', r'"q\"q"'),
        ("back\\slash", r'"back\\slash"'),
        ('\\"\n', r'"\\\"\n"'),
        ("\b\t\n\f\r", r'"\b\t\n\f\r"'),
        ("\x00\x01\x1f", r'"\u0000\u0001\u001F"'),
        ("/ \x7f \u2028 é 😀", '"/ \x7f \u2028 é 😀"'),
        ("", '""'),
    ],
)
def test_a_string_is_escaped_as_jackson_does(value: str, text: str) -> None:
    assert line(s=pa.array([value])) == f'{{"s":{text}}}'


def test_names_are_escaped_like_values() -> None:
    assert line(**{'a"\n': pa.array([1])}) == r'{"a\"\n":1}'


def test_null_fields_are_left_out_wherever_they_stand() -> None:
    columns = {
        "a": pa.array([1, None, None, None]),
        "b": pa.array(["x", "y", None, None]),
        "c": pa.array([None, 1.5, None, 2.5]),
        "n": pa.nulls(4),
    }
    with_anchor = {**columns, "k": pa.array([1, 2, 3, 4]), "z": pa.array([None, True, None, None])}
    assert encoded(pa.record_batch(columns), format="json") == (
        b'{"a":1,"b":"x"}\n{"b":"y","c":1.5}\n{}\n{"c":2.5}\n'
    )
    assert encoded(pa.record_batch(with_anchor), format="json") == (
        b'{"a":1,"b":"x","k":1}\n{"b":"y","c":1.5,"k":2,"z":true}\n{"k":3}\n{"c":2.5,"k":4}\n'
    )


def test_rows_of_nulls_are_empty_objects() -> None:
    assert encoded(pa.record_batch({"n": pa.nulls(2)}), format="json") == b"{}\n{}\n"


def test_nulls_in_lists_and_maps_are_written() -> None:
    assert line(v=pa.array([[1, None]])) == '{"v":[1,null]}'
    assert line(v=pa.array([[("k", None)]], pa.map_(pa.string(), pa.int32()))) == '{"v":{"k":null}}'
    assert line(v=pa.array([[None]], pa.list_(pa.null()))) == '{"v":[null]}'


def test_an_empty_struct_list_and_map_stay_apart_from_null() -> None:
    row = {
        "s": pa.array([{"a": None}], pa.struct([("a", pa.int32())])),
        "e": pa.array([{}], pa.struct([])),
        "l": pa.array([[]], pa.list_(pa.int32())),
        "m": pa.array([[]], pa.map_(pa.string(), pa.int32())),
    }
    assert line(**row) == '{"s":{},"e":{},"l":[],"m":{}}'


def test_every_atomic_type_has_sparks_json() -> None:
    moment = pa.array([1], pa.int64())
    row = {
        "byte": pa.array([-1], pa.int8()),
        "float": pa.array([1.1], pa.float32()),
        "double": pa.array([1e10]),
        "dec": pa.array([decimal.Decimal("0.00000010")], pa.decimal128(38, 8)),
        "date": pa.array([dt.date(2024, 2, 29)]),
        "ts": moment.cast(pa.timestamp("us", "Europe/Berlin")),
        "ntz": moment.cast(pa.timestamp("us")),
        "span": moment.cast(pa.duration("us")),
        "bytes": pa.array([b"\0\xffA"]),
        "large": pa.array(["x"], pa.large_string()),
    }
    assert line(**row) == (
        '{"byte":-1,"float":1.1,"double":1.0E10,"dec":0.00000010,"date":"2024-02-29",'
        '"ts":"1970-01-01T01:00:00.000001+01:00","ntz":"1970-01-01T00:00:00.000001",'
        '"span":"INTERVAL \'0 00:00:00.000001\' DAY TO SECOND","bytes":"AP9B","large":"x"}'
    )


def test_what_is_no_number_in_json_is_a_string() -> None:
    column = pa.array([math.nan, math.inf, -math.inf, 1.0, None])
    assert encoded(pa.record_batch({"d": column, "k": pa.array([1] * 5)}), format="json") == (
        b'{"d":"NaN","k":1}\n{"d":"Infinity","k":1}\n{"d":"-Infinity","k":1}\n{"d":1.0,"k":1}\n'
        b'{"k":1}\n'
    )
    assert line(l=pa.array([[math.nan, 1.0]])) == '{"l":["NaN",1.0]}'


def test_large_and_fixed_size_lists_are_lists() -> None:
    large = pa.array([None, [1, 2]], pa.large_list(pa.int32())).slice(1)
    fixed = pa.array([None, [1, 2]], pa.list_(pa.int32(), 2)).slice(1)
    assert line(large=large, fixed=fixed) == '{"large":[1,2],"fixed":[1,2]}'


def test_patterns_reach_nested_values_and_are_escaped() -> None:
    row = pa.record_batch({"l": pa.array([[dt.date(2024, 2, 29)]])})
    assert encoded(row, format="json", date_format='dd"MM') == b'{"l":["29\\"02"]}\n'


def test_the_line_separator_can_be_set() -> None:
    rows = pa.record_batch({"a": [1, 2]})
    assert encoded(rows, format="json", line_sep="\r\n") == b'{"a":1}\r\n{"a":2}\r\n'
