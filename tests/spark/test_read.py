"""What a user of Spark sees of a read: rows, columns, plans, and errors that say what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark
import pytest
from pyspark.errors import PySparkException

from sftp_async import last_read, register
from tests.support.sshd import SSHD
from tests.support.tree import snapshot

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession


keeps_its_plan = pytest.mark.skipif(
    pyspark.__version__.startswith("4.0."), reason="needs Spark 4.1: 4.0 plans each action again"
)


class Reads:
    """Reads from a directory of a real server.

    Attributes:
        directory: that is read.

    """

    def __init__(self, spark: SparkSession, server: SSHD, directory: Path) -> None:
        self.directory = directory
        self._spark = spark
        self._server = server

    def reader(self, **options: Any) -> DataFrameReader:
        """Return a reader with the options of the server."""
        given = {**self._server.options(), **options}
        return self._spark.read.format("sftp").options(**given)

    def load(self, name: str = "", *, schema: str | None = None, **options: Any) -> DataFrame:
        """Load the directory, or something in it."""
        reader = self.reader(**options)
        if schema is not None:
            reader = reader.schema(schema)
        return reader.load(str(self.directory / name))


@pytest.fixture
def reads(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Iterator[Reads]:
    """Reads of `remote_dir`; the tree on the server stays as it is."""
    return Reads(spark, sshd, remote_dir)


def test_a_directory_of_json_lines_is_read_with_the_columns_that_are_in_it(reads: Reads) -> None:
    for number in range(3):
        rows = [{"id": number * 10 + place, "name": f"n{place}"} for place in range(10)]
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (reads.directory / f"{number}.json").write_text(text)
    frame = reads.load()
    assert frame.dtypes == [("id", "bigint"), ("name", "string")]
    assert [row.id for row in frame.orderBy("id").collect()] == list(range(30))


def test_a_large_file_is_read_by_several_tasks_each_line_once(reads: Reads) -> None:
    lines = [f"line {number}" for number in range(30_000)]
    (reads.directory / "a.txt").write_text("\n".join(lines))
    frame = reads.load("a.txt", max_partition_bytes="64KiB", open_cost_bytes="0")
    assert frame.rdd.getNumPartitions() >= 5
    assert sorted(row.value for row in frame.collect()) == sorted(lines)


def test_small_files_share_tasks(reads: Reads) -> None:
    for number in range(20):
        (reads.directory / f"{number}.txt").write_text(f"{number}\n")
    frame = reads.load()
    assert frame.rdd.getNumPartitions() < 20
    assert {row.value for row in frame.collect()} == {str(number) for number in range(20)}


def test_the_metadata_column_names_the_file_of_each_row(reads: Reads, sshd: SSHD) -> None:
    file = reads.directory / "a.txt"
    file.write_text("x\ny\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    [first, second] = reads.load("a.txt", metadata_column="_metadata").collect()
    assert (first.value, second.value, first._metadata) == ("x", "y", second._metadata)
    to = sshd.options()
    place = f"sftp://{to['username']}@{to['host']}:{to['port']}"
    assert first._metadata.file_path == f"{place}{file}"
    assert (first._metadata.file_name, first._metadata.file_size) == ("a.txt", 4)
    assert first._metadata.file_modification_time.timestamp() == 1_700_000_000


def test_a_path_that_is_not_there_is_an_error_that_says_so_before_any_task(reads: Reads) -> None:
    with pytest.raises(PySparkException, match=r"no such file.*/missing"):
        reads.load("missing").collect()


def test_all_mistakes_of_a_read_are_in_one_error(reads: Reads) -> None:
    with pytest.raises(PySparkException) as caught:
        reads.load(acess="once", max_partition_bytes="many", mode="STRICT").collect()
    for name in ("acess", "access", "max_partition_bytes", "mode"):
        assert name in str(caught.value)


@keeps_its_plan
def test_a_file_that_changed_after_the_plan_is_an_error_with_both_versions(reads: Reads) -> None:
    file = reads.directory / "a.txt"
    file.write_text("one\n")
    frame = reads.load("a.txt")
    assert frame.count() == 1
    file.write_text("one\ntwo\n")
    with pytest.raises(PySparkException, match=r"it had 4 bytes.*now it has 8 bytes.*load again"):
        frame.collect()
    assert reads.load("a.txt").count() == 2


@keeps_its_plan
def test_a_file_that_is_gone_is_left_out_only_if_that_was_asked_for(reads: Reads) -> None:
    for name in "ab":
        (reads.directory / f"{name}.txt").write_text(f"{name}\n")
    strict, lenient = reads.load(), reads.load(ignore_missing_files=True)
    assert (strict.count(), lenient.count()) == (2, 2)
    (reads.directory / "a.txt").unlink()
    with pytest.raises(PySparkException, match="it is gone"):
        strict.collect()
    assert [row.value for row in lenient.collect()] == ["b"]


def test_texts_without_a_time_zone_are_in_that_of_the_session(
    spark: SparkSession, reads: Reads
) -> None:
    (reads.directory / "a.csv").write_text("2024-07-01 12:00:00\n2024-07-01T12:00:00Z\n")
    before = spark.conf.get("spark.sql.session.timeZone")
    try:
        for zone, first in (("Asia/Tokyo", 3), ("America/New_York", 16), ("UTC", 12)):
            spark.conf.set("spark.sql.session.timeZone", zone)
            hours = "hour(convert_timezone('UTC', to_timestamp_ntz(cast(at AS STRING)))) AS hour"
            ours = reads.load("a.csv", schema="at TIMESTAMP")
            own = spark.read.schema("at TIMESTAMP").csv(str(reads.directory / "a.csv"))
            assert ours.selectExpr(hours).collect() == own.selectExpr(hours).collect()
            assert [row.hour for row in ours.selectExpr(hours).collect()] == [first, 12]
            fixed = reads.load("a.csv", schema="at TIMESTAMP", time_zone="UTC")
            assert {row.hour for row in fixed.selectExpr(hours).collect()} == {12}
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


def test_columns_and_names_are_chosen(reads: Reads) -> None:
    (reads.directory / "a.csv").write_text("id,name,amount\n1,one,2.5\n")
    (reads.directory / "b.txt").write_text("no csv\n")
    chosen = reads.load(
        header=True, infer_schema=True, columns="amount,id", path_glob_filter="*.csv"
    )
    assert chosen.dtypes == [("amount", "double"), ("id", "int")]
    assert [tuple(row) for row in chosen.collect()] == [(2.5, 1)]
    with pytest.raises(PySparkException, match="columns names total, but there are id, name"):
        reads.load("a.csv", header=True, columns="total").collect()


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_partitions_that_were_written_are_read_back_with_their_types(
    spark: SparkSession, reads: Reads, sshd: SSHD, name: str
) -> None:
    rows = [(1, "x/y=z", 7), (2, None, 8), (3, "x/y=z", 8)]
    frame = spark.createDataFrame(rows, "id INT, country STRING, day INT")
    writing = frame.write.format("sftp").options(**sshd.options()).option("format", name)
    writing.option("partition_by", "day,country").mode("append").save(str(reads.directory / "out"))
    schema = "id INT, day INT, country STRING"
    back = reads.load("out", schema=schema)
    own = spark.read.schema(schema).format(name).load(str(reads.directory / "out"))
    assert sorted(back.collect(), key=str) == sorted(own.collect(), key=str)
    assert {(row.id, row.country, row.day) for row in back.collect()} == set(rows)
    one = reads.load("out/day=8", base_path=str(reads.directory / "out"), format=name)
    assert one.count() == 2
    assert set(one.columns[1:]) == {"day", "country"}


def test_limit_reads_no_more_than_it_needs(spark: SparkSession, reads: Reads) -> None:
    register(spark)
    for number in range(4):
        (reads.directory / f"{number}.txt").write_text("a line of some length\n" * 50_000)
    frame = reads.load(max_partition_bytes="1MiB", open_cost_bytes="1MiB")
    assert frame.rdd.getNumPartitions() > 3
    assert [row.value for row in frame.limit(3).collect()] == ["a line of some length"] * 3
    summary = last_read()
    assert summary is not None
    assert summary.tasks_done < summary.tasks
    assert frame.count() == 200_000  # the workers and their connections are of further use


def test_a_view_in_sql_reads_as_a_dataframe_does(
    spark: SparkSession, reads: Reads, sshd: SSHD
) -> None:
    (reads.directory / "a.txt").write_text("x\ny\n")
    given = {**sshd.options(), "path": str(reads.directory / "a.txt")}
    options = ", ".join(f"{name} '{value}'" for name, value in given.items())
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW lines USING sftp OPTIONS ({options})")
    assert [row.value for row in spark.sql("SELECT * FROM lines ORDER BY value").collect()] == [
        "x",
        "y",
    ]


@keeps_its_plan
def test_a_view_that_was_planned_before_its_file_changed_says_so(
    spark: SparkSession, reads: Reads
) -> None:
    file = reads.directory / "a.txt"
    file.write_text("one\n")
    reads.load("a.txt").createOrReplaceTempView("before")
    assert spark.sql("SELECT * FROM before").count() == 1
    file.write_text("one\ntwo\n")
    with pytest.raises(PySparkException, match=r"it had 4 bytes.*now it has 8 bytes.*load again"):
        spark.sql("SELECT * FROM before").collect()


def test_a_view_in_sql_finds_its_columns_where_a_partition_has_the_name_of_one(
    spark: SparkSession, reads: Reads, sshd: SSHD
) -> None:
    (reads.directory / "b=7").mkdir()
    (reads.directory / "b=7" / "a.csv").write_text("a,b,c\n1,2,3\n")
    given = {**sshd.options(), "path": str(reads.directory), "header": "true"}
    options = ", ".join(f"{name} '{value}'" for name, value in given.items())
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW cells USING sftp OPTIONS ({options})")
    own = spark.read.option("header", True).csv(str(reads.directory))
    assert spark.table("cells").schema == own.schema
    assert spark.table("cells").collect() == own.collect()


def test_what_was_written_is_read_back_and_nothing_else_of_the_job(
    spark: SparkSession, reads: Reads, sshd: SSHD
) -> None:
    frame = spark.range(1000).selectExpr("id", "concat('n', id) AS name").repartition(3)
    target = str(reads.directory / "out")
    writing = frame.write.format("sftp").options(**sshd.options()).mode("append")
    writing.option("format", "json").option("manifest", True).option("success_file", True).save(
        target
    )
    before = snapshot(reads.directory)
    back = reads.load("out")
    assert sorted(back.collect()) == sorted(frame.collect())
    assert snapshot(reads.directory) == before


def test_the_summary_counts_what_was_read(spark: SparkSession, reads: Reads) -> None:
    register(spark)
    for name in "ab":
        (reads.directory / f"{name}.txt").write_text("x\n" * 50)
    (reads.directory / "_SUCCESS").touch()
    assert reads.load().count() == 100
    summary = last_read()
    assert summary is not None
    assert (summary.files, summary.rows, summary.bytes) == (2, 100, 200)
    assert summary.tasks_done == summary.tasks
    assert summary.files_left_out == 1
    assert summary.target == str(reads.directory)
    assert summary.ranges == 2


def test_the_summary_counts_a_file_once_that_several_tasks_share_and_says_what_was_exact(
    spark: SparkSession, reads: Reads
) -> None:
    register(spark)
    (reads.directory / "a.csv").write_text("1,x\n" * 5000 + '2,"y\n' * 5000)
    frame = reads.load(schema="n INT, t STRING", max_partition_bytes="10000", open_cost_bytes="0")
    tasks = frame.rdd.getNumPartitions()
    assert tasks >= 4
    assert frame.count() == 10_000
    summary = last_read()
    assert summary is not None
    assert (summary.files, summary.ranges, summary.tasks) == (1, tasks, tasks)
    assert summary.exact_share is not None
    assert 0 < summary.exact_share < 1
