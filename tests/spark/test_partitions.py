"""`partition_by` on OpenSSH compared with Spark's `partitionBy` on disk: the same tree and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

from sftp_async import SFTPDataSource, last_write, register
from sftp_async.spark.register import BATCH_LIMIT, OVERWRITE_MODE, with_listener
from tests.spark.memory_probe import COLUMNS as COLUMNS_OF_CSV
from tests.spark.memory_probe import probe
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MIB = 1024 * 1024

#: Every type that Spark partitions by and hands to Python, and values that are hard to name.
COLUMNS = {
    "text": ["'DE'", "''", "null", "'..'", "'a/b'", "'é ü'", "'a=b%3D'", "'tab\\there'", "' x '"],
    "hive": ["'__HIVE_DEFAULT_PARTITION__'"],
    "yes": ["true", "false", "null"],
    "byte": ["cast(-1 as tinyint)", "null"],
    "long": ["9223372036854775807L", "-9223372036854775808L"],
    "number": ["0.1D", "1e20D", "-0.0D", "double('NaN')", "double('Infinity')", "null", "1e-5D"],
    "single": ["cast(0.1 as float)", "cast(1e10 as float)", "float('-Infinity')"],
    "price": ["cast(-1.50 as decimal(10,2))", "cast(0 as decimal(10,2))", "null"],
    "scale": ["cast(0 as decimal(38,18))", "cast(0.000000000000000001 as decimal(38,18))"],
    "day": ["date'2024-05-01'", "date'0001-01-01'", "date'+12345-01-01'", "null"],
    "moment": [
        *("timestamp'2024-05-01 10:00:00'", "timestamp'2024-05-01 10:00:00.120'", "null"),
        *("timestamp'1890-01-01 00:00:00.000001'", "timestamp'2024-10-27 02:30:00'"),
        *("timestamp'9999-12-31 23:59:59.999999'", "timestamp'0001-01-01 00:00:00'"),
    ],
    "clock": ["timestamp_ntz'2024-05-01 10:00:00.5'", "timestamp_ntz'1890-01-01 00:00:00'"],
    "bytes": ["cast('a/b' as binary)", "null"],
    "wait": ["interval '1 02:03:04.5' day to second", "interval '-1 00:00:00' day to second"],
}


def column_of(spark: SparkSession, values: list[str]) -> DataFrame:
    """A frame of some rows for each value, in one Spark partition."""
    rows = " union all ".join(
        f"select {i} i, cast({value} as {type_of(spark, values)}) c"
        for i, value in enumerate(values)
    )
    return spark.sql(rows).crossJoin(spark.range(3)).coalesce(1)


def type_of(spark: SparkSession, values: list[str]) -> str:
    first = next(value for value in values if value != "null")
    return spark.sql(f"select {first} c").schema[0].dataType.simpleString()


def write(
    frame: DataFrame, server: SSHD, path: Path | str, mode: str = "append", **options: Any
) -> None:
    given = {**server.options(), **options}
    frame.write.format("sftp").options(**given).mode(mode).save(str(path))


def tree(directory: Path) -> dict[str, list[str]]:
    """The lines of each directory's files, those that begin with no dot or underscore."""
    found: dict[str, list[str]] = {}
    for path in directory.rglob("part-*"):
        lines = path.read_bytes().decode().split("\n")
        found.setdefault(str(path.parent.relative_to(directory)), []).extend(filter(None, lines))
    return {name: sorted(lines) for name, lines in found.items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_tree_is_that_of_sparks_own_writer(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, name: str
) -> None:
    frame = column_of(spark, COLUMNS[name])
    frame.write.partitionBy("c").csv(str(tmp_path / "spark"))
    write(frame, sshd, remote_dir, partition_by="c")
    ours = tree(remote_dir)
    assert ours == tree(tmp_path / "spark")
    assert sum(map(len, ours.values())) == 3 * len(COLUMNS[name])
    # One file for each value and task.
    assert len(list(remote_dir.rglob("part-*"))) == len(ours)


def test_several_columns_and_tasks_make_the_tree_of_sparks_own_writer(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    frame = spark.range(0, 2000, 1, 3).selectExpr(
        "id", "concat('c ', id % 7) Country", "id % 4 as month", "concat('row ', id) text"
    )
    frame.write.partitionBy("COUNTRY", "month").csv(str(tmp_path / "spark"))
    write(frame, sshd, remote_dir, partition_by="COUNTRY,month")
    assert tree(remote_dir) == tree(tmp_path / "spark")
    assert len(list(remote_dir.rglob("part-*"))) == 3 * 28
    assert (remote_dir / "COUNTRY=c 1" / "month=1").is_dir()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_spark_discovers_the_partitions_and_reads_the_rows_back(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, form: str
) -> None:
    frame = spark.range(0, 500, 1, 2).selectExpr(
        "id",
        "concat('row ', id) text",
        "if(id % 5 = 0, null, concat('a/b=', id % 5)) place",
        "date_add(date'2024-05-01', cast(id % 3 as int)) day",
    )
    write(frame, sshd, remote_dir, partition_by=["place", "day"], format=form, header=True)
    back = spark.read.format(form).schema(frame.schema).option("header", True)
    rows = back.load(str(remote_dir)).select(*frame.columns)
    assert sorted(map(str, rows.collect())) == sorted(map(str, frame.collect()))
    inferred = spark.read.format(form).option("header", True).load(str(remote_dir))
    assert dict(inferred.dtypes)["day"] == "date"


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_an_overwrite_leaves_what_sparks_own_overwrite_leaves(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, mode: str
) -> None:
    def frame(first: int, values: str) -> DataFrame:
        rows = spark.range(first, first + 100, 1, 2)
        return rows.selectExpr("id", f"element_at(array({values}), cast(id % 2 as int) + 1) c")

    before, after = frame(0, "'a', 'b'"), frame(1000, "'b', 'x'")
    before.write.partitionBy("c").csv(str(tmp_path / "spark"))
    after.write.option("partitionOverwriteMode", mode).partitionBy("c").mode("overwrite").csv(
        str(tmp_path / "spark")
    )
    write(before, sshd, remote_dir, partition_by="c")
    write(after, sshd, remote_dir, "overwrite", partition_by="c", partitionOverwriteMode=mode)
    assert tree(remote_dir) == tree(tmp_path / "spark")
    directories = {path.name for path in remote_dir.iterdir()}
    assert directories == ({"c=b", "c=x"} if mode == "static" else {"c=a", "c=b", "c=x"})


@pytest.fixture
def registered(spark: SparkSession) -> Iterator[SparkSession]:
    """The tests' session as `register` leaves it; afterwards as it was."""
    before = spark.conf.get(BATCH_LIMIT, None)
    register(spark)
    yield spark
    spark.conf.unset(OVERWRITE_MODE)
    spark.conf.unset(BATCH_LIMIT)
    if before is not None:
        spark.conf.set(BATCH_LIMIT, before)
    spark.dataSource.register(SFTPDataSource)


def test_an_overwrite_follows_the_setting_that_the_registered_session_has_now(
    registered: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = registered.range(0, 12, 1, 1).selectExpr("id", "id % 3 c")
    one = frame.where("c = 1")
    write(frame, sshd, remote_dir, partition_by="c")
    registered.conf.set(OVERWRITE_MODE, "DYNAMIC")
    write(one, sshd, remote_dir, "overwrite", partition_by="c")
    assert set(tree(remote_dir)) == {"c=0", "c=1", "c=2"}
    done = last_write()
    assert done is not None
    assert (done.files, done.files_replaced, done.files_removed) == (1, 0, 1)

    other = registered.newSession()
    register(other)
    register(registered)
    registered.conf.set(OVERWRITE_MODE, "static")
    other.conf.set(OVERWRITE_MODE, "dynamic")
    write(one, sshd, remote_dir, "overwrite", partition_by="c", partition_overwrite_mode="dynamic")
    assert set(tree(remote_dir)) == {"c=0", "c=1", "c=2"}
    write(one, sshd, remote_dir, "overwrite", partition_by="c")
    assert set(tree(remote_dir)) == {"c=1"}
    done = last_write()
    assert done is not None
    assert done.files_removed == 3


def test_without_a_listener_the_setting_of_the_time_of_register_counts(
    registered: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = registered.range(0, 12, 1, 1).selectExpr("id", "id % 3 c")
    write(frame, sshd, remote_dir, partition_by="c")
    registered.dataSource.register(with_listener(None, mode="dynamic"))
    write(frame.where("c = 1"), sshd, remote_dir, "overwrite", partition_by="c")
    assert set(tree(remote_dir)) == {"c=0", "c=1", "c=2"}


def test_an_empty_dataframe_writes_nothing(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    write(spark.range(0).selectExpr("id", "'x' c"), sshd, remote_dir, partition_by="c")
    assert list(remote_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("array(1)", "'c' of type list"),
        ("map('a', 1)", "'c' of type map"),
        ("named_struct('a', 1)", "'c' of type struct"),
        ("null", "'c' of type null"),
        ("'a' collate UTF8_LCASE", "'c' of type string collate UTF8_LCASE"),
    ],
)
def test_what_spark_does_not_partition_by_is_refused_before_any_task(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, expression: str, what: str
) -> None:
    frame = spark.range(1).selectExpr("id", f"{expression} c")
    with pytest.raises(PySparkException):
        frame.write.partitionBy("c").json(str(tmp_path / "spark"))
    with pytest.raises(PySparkException, match=what.replace("(", r"\(")):
        write(frame, sshd, remote_dir, partition_by="c", format="json")
    assert list(remote_dir.iterdir()) == []


def test_a_value_that_makes_no_directory_fails_the_job_and_leaves_nothing(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.range(100).selectExpr("id", "repeat('x', cast(id * 10 as int)) c").coalesce(1)
    with pytest.raises(PySparkException, match="'c' makes no directory"):
        write(frame, sshd, remote_dir, partition_by="c")
    assert list(remote_dir.iterdir()) == []


def test_a_stream_writes_partitions_too(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    source = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 50).load()
    for _ in range(2):
        query = (
            source.withColumn("c", F.col("value") % 3)
            .writeStream.format("sftp")
            .options(**sshd.options(), partition_by="c")
            .option("checkpointLocation", str(tmp_path / "checkpoint"))
            .trigger(availableNow=True)
            .start(str(remote_dir))
        )
        query.awaitTermination()
    found = tree(remote_dir)
    assert set(found) == {"c=0", "c=1", "c=2"}
    numbers = sorted(int(line.rpartition(",")[2]) for lines in found.values() for line in lines)
    assert numbers == list(range(100))


@pytest.mark.one_python
def test_five_thousand_values_in_one_task_cost_bounded_memory_and_logins(
    spark: SparkSession, start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    server = start_sshd()
    rows, values = 600_000, 5000
    options = {**server.options(), "partition_by": "value", "max_connections": 2}
    figures = probe(spark, options, remote_dir, rows, [*COLUMNS_OF_CSV, f"id % {values} as value"])
    counted = 0
    for number in range(values):
        (file,) = (remote_dir / "big" / f"value={number}").iterdir()
        ids = [int(line.split(b",", 1)[0]) for line in file.open("rb")]
        assert ids == list(range(number, rows, values))
        counted += len(ids)
    assert len(list((remote_dir / "big").iterdir())) == values
    rise = figures["big_peak"] - figures["empty_peak"]
    print(f"{counted:,} rows, {figures['seconds']:.1f} s; rise {rise / MIB:.1f} MiB")
    print(f"{server.logins()} logins")
    assert counted == rows
    assert 0 < rise <= 200 * MIB
    # Driver, worker and committer: two connections each at most.
    assert server.logins() <= 6
