"""Files are divided among tasks as Spark divides them: large ones cut, small ones packed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats import open_read_format
from sftp_async.read.listing import FoundFile
from sftp_async.read.sources import may_split
from sftp_async.read.splits import TaskInput, split_files
from tests.support.readable import read_options

MIB = 1024**2


def tasks(sizes: list[int], splittable: bool = True, **options: Any) -> list[TaskInput]:
    files = [FoundFile(f"/in/{number:05}.csv", size, 1.0) for number, size in enumerate(sizes)]
    return split_files(files, read_options(**options), lambda _: splittable)


def test_one_file_of_a_gigabyte_makes_eight_tasks() -> None:
    assert [task.splits[0].start for task in tasks([10**9])] == [
        number * 128 * MIB for number in range(8)
    ]


def test_small_data_makes_a_task_for_each_core() -> None:
    files = [FoundFile("/in/a.csv", 40 * MIB, 1.0)]
    made = split_files(files, read_options(), lambda _: True, 4)
    assert [task.splits[0].size for task in made] == [11 * MIB, 11 * MIB, 11 * MIB, 7 * MIB]
    # No task is smaller than the cost of opening a file.
    made = split_files([FoundFile("/in/a.csv", 6 * MIB, 1.0)], read_options(), lambda _: True, 64)
    assert [task.splits[0].size for task in made] == [4 * MIB, 2 * MIB]


def test_a_file_that_cannot_be_split_is_one_task_whatever_its_size() -> None:
    [task] = tasks([10**10], splittable=False)
    assert [(split.start, split.stop) for split in task.splits] == [(0, 10**10)]


def test_opening_a_file_costs_as_spark_counts_it() -> None:
    # FilePartition.getFilePartitions: a task is full when the next file would exceed the limit.
    assert [len(task.splits) for task in tasks([0] * 65)] == [33, 32]
    assert [len(task.splits) for task in tasks([1] * 10, open_cost_bytes=0)] == [10]


@given(
    sizes=st.lists(st.integers(0, 5000), max_size=20),
    limit=st.integers(1, 2000),
    cost=st.integers(0, 500),
)
def test_each_byte_of_each_file_is_in_one_task(sizes: list[int], limit: int, cost: int) -> None:
    found = tasks(sizes, max_partition_bytes=limit, open_cost_bytes=cost)
    for number, size in enumerate(sizes):
        path = f"/in/{number:05}.csv"
        splits = [split for task in found for split in task.splits if split.file.path == path]
        edges = sorted((split.start, split.stop) for split in splits)
        assert edges[0][0] == 0
        assert edges[-1][1] == size
        assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(edges))
        assert all(split.size <= limit for split in splits)
    for task in found:
        assert len(task.splits) == 1 or sum(split.size for split in task.splits) <= limit + cost


@pytest.mark.parametrize(
    ("path", "options", "split"),
    [
        ("a.csv", {}, True),
        ("a.csv", {"split": "false"}, False),
        ("a.csv", {"access": "sequential"}, False),
        ("a.csv", {"access": "once"}, False),
        ("a.csv", {"verify": "checksum"}, False),
        ("a.csv", {"multi_line": True}, False),
        ("a.csv", {"encoding": "UTF-16"}, False),
        ("a.csv", {"encoding": "windows-1252"}, True),
        ("a.csv.GZ", {}, False),
        ("a.zip", {}, False),
        ("a.json", {"format": "json"}, True),
        ("a.xml", {"format": "xml"}, False),
        ("a.dat", {"format": "fixed", "fixed_layout": "a:1"}, True),
        ("a.parquet", {"format": "parquet"}, True),
        ("a.orc", {"format": "orc"}, True),
        ("a.avro", {"format": "avro"}, True),
    ],
)
def test_what_may_be_split(path: str, options: dict[str, Any], split: bool) -> None:
    given_options = read_options(**options)
    assert may_split(path, given_options, open_read_format(given_options, None)) is split
