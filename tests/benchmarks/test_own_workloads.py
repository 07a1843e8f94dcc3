"""The workloads that measure us alone, each run in small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.context import Context
from benchmarks.servers import start_server
from benchmarks.spark import NoopDataSource
from benchmarks.workloads import encode, overhead, scale
from tests.benchmarks.folder import folder_context

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


@pytest.fixture
def context(tmp_path: Path, spark: SparkSession) -> Iterator[Context]:
    with start_server("embedded", tmp_path) as server:
        context = Context(server, tmp_path, tmp_path / "data")
        context._spark = spark
        spark.dataSource.register(NoopDataSource)
        yield context


def test_encode_counts_the_rows_of_every_format_and_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "QUICK_SCALE", 0.001)
    (contest,) = encode.run(folder_context(tmp_path))
    assert contest.problems == []
    assert len(contest.entries) == sum(map(len, encode.FORMATS.values()))
    for entry in contest.entries:
        assert entry.outcome is not None
        assert entry.outcome.rows == contest.labels["rows"] > 1000
        assert entry.outcome.bytes > 0
        assert entry.contender.labels["bytes_in"] > 0


def test_overhead_writes_one_row_near_and_far(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead, "LEAST_ROUNDS", 1)
    monkeypatch.setattr(overhead, "WARM_UPS", 1)
    monkeypatch.setattr(overhead, "ROUND_TRIPS_MS", (0, 2))
    near, far = overhead.run(context)
    for contest in (near, far):
        assert contest.problems == []
        assert [entry.contender.name for entry in contest.entries] == ["sftp_async", "noop"]
        assert [len(entry.runs) for entry in contest.entries] == [1, 1]
    assert (near.labels["rtt_ms"], far.labels["rtt_ms"]) == (0, 2)


def test_scale_begins_with_nothing_and_traces_one_partition(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "fresh_spark", lambda: None)  # the session is all tests'
    monkeypatch.setattr(scale, "QUICK_ROWS", [1000, 8000])
    monkeypatch.setattr(scale, "QUICK_ONE_PARTITION", 5000)
    empty, sizes, single = scale.run(context)
    assert [*empty.problems, *sizes.problems, *single.problems] == []
    rows = [entry.outcome.rows for entry in sizes.entries if entry.outcome]
    assert rows == [1000, 8000]
    assert empty.entries[0].outcome is not None
    assert empty.entries[0].outcome.rows == 0
    (run,) = single.entries[0].runs
    assert run.trace
    assert run.memory["worker"] > 0
    assert not sizes.entries[0].runs[0].trace
