"""Spark gets no row of a file that is not what its control records state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

SCHEMA = "id BIGINT, price DECIMAL(12,2)"
RECORDS = {
    "header": "true",
    "header_lines": "HDR|{name}|{now:%Y%m%d}",
    "footer_lines": "TRL|{rows:08d}|{sum(price):015.2f}|{sha256}",
}


def test_partitions_in_one_exact_file_are_read_back_and_a_wrong_trailer_is_named(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    options = sshd.options() | RECORDS
    frame = spark.range(1000).selectExpr("id", "CAST(id AS DECIMAL(12,2)) / 4 AS price")
    frame = frame.selectExpr("id", "CAST(price AS DECIMAL(12,2)) AS price").repartition(4)
    path = f"{remote_dir}/orders.csv"
    frame.write.format("sftp").options(**options).mode("overwrite").save(path)
    reader = spark.read.format("sftp").options(**options).schema(SCHEMA)
    assert sorted(reader.load(path).collect()) == sorted(frame.collect())

    # The same file is read by a stream.
    arriving = spark.readStream.format("sftp").options(**options, stable_for="0").schema(SCHEMA)
    query = (
        arriving.load(str(remote_dir))
        .writeStream.format("memory")
        .queryName("verified")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    assert spark.table("verified").count() == 1000

    file = remote_dir / "orders.csv"
    file.write_text(file.read_text().replace("TRL|00001000", "TRL|00001001"))
    with pytest.raises(Exception, match="ControlRecordError") as caught:
        # Not even an action that one row is enough for gets one.
        reader.load(path).limit(1).collect()
    message = str(caught.value)
    assert "rows is '00001001'" in message
    assert "the file has '00001000'" in message
    assert path in message
