"""Rows to directories: some at once, the others sorted first; each row once, in its order."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats import open_format
from sftp_async.formats.compressed_stream import Compression
from sftp_async.options import FormatOptions
from sftp_async.write.partition_router import OPEN, fan_out, most_open
from sftp_async.write.partitioner import Partitioning

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


@pytest.mark.parametrize(("buffered_bytes", "most"), [(0, OPEN), (32 * 1024**2, 4), (10**12, 1)])
def test_formats_that_buffer_rows_have_fewer_files_open(buffered_bytes: int, most: int) -> None:
    assert most_open(buffered_bytes) == most


@pytest.mark.parametrize("form", ["csv", "json", "text", "xml"])
def test_compressors_that_take_much_memory_have_fewer_files_open(form: str) -> None:
    schema = pa.schema([("a", pa.string())])
    most = {
        (codec, level): most_open(
            open_format(
                FormatOptions(format=form, compression=codec, compression_level=level), schema
            ).buffered_bytes
        )
        for codec, level in [
            *[("none", None), ("gzip", None), ("gzip", 9), ("zstd", None), ("zstd", 9)],
            *[("zstd", 22), ("bzip2", None), ("bzip2", 1), ("xz", None), ("xz", 6)],
        ]
    }
    assert most == {
        ("none", None): OPEN, ("gzip", None): OPEN, ("gzip", 9): OPEN, ("zstd", None): OPEN,
        ("zstd", 9): 8, ("zstd", 22): 1, ("bzip2", None): 17, ("bzip2", 1): OPEN,
        ("xz", None): 14, ("xz", 6): 1,
    }  # fmt: skip


@pytest.mark.parametrize("level", [1, 9, 19])
def test_zstd_takes_no_more_than_is_counted(level: int) -> None:
    compressor = zstandard.ZstdCompressor(level=level)
    stream = compressor.compressobj()
    stream.compress(b"a")
    assert 0 < compressor.memory_size() <= Compression("zstd", level).buffered_bytes
