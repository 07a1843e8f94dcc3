"""Names of partition directories: Spark's escaping, and what is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.layout.hive import directory_name, escaped, is_directory_of, with_parents

#: What Spark 4.3 made of every character from U+0001 to U+00FF, `x?y` with it in the middle.
SPARK_ESCAPES = {*range(0x01, 0x20), *map(ord, "\"#%'*/:=?\\{[]^"), 0x7F}


@pytest.mark.parametrize("code", range(1, 256))
def test_a_character_is_escaped_where_spark_escapes_it(code: int) -> None:
    character = chr(code)
    wanted = f"%{code:02X}" if code in SPARK_ESCAPES else character
    assert escaped(f"x{character}y") == f"x{wanted}y"


@pytest.mark.parametrize("value", [None, ""])
def test_null_and_empty_text_have_hives_name_for_null(value: str | None) -> None:
    assert directory_name("c", value) == "c=__HIVE_DEFAULT_PARTITION__"


@given(st.text(), st.text(min_size=1))
def test_no_value_leads_out_of_its_directory(value: str, column: str) -> None:
    name = directory_name(column, value)
    assert "/" not in name
    assert "\n" not in name
    assert name not in (".", "..")


@pytest.mark.parametrize(
    ("name", "column", "is_one"),
    [
        ("day=1", "day", True),
        ("DAY=1", "day", True),
        ("day", "day", False),
        ("days=1", "day", False),
        ("a%3Db=1", "a=b", True),
        ("_temporary", "_temporary", False),
    ],
)
def test_a_directory_belongs_to_a_column_by_its_name(name: str, column: str, is_one: bool) -> None:
    assert is_directory_of(name, column) == is_one


def test_parents_come_level_by_level_each_once() -> None:
    assert with_parents(["a=1/b=2", "a=1/b=3", "a=2", ""]) == [
        ["a=1", "a=2"],
        ["a=1/b=2", "a=1/b=3"],
    ]
