"""Layouts in each of their forms, and what is wrong with others, in words."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from sftp_async.formats.fixed.layout import Field, Layout
from sftp_async.formats.fixed.layout_text import layout_of_comments, parse_layout, parse_layouts
from sftp_async.formats.spark_schema import SPARK_SCHEMA

pytestmark = pytest.mark.one_python

ID = Field("id", 0, 8, pa.int64(), pad="0")
AMOUNT = Field("amount", 10, 9, decimals=2, sign="overpunch")
DAY = Field("day", 19, 8, pattern="yyyyMMdd", null="00000000")
LAYOUT = (ID, Field("", 8, 2), AMOUNT, DAY)
FORMS = {
    "compact": 'id:8 bigint zero, _:2, amount:9.2 overpunch, day:8 "yyyyMMdd" null="00000000"',
    "places": "id:1-8 BIGINT zero\namount:11-19.2 overpunch # a gap before it\n"
    "day:20-27 'yyyyMMdd' null='00000000'\n",
    "json": json.dumps(
        [
            {"name": "id", "width": 8, "type": "bigint", "pad": "zero"},
            {"name": "amount", "start": 11, "end": 19, "decimals": 2, "sign": "overpunch"},
            {"name": "day", "width": 8, "pattern": "yyyyMMdd", "null": "00000000"},
        ]
    ),
    "table": (
        "Name   | Start | Length | Type   | Decimals | Sign      | Pad  | Format   | Null\n"
        "-------|-------|--------|--------|----------|-----------|------|----------|---------\n"
        "id     | 1     | 8      | bigint |          |           | zero |          |\n"
        "amount | 11    | 9      |        | 2        | overpunch |      |          |\n"
        "day    | 20    | 8      |        |          |           |      | yyyyMMdd | 00000000\n"
    ),
    "csv": (
        "name,end,width,type,decimals,sign,pad,pattern,null\n"
        "id,8,8,bigint,,,0,,\namount,19,9,,2,overpunch,,,\nday,27,8,,,,,yyyyMMdd,00000000\n"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_states_the_same_layout(form: str) -> None:
    assert parse_layout(FORMS[form]).fields == LAYOUT


def test_a_field_is_all_that_its_words_say() -> None:
    layout = parse_layout('"D", `a "b"`:3 left pad="*", ok:1 true="Y" false="N", "E":2')
    assert layout.fields == (
        Field("", 0, 1, constant="D"),
        Field('a "b"', 1, 3, align="left", pad="*"),
        Field("ok", 4, 1, true="Y", false="N"),
        Field("", 5, 2, constant="E"),
    )
    assert layout.width == 7


def test_json_may_state_the_width_of_the_record() -> None:
    layout = parse_layout('{"width": 80, "fields": [{"name": "a", "width": 3}]}')
    assert layout.fields == (Field("a", 0, 3), Field("", 3, 77))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a:5", pa.string()),
        ("a:9.2", pa.decimal128(9, 2)),
        ("a:9 trailing", pa.decimal128(8, 0)),
        ('a:8 "yyyyMMdd"', pa.date32()),
        ("a:14 \"yyyyMMdd'at'HHmm\"", pa.timestamp("us")),
        ("a:14 \"yyyyMMdd'H'\"", pa.date32()),
        ('a:20 "yyyyMMddHHmmssXXX"', pa.timestamp("us", "UTC")),
        ("a:5 decimal( 5, 1 )", pa.decimal128(5, 1)),
    ],
)
def test_a_field_has_a_type_without_a_schema(text: str, kind: pa.DataType) -> None:
    assert parse_layout(text).fields[0].type == kind


def test_semicolons_are_between_records() -> None:
    first, second = parse_layouts('"1", a:3; "5", b:2')
    assert (first.width, second.width) == (4, 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "There is no field"),
        ("id", "'id' has no width: write name:8 or name:1-8"),
        ("id:", "has no width behind its colon"),
        ("id:8 rigth", "has 'rigth', which is no type of Spark's and none of the words left,"),
        ("id:8 left right", "states its align twice"),
        ('id:8 pad="00"', "a pad that is not one character"),
        ("id:8 null=0", "has no text in quotes behind null="),
        ("id:0", "'id' has the width 0"),
        ("id:0-4", "begins before 1"),
        ("a:1-5, b:5-6", "'b' begins at 5, within The field 'a', which ends at 5"),
        ("a:3, a:4", "'a' has two fields"),
        ("a:2.3", "has 3 decimals, but only 2 digits"),
        ("a:40 overpunch", "has 40 digits, and a DECIMAL has 38 at most"),
        ("a:1 trailing", "has no place for a digit"),
        ("a:5 overpunch left", "and is not right-aligned"),
        ("a:9.2 date", "is a number by its decimals or sign, and date32[day] by its type"),
        ('a:2 null="000"', "a text of null that is longer than its 2 characters"),
        ('a:3 "b"', "has a pattern that is not understood"),
        ("_:3 right", "is no column, and has align"),
        ('"A" "B"', "has more than a text, and no colon"),
        ("a:3 !", "cannot be read from '!' on"),
        ("a:3; b:4", "is followed by a semicolon, and rows have one layout"),
        ("a:1000001", "ends beyond 1000000 characters"),
        ("[1]", "is a list of objects"),
        ("{", "begins with a bracket, and is no JSON"),
        ('[{"name": "a"}]', "'a' has no width: give width, or start and end"),
        ('[{"name": "a", "width": "x"}]', "has width='x', which is no number"),
        ('[{"name": "a", "width": 3, "colour": 1}]', "has 'colour'; known are name, column"),
        (
            '[{"name": "a", "start": 1, "end": 4, "width": 3}]',
            "is from 1 to 4, and has the width 3",
        ),
        ('[{"name": "a", "width": 3, "align": "up"}]', "has align='up'; take left, right"),
        ('{"width": 2, "fields": [{"name": "a", "width": 3}]}', "end at 3, beyond the record's"),
    ],
)
def test_a_mistake_is_named(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_layout(text)


def commented(**comments: str | None) -> pa.Schema:
    fields = [
        {"name": name, "type": "string", "metadata": {"comment": text} if text else {}}
        for name, text in comments.items()
    ]
    metadata = {SPARK_SCHEMA: json.dumps({"type": "struct", "fields": fields})}
    return pa.schema([(name, pa.string()) for name in comments], metadata=metadata)


def test_comments_of_columns_are_a_layout_if_all_begin_so() -> None:
    found = layout_of_comments(
        commented(**{"a`b": "fixed: 8 zero", "c": "Fixed:3", "d": "fixed::2"})
    )
    assert found == Layout((Field("a`b", 0, 8, pad="0"), Field("c", 8, 3), Field("d", 11, 2)))
    assert layout_of_comments(commented(a="the id", b=None)) is None
    with pytest.raises(ValueError, match="The comments of 'b' state no place"):
        layout_of_comments(commented(a="fixed: 8", b="a name"))
