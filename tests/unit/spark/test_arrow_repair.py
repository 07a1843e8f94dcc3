"""Batches as Spark 4.0 sends them: nested columns without any value lack what Arrow demands."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.spark.arrow_repair import repair_batch
from tests.support.encoding import encoded


def without_offsets(kind: pa.DataType) -> Any:
    """An array of no rows without an offsets buffer: pyarrow crashes when it looks for one."""
    values = pa.array([], kind).values
    children = [pa.array([], values.type)]
    return pa.Array.from_buffers(kind, 0, [None, None], children=children)


def two_empty(inner: pa.DataType) -> pa.RecordBatch:
    """Two rows, each an empty list of `inner`."""
    offsets = pa.array([0, 0, 0], pa.int32()).buffers()[1]
    column = pa.Array.from_buffers(
        pa.list_(inner), 2, [None, offsets], children=[without_offsets(inner)]
    )
    return pa.record_batch([column], names=["a"])


@pytest.mark.parametrize(
    "inner", [pa.list_(pa.int64()), pa.map_(pa.string(), pa.int64()), pa.large_list(pa.string())]
)
@pytest.mark.parametrize("form", ["json", "parquet"])
def test_empty_nested_values_without_offsets_are_written(inner: pa.DataType, form: str) -> None:
    batch = repair_batch(two_empty(inner))
    batch.validate(full=True)
    assert batch.nbytes >= 0
    data = encoded(two_empty(inner), format=form)
    if form == "json":
        assert [json.loads(line) for line in data.splitlines()] == [{"a": []}, {"a": []}]


def test_a_list_without_offsets_deep_inside_is_repaired() -> None:
    deep = two_empty(pa.list_(pa.int64())).column(0)
    struct = pa.StructArray.from_arrays([deep, pa.array([1, None])], ["x", "y"])
    batch = repair_batch(pa.record_batch([struct, pa.array(["p", "q"])], names=["s", "t"]))
    batch.validate(full=True)
    assert batch.to_pylist() == [
        {"s": {"x": [], "y": 1}, "t": "p"},
        {"s": {"x": [], "y": None}, "t": "q"},
    ]


def test_a_valid_batch_is_returned_as_it_is() -> None:
    batch = pa.record_batch({"a": pa.array([[1], None]), "b": pa.array([{"c": 1}, None])})
    assert repair_batch(batch) is batch


def test_nulls_and_values_next_to_repaired_columns_stay() -> None:
    kind = pa.struct([("lists", pa.list_(pa.list_(pa.int8()))), ("n", pa.int32())])
    rows = [{"lists": [], "n": 1}, None, {"lists": None, "n": None}]
    batch = pa.record_batch([pa.array(rows, kind)], names=["s"])
    assert [row["s"] for row in repair_batch(batch).to_pylist()] == rows
