"""The workloads that read from a server, each run in small: all contenders find what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.comparison import Comparison, compare
from benchmarks.context import Context
from benchmarks.data import lineitem
from benchmarks.read_files import csv, csv_quoted, json_lines
from benchmarks.servers import start_server
from benchmarks.workloads import (
    download,
    list as list_workload,
    read_bulk,
    read_columns,
    read_latency,
    read_scale,
    read_small_files,
)
from benchmarks.workloads.table_reads import table_reads
from tests.support.requirements import skip_without

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

SCALE = 0.001


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def context(
    tmp_path_factory: pytest.TempPathFactory, data_dir: Path, spark: SparkSession, sshd: object
) -> Iterator[Context]:
    """A quick run against a local sshd; `sshd` is asked for its marker."""
    scratch = tmp_path_factory.mktemp("bench")
    with start_server("sshd", scratch) as server:
        context = Context(server, scratch, data_dir, rounds=1)
        context._spark = spark
        yield context


def checked(comparisons: list[Comparison]) -> list[Comparison]:
    """All contenders that are there found what is there, and were counted."""
    for comparison in comparisons:
        assert comparison.problems == []
        there = [entry for entry in comparison.entries if entry.contender.unavailable is None]
        assert [len(entry.runs) for entry in there] == [1] * len(there)
        for entry in there:
            assert entry.contender.truth is not None
            assert entry.outcome is not None
            wanted = (entry.contender.truth.rows, entry.contender.truth.digest)
            assert (entry.outcome.rows, entry.outcome.digest) == wanted
            assert entry.runs[0].bytes > 0
    return comparisons


def names(comparison: Comparison) -> list[str]:
    return [entry.contender.name for entry in comparison.entries]


def test_download_gets_one_file_with_every_tool_near_and_far(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "QUICK_SIZE", 3_000_001)
    monkeypatch.setattr(download, "QUICK_FAR_SIZE", 100_000)
    monkeypatch.setattr(download, "ROUND_TRIPS_MS", (2,))
    near, far = checked(list(download.run(context)))
    assert names(near)[:3] == ["sftp_async", "openssh_sftp", "ssh_cat"]
    assert names(far) == ["sftp_async", "openssh_sftp", "rclone", "rclone_unchecked"]
    assert {run.bytes for entry in near.entries for run in entry.runs} == {3_000_001}
    # At least the file has passed the relay.
    assert all(100_000 < run.network < 200_000 for entry in far.entries for run in entry.runs)


def test_read_bulk_reads_every_kind_of_file(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_bulk, "QUICK_SCALE", SCALE)
    monkeypatch.setattr(read_bulk, "FILES", 2)
    contests = [(name, min(files, 2), *more) for name, files, *more in read_bulk.CONTESTS]
    monkeypatch.setattr(read_bulk, "CONTESTS", contests)
    comparisons = checked(list(read_bulk.run(context)))
    found = {comparison.name: comparison for comparison in comparisons}
    assert names(found["read-bulk/csv"]) == [
        "sftp_async",
        "spark_disk",
        "sftp_spark",
        "rclone_spark",
        "paramiko_lines",
    ]
    plain = found["read-bulk/csv"].entries[0].outcome
    assert plain is not None
    for name in ("csv-gzip", "json", "parquet", "csv-8-files"):
        outcome = found[f"read-bulk/{name}"].entries[0].outcome
        assert outcome is not None
        assert outcome.digest == plain.digest
    quoted = found["read-bulk/csv-quoted"].entries[0].outcome
    assert quoted is not None
    assert quoted.rows == plain.rows
    assert quoted.digest != plain.digest  # its comments are longer


def test_read_latency_reads_through_the_relay_and_paramiko_a_part_of_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_latency, "QUICK_SCALE", 0.002)
    monkeypatch.setattr(read_latency, "LINES_SCALE", SCALE)
    monkeypatch.setattr(read_latency, "FILES", {"one-file": 1, "2-files": 2})
    monkeypatch.setattr(read_latency, "ROUND_TRIPS_MS", (2,))
    one, _ = checked(list(read_latency.run(context)))
    assert names(one)[-2:] == ["sftp_async_one_task", "paramiko_lines"]
    rows = {entry.contender.name: entry.contender.labels["rows"] for entry in one.entries}
    assert rows["sftp_async"] > 1.9 * rows["paramiko_lines"]
    for entry in one.entries:
        assert entry.runs[0].network >= entry.contender.reads


def test_read_small_files_has_as_many_files_as_were_asked_for(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_small_files, "QUICK_FILES", 4)
    monkeypatch.setattr(read_small_files, "QUICK_LINES_FILES", 2)
    monkeypatch.setattr(read_small_files, "ROWS", 50)
    monkeypatch.setattr(read_small_files, "ROUND_TRIPS_MS", (0, 2))
    near, far = checked(list(read_small_files.run(context)))
    assert (near.labels["rtt_ms"], far.labels["rtt_ms"]) == (0, 2)
    rows = [entry.contender.labels["rows"] for entry in near.entries]
    assert (near.labels["files"], rows[0], rows[-1]) == (4, 200, 100)


def test_read_columns_counts_what_passed_the_network(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_columns, "QUICK_SCALE", 0.01)
    monkeypatch.setattr(read_columns, "FILES", 2)
    monkeypatch.setattr(read_columns, "RTT_MS", 2)
    (comparison,) = checked(list(read_columns.run(context)))
    few = comparison.labels["columns_bytes"]
    assert 0 < few < comparison.labels["bytes"] / 2
    ours, *others = (entry.runs[0].network for entry in comparison.entries)
    assert few <= ours < comparison.labels["bytes"]
    assert all(other >= comparison.labels["bytes"] for other in others)


def test_read_scale_reads_files_of_so_many_times_the_rows(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "fresh_spark", lambda: None)  # the session is all tests'
    monkeypatch.setattr(read_scale, "QUICK_PIECE", 500)
    smallest, sizes = checked(list(read_scale.run(context)))
    rows = [entry.contender.rows for entry in sizes.entries]
    assert rows == [500, 1000, 2000, 4000, 8000]
    assert names(smallest) == ["sftp_async_500"]
    assert sizes.entries[-1].runs[0].memory["worker"] > 0


def test_list_finds_every_file_in_one_directory_and_in_many(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_workload, "QUICK_FILES", 30)
    monkeypatch.setattr(list_workload, "QUICK_DIRECTORIES", 3)
    monkeypatch.setattr(list_workload, "ROUND_TRIPS_MS", (0, 2))
    comparisons = checked(list(list_workload.run(context)))
    assert [comparison.name for comparison in comparisons] == [
        "list/one/0ms",
        "list/one/2ms",
        "list/many/0ms",
        "list/many/2ms",
    ]
    assert names(comparisons[0]) == ["sftp_async", "openssh_sftp", "rclone", "paramiko"]
    for comparison in comparisons:
        assert [e.outcome.rows for e in comparison.entries if e.outcome] == [30] * 4


# A wrong row is caught


@pytest.mark.parametrize("who", ["sftp_async", "spark_disk", "paramiko_lines"])
def test_a_contender_that_reads_another_row_is_disqualified_be_it_ours(
    context: Context, who: str
) -> None:
    source = csv(lineitem(SCALE, 1, context.data_dir))
    with table_reads(context, source) as at:
        contenders = at(context.server).contenders(["sftp_async", "spark_disk", "paramiko_lines"])
        if who == "spark_disk":
            wrong = _with_another_cell(source.place, context.scratch / "wrong")
            other = replace(source, place=wrong)
            with table_reads(context, other) as at_other:
                pass
            contenders = [
                _reading(context, other, contender) if contender.name == who else contender
                for contender in contenders
            ]
        else:
            remote = contenders[0]
            del remote
            contenders = [
                _spoilt(contender) if contender.name == who else contender
                for contender in contenders
            ]
        comparison = compare(context, "unit", contenders, rounds=1)
    failed = {entry.contender.name for entry in comparison.entries if entry.failed}
    assert failed == {who}
