"""Both directions once, on each PySpark: files written and read, a stream, and SQL views.

`tox` runs this file alone on the PySpark versions between the oldest and the newest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = "id BIGINT, name STRING, amount DECIMAL(12,2), day DATE, at TIMESTAMP"


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    """A thousand rows in four partitions, with a null in each column but the first."""
    return spark.range(1000, numPartitions=4).selectExpr(
        "id",
        "if(id % 7 = 0, null, concat('name, \"', id, '\"')) AS name",
        "if(id % 11 = 0, null, CAST(id / 4 AS DECIMAL(12,2))) AS amount",
        "if(id % 13 = 0, null, date_add(DATE'2020-02-28', CAST(id AS INT))) AS day",
        "if(id % 17 = 0, null, timestamp_micros(1600000000000000 + id * 1000001)) AS at",
    )


@pytest.mark.parametrize("kind", ["csv", "json", "xml", "parquet", "orc", "avro"])
def test_what_was_written_is_read_back(
    frame: DataFrame, spark: SparkSession, sshd: SSHD, remote_dir: Path, kind: str
) -> None:
    options = sshd.options() | {"format": kind}
    frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))
    assert len(list(remote_dir.iterdir())) == 4
    again = spark.read.format("sftp").options(**options).schema(COLUMNS).load(str(remote_dir))
    assert again.orderBy("id").collect() == frame.orderBy("id").collect()


def test_an_overwrite_replaces_one_exact_file_and_spark_reads_the_same_file(
    frame: DataFrame, spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    path = remote_dir / "all.csv.gz"
    path.write_bytes(b"what was there before")
    options = sshd.options() | {"header": "true"}
    frame.write.format("sftp").options(**options).mode("overwrite").save(str(path))
    assert [entry.name for entry in remote_dir.iterdir()] == [path.name]
    ours = spark.read.format("sftp").options(**options).schema(COLUMNS).load(str(path))
    sparks = spark.read.csv(str(path), header=True, schema=COLUMNS)
    assert ours.orderBy("id").collect() == sparks.orderBy("id").collect()
    assert ours.where("name IS NULL").count() == 143


def test_a_stream_writes_each_micro_batch_once(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    def run() -> None:
        lines = (
            spark.readStream.schema("id BIGINT").option("maxFilesPerTrigger", 1).json(str(inbox))
        )
        writer = lines.writeStream.format("sftp").options(**sshd.options(), format="json")
        writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))
        query = writer.trigger(availableNow=True).start(str(remote_dir))
        query.awaitTermination()

    for number in range(3):
        (inbox / f"{number}.json").write_text(json.dumps({"id": number}) + "\n")
    run()
    (inbox / "3.json").write_text(json.dumps({"id": 3}) + "\n")
    run()
    written = (
        spark.read.format("sftp").options(**sshd.options(), format="json").load(str(remote_dir))
    )
    assert sorted(row.id for row in written.collect()) == [0, 1, 2, 3]


def test_sql_views_write_and_read(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> None:
    options = sshd.options() | {"format": "csv", "header": "true", "path": str(remote_dir)}
    given = ", ".join(f"`{name}` '{value}'" for name, value in options.items())
    spark.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW partner (id BIGINT, name STRING) "
        f"USING sftp OPTIONS ({given})"
    )
    spark.sql("INSERT INTO partner VALUES (1, 'one'), (2, NULL)")
    spark.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW partner (id BIGINT, name STRING) "
        f"USING sftp OPTIONS ({given})"
    )
    rows = spark.sql("SELECT id, name FROM partner ORDER BY id").collect()
    assert [tuple(row) for row in rows] == [(1, "one"), (2, None)]
    spark.sql("DROP VIEW partner")
