"""The workloads that write to a server, each run in small: all contenders leave the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks import data
from benchmarks.comparison import Comparison
from benchmarks.context import Context
from benchmarks.servers import start_server
from benchmarks.spark import NoopDataSource
from benchmarks.workloads import bulk, latency, load, small_files, table_writes, transport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """Spark as the suite has it, and as it was afterwards."""
    spark.dataSource.register(NoopDataSource)
    yield spark
    for setting in ("maxPartitionBytes", "openCostInBytes"):
        spark.conf.unset(f"spark.sql.files.{setting}")


@pytest.fixture(scope="module")
def context(
    tmp_path_factory: pytest.TempPathFactory, data_dir: Path, session: SparkSession, sshd: object
) -> Iterator[Context]:
    """A quick run against a local sshd; `sshd` is asked for its marker."""
    scratch = tmp_path_factory.mktemp("bench")
    with start_server("sshd", scratch) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_writes, "CORES", 1)  # so many tasks wake the workers
        context = Context(server, scratch, data_dir, rounds=1)
        context._spark = session
        yield context


def checked(comparisons: list[Comparison]) -> list[Comparison]:
    """All contenders that are there did the same as the first, and were counted."""
    for comparison in comparisons:
        assert comparison.problems == []
        there = [entry for entry in comparison.entries if entry.contender.unavailable is None]
        assert [len(entry.runs) for entry in there] == [1] * len(there)
        looked = [entry.outcome for entry in there if entry.contender.outcome is not None]
        assert len({(outcome.rows, outcome.digest) for outcome in looked}) == 1
        assert looked[0].rows == comparison.labels.get("rows")
    return comparisons


def names(comparison: Comparison) -> list[str]:
    return [entry.contender.name for entry in comparison.entries]


def test_bulk_writes_every_kind_of_file(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "QUICK_SCALE", 0.001)
    monkeypatch.setattr(bulk, "PARTITIONS", 2)
    # The others write in `latency`, and how their files go up does not depend on what is in them.
    kept = ["sftp_async", "sftp_async_untuned", "spark_disk"]
    few = [(output, [each for each in who if each in kept]) for output, who in bulk.CONTESTS]
    monkeypatch.setattr(bulk, "CONTESTS", few)
    csv, parquet, gzipped = checked(list(bulk.run(context)))
    assert names(csv) == kept
    assert names(parquet) == names(gzipped) == ["sftp_async", "spark_disk"]
    assert csv.labels["partitions"] == 2
    assert (
        len({comparison.entries[0].outcome.digest for comparison in (csv, parquet, gzipped)}) == 1
    )


def test_latency_writes_through_the_relay(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "QUICK_SCALE", 0.001)
    monkeypatch.setattr(latency, "PARTITIONS", 2)
    monkeypatch.setattr(latency, "QUICK_ROUND_TRIPS_MS", (2,))
    monkeypatch.setattr(latency, "ONE_FILE_MS", 2)
    monkeypatch.setattr(latency, "QUICK_SIZE", 100_000)
    # `transport` has rclone with its checks.
    monkeypatch.setattr(latency, "TOOLS", ["sftp_async", "openssh_sftp", "rclone_unchecked"])
    table, file = checked(list(latency.run(context)))
    assert names(table) == ["sftp_async", "paramiko_pandas", "spark_disk_sftp", "spark_disk_rclone"]
    assert names(file) == ["sftp_async", "openssh_sftp", "rclone_unchecked"]
    assert table.labels["rtt_ms"] == file.labels["rtt_ms"] == 2


def test_small_files_has_a_file_for_every_partition(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_files, "QUICK_PARTITIONS", 3)
    monkeypatch.setattr(small_files, "ROWS", 50)
    monkeypatch.setattr(small_files, "ROUND_TRIPS_MS", (0,))
    monkeypatch.setattr(small_files, "WRITERS", ["sftp_async", "noop"])  # `latency` has Paramiko
    (near,) = checked(list(small_files.run(context)))
    assert names(near) == ["sftp_async", "noop"]
    assert (near.labels["partitions"], near.labels["rows"]) == (3, 150)


def test_transport_sends_one_file_with_every_tool(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "QUICK_SIZE", 3_000_001)
    (file,) = checked(list(transport.run(context)))
    assert names(file)[:3] == ["sftp_async", "openssh_sftp", "ssh_cat"]
    assert {run.bytes for entry in file.entries for run in entry.runs} == {3_000_001}


def test_a_quick_pass_says_what_it_leaves_out(context: Context) -> None:
    assert {cut.partition(":")[0] for cut in context.cuts} >= {"bulk", "latency", "small-files"}


def test_the_workloads_are_found_by_their_names() -> None:
    wanted = ["bulk", "latency", "small-files", "transport"]
    assert list(load(wanted)) == wanted


# Data


def test_a_table_is_made_once_and_never_seen_unfinished(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = data.lineitem(0.001, 2, data_dir)
    assert sorted(file.suffix for file in made.iterdir()) == [".parquet"] * 2
    assert data.rows_of(made) == pl.read_parquet(made).height
    before = {file: file.stat().st_mtime_ns for file in made.iterdir()}
    assert data.lineitem(0.001, 2, data_dir) == made
    assert {file: file.stat().st_mtime_ns for file in made.iterdir()} == before
    monkeypatch.setattr(data, "files_of", lambda table: [])
    with pytest.raises(data.DataError, match="made 0 files, not 2"):
        data.lineitem(0.001, 2, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pieces_have_exactly_the_rows_asked_for(data_dir: Path) -> None:
    pieces = data.lineitem_pieces(3, 50, data_dir)
    assert [data.rows_of(file.parent) for file in [next(pieces.iterdir())]] == [150]
    assert [pl.read_parquet(file).height for file in sorted(pieces.iterdir())] == [50] * 3
    keys = ["l_orderkey", "l_linenumber"]
    assert pl.read_parquet(pieces).select(keys).n_unique() == 150


@pytest.mark.parametrize("parts", [1, 5])
def test_a_dataframe_has_a_partition_for_every_file(
    session: SparkSession, data_dir: Path, parts: int
) -> None:
    table = data.lineitem_pieces(parts, 20, data_dir)
    frame = data.dataframe(session, table)
    sizes = frame.rdd.glom().map(len).collect()
    assert sizes == [20] * parts


def test_a_random_file_lies_on_the_disk_where_memory_has_no_space(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "MEMORY", tmp_path)
    with data.random_file(1000) as file:
        assert data.lies_in(file) == "memory"
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(data.shutil, "disk_usage", lambda path: full)
    with data.random_file(1000) as file:
        assert data.lies_in(file) == "disk"


def test_a_random_file_has_its_size_and_goes_with_its_block() -> None:
    with data.random_file(data.MIB + 7) as first, data.random_file(data.MIB + 7) as second:
        assert first.stat().st_size == data.MIB + 7
        assert first.read_bytes() != second.read_bytes()
    assert not first.exists()
    assert not second.exists()
