"""Bytes that are no UTF-8 become U+FFFD wherever strings are, and all else stays as it is."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sftp_async.formats.values.utf8 import is_malformed, well_formed

#: Bytes, and what Java makes of them: seen in files of Spark's own writers.
SPARKS = {
    "41FF42": "A�B",
    "C3": "�",
    "E28241": "�A",
    "F09F9841": "�A",
    "EDA08041": "�A",
    "EDA080EDB08041": "��A",
    "C08041": "��A",
    "F580808041": "����A",
    "E0808041": "���A",
    "F490808041": "����A",
    "F8808080": "����",
    "C328": "�(",
    "80": "�",
    "C3A9": "é",
    "EDA0": "�",
    "EDA041": "�A",
    "EFBFBD": "�",
}
BAD, GOOD = b"A\xffB", "A�B"


def texts(*values: bytes | None) -> pa.Array:
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers(), raw.null_count)


@pytest.mark.parametrize("given", SPARKS)
def test_malformed_text_is_what_spark_makes_of_it(given: str) -> None:
    column = texts(bytes.fromhex(given))
    assert is_malformed(column) == (given not in ("C3A9", "EFBFBD"))
    assert well_formed(column).to_pylist() == [SPARKS[given]]


def test_values_that_are_well_formed_only_together_are_malformed() -> None:
    column = texts(b"\xc3", b"\xa9")
    assert is_malformed(column)
    assert well_formed(column).to_pylist() == ["�", "�"]


STRUCT = pa.StructArray.from_arrays(
    [texts(b"x", BAD, b"y"), pa.array([1, 2, None])],
    ["s", "n"],
    mask=pa.array([True, False, False]),
)
MAP = pa.MapArray.from_arrays([0, 1, 1, 3], texts(BAD, b"k", b"l"), texts(b"v", None, BAD))
LIST = pa.ListArray.from_arrays([0, 2, 2, 3], texts(BAD, None, b"z"))
DEEP = pa.ListArray.from_arrays([0, 1, 3, 3], MAP)


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (STRUCT, [None, {"s": GOOD, "n": 2}, {"s": "y", "n": None}]),
        (MAP, [[(GOOD, "v")], [], [("k", None), ("l", GOOD)]]),
        (LIST, [[GOOD, None], [], ["z"]]),
        (DEEP, [[[(GOOD, "v")]], [[], [("k", None), ("l", GOOD)]], []]),
    ],
    ids=["struct", "map", "list", "list of maps"],
)
def test_strings_inside_other_values_are_repaired(column: pa.Array, wanted: list[Any]) -> None:
    assert is_malformed(column)
    repaired = well_formed(column)
    repaired.validate(full=True)
    assert repaired.type == column.type
    assert repaired.to_pylist() == wanted
    assert well_formed(column.slice(1)).to_pylist() == wanted[1:]


def test_columns_without_text_stay_as_they_are() -> None:
    column = pa.array([[1, 2], None])
    assert not is_malformed(column)
    assert well_formed(column) is column
