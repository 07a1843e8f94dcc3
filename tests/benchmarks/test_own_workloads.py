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
        for setting in ("maxPartitionBytes", "openCostInBytes"):
            spark.conf.unset(f"spark.sql.files.{setting}")


def test_encode_has_spark_and_pandas_next_to_ours_and_counts_the_rows_of_all(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "QUICK_CODECS", 99)
    monkeypatch.setattr(encode, "QUICK_SCALE", 0.001)
    # Of Spark one codec a format: what a codec does to Spark is not ours to test.
    once = {name: {"none": words["none"]} for name, words in encode.SPARK_CODECS.items()}
    monkeypatch.setattr(encode, "SPARK_CODECS", once)
    comparisons = {comparison.name: comparison for comparison in encode.run(context)}
    assert len(comparisons) == sum(map(len, encode.FORMATS.values()))
    for comparison in comparisons.values():
        assert comparison.problems == []
        for entry in comparison.entries:
            if entry.contender.unavailable is None:
                assert len(entry.runs) == 1
            if entry.outcome is not None:
                assert entry.outcome.rows == entry.contender.labels["rows"] > 100
                assert entry.outcome.bytes == entry.runs[0].bytes > 0
    contenders = ["sftp_async", "spark", "spark_noop", "pandas"]
    for name in ("csv", "json", "xml", "parquet", "orc"):
        assert [e.contender.name for e in comparisons[f"encode/{name}"].entries] == contenders
    for name in ("text", "avro"):
        assert [e.contender.name for e in comparisons[f"encode/{name}"].entries] == contenders[:3]
    assert [e.contender.name for e in comparisons["encode/csv-zstd"].entries] == [
        "sftp_async",
        "pandas",
    ]


def test_overhead_writes_one_row_near_and_far(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead, "QUICK_LEAST_ROUNDS", 1)
    monkeypatch.setattr(overhead, "WARM_UPS", 1)
    monkeypatch.setattr(overhead, "ROUND_TRIPS_MS", (0, 2))
    near, far = overhead.run(context)
    for comparison in (near, far):
        assert comparison.problems == []
        assert [entry.contender.name for entry in comparison.entries] == ["sftp_async", "noop"]
        assert [len(entry.runs) for entry in comparison.entries] == [1, 1]
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
    assert run.memory["workers"] > 0  # each may do too little here to count as one that works
    assert not sizes.entries[0].runs[0].trace
