"""Rows to directories: some at once, the others sorted first; each row once, in its order."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.fanout import OPEN, fan_out, most_open
from sftp_async.partitioning import Partitioning

SCHEMA = pa.schema([("day", pa.string()), ("row", pa.int64()), ("hour", pa.int32())])


def batches(values: list[tuple[str | None, int | None]], each: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(values), each):
        some = values[start : start + each]
        yield pa.record_batch(
            [
                pa.array([day for day, _ in some], pa.string()),
                pa.array(range(start, start + len(some)), pa.int64()),
                pa.array([hour for _, hour in some], pa.int32()),
            ],
            schema=SCHEMA,
        )


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "/", "", None]), st.sampled_from([1, 2, None]))
    ),
    st.integers(1, 20),
    st.integers(1, 7),
)
def test_each_directory_has_its_rows_in_order_and_then_ends(
    values: list[tuple[str | None, int | None]], most: int, each: int
) -> None:
    wanted: dict[str, list[int]] = {}
    null = "__HIVE_DEFAULT_PARTITION__"
    for row, (day, hour) in enumerate(values):
        name = f"day={'%2F' if day == '/' else day or null}/hour={hour or null}"
        wanted.setdefault(name, []).append(row)
    found: dict[str, list[int]] = {}
    ended: list[str] = []
    for directory, rows in fan_out(batches(values, each), Partitioning(("day", "hour")), most):
        assert directory not in ended
        if rows is None:
            ended.append(directory)
        else:
            assert rows.schema.names == ["row"]
            found.setdefault(directory, []).extend(rows.column(0).to_pylist())
            assert len(found) - len(ended) <= most
    assert found == wanted
    assert sorted(ended) == sorted(wanted)


def test_rows_of_the_first_values_are_not_held_back() -> None:
    read = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for batch in batches([("a", 1), ("b", 1)] * 10, 2):
            read += 1
            yield batch

    rows = fan_out(counted(), Partitioning(("day", "hour")), 2)
    next(rows)
    assert read == 1


@pytest.mark.parametrize(("held", "most"), [(0, OPEN), (32 * 1024**2, 4), (10**12, 1)])
def test_formats_that_hold_rows_back_have_fewer_files_open(held: int, most: int) -> None:
    assert most_open(held) == most
