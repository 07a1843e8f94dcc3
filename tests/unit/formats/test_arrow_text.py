"""Batches that are part of larger ones: every format writes what it writes of a copy."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from tests.support.encoding import encoded

X = pa.struct([("x", pa.int64()), ("y", pa.string())])
#: type -> a few values of it, among which every second one is null.
VALUES: dict[pa.DataType, list[Any]] = {
    pa.int64(): [1, 2, 3],
    pa.string(): ["", "a,b", "c"],
    pa.bool_(): [True, False, True],
    pa.date32(): [dt.date(2020, 1, 1), dt.date(2021, 2, 3), dt.date(2022, 3, 4)],
    pa.timestamp("us", "UTC"): [1, 2, 3],
    pa.timestamp("us"): [1, 2, 3],
    pa.decimal128(9, 2): [decimal.Decimal(n) for n in (1, 2, 3)],
    pa.float64(): [0.5, 1.5, 2.5],
    pa.binary(): [b"", b"x", b"yz"],
    X: [{"x": 1, "y": None}, {"x": None, "y": "b"}, {"x": 3, "y": "c"}],
    pa.list_(pa.int64()): [[], [1, 2], [3]],
    pa.list_(X): [[{"x": 1, "y": "a"}, {"x": 2, "y": None}], [], [{"x": 3, "y": "c"}]],
    pa.list_(pa.list_(pa.string())): [[["a"], []], [["b", "c"]], []],
    pa.map_(pa.string(), pa.int64()): [[("a", 1)], [("b", 2), ("c", 3)], []],
    pa.map_(pa.string(), X): [[("a", {"x": 1, "y": "a"})], [], [("c", {"x": None, "y": "c"})]],
    pa.struct([("l", pa.list_(pa.date32()))]): [{"l": [dt.date(2020, 1, 1)]}, {"l": []}, {}],
    pa.struct([("s", X)]): [{"s": {"x": 1, "y": "a"}}, {"s": None}, {"s": {"x": 3, "y": None}}],
    pa.struct([("m", pa.map_(pa.string(), pa.int64()))]): [{"m": [("a", 1)]}, {"m": []}, {}],
}
NESTED = [kind for kind in VALUES if pa.types.is_nested(kind)]
#: Formats, and the types that they do not take.
FORMATS = {
    "csv": {*NESTED},
    "json": set[pa.DataType](),
    "xml": {pa.binary()},
    "parquet": set[pa.DataType](),
    "orc": set[pa.DataType](),
    "avro": set[pa.DataType](),
}


def rows_of(*batches: pa.RecordBatch, form: str) -> Any:
    data = encoded(*batches, format=form, null_value="N", compression="none")
    match form:
        case "orc":
            return orc.read_table(io.BytesIO(data)).to_pylist()
        case "parquet":
            return parquet.read_table(io.BytesIO(data)).to_pylist()
        case "avro":
            return [*fastavro.reader(io.BytesIO(data))]  # its marks between blocks are random
        case _:
            return data


@pytest.mark.parametrize("form", FORMATS)
def test_a_slice_is_written_as_a_copy_of_its_rows_is(form: str) -> None:
    for kind in VALUES.keys() - FORMATS[form]:
        first, second, third = VALUES[kind]
        values = [first, None, second, None, None, third] * 4
        whole = pa.record_batch({"c": pa.array(values, kind)})
        for start, length in ((3, 9), (1, 23), (8, 8), (17, 5)):
            copy = pa.record_batch({"c": pa.array(values[start : start + length], kind)})
            found = rows_of(whole.slice(start, length), form=form)
            assert found == rows_of(copy, form=form), (kind, start, length)


@pytest.mark.parametrize("form", ["json", "xml", "parquet", "orc", "avro"])
def test_a_slice_inside_of_others_is_written_as_a_copy_is(form: str) -> None:
    inner = pa.array([{"q": 1}, {"q": 2}, None, {"q": 4}, None]).slice(1)
    numbers = pa.array([None, 1, None, 3, 4]).slice(1)
    offsets = pa.array([0, 1, 2, 4, 4], pa.int32())
    texts = pa.array(["a", "b", "c", "d"])
    gone = pa.array([False, True, False, False])
    for column in (
        pa.StructArray.from_arrays([inner], ["s"]),
        pa.StructArray.from_arrays([numbers], ["n"], mask=gone),
        pa.ListArray.from_arrays(offsets, inner),
        pa.MapArray.from_arrays(offsets, texts, inner),
    ):
        copy = pa.array(column.to_pylist(), column.type)
        found = rows_of(pa.record_batch({"c": column}), form=form)
        assert found == rows_of(pa.record_batch({"c": copy}), form=form), column.type


def test_slices_of_one_orc_file_are_the_rows_of_the_whole() -> None:
    values = [None if n % 3 == 0 else {"q": n} for n in range(400)]
    whole = pa.record_batch({"id": range(400), "c": values})
    slices = [whole.slice(start, 30) for start in range(0, 400, 30)]
    assert rows_of(*slices, form="orc") == whole.to_pylist()
