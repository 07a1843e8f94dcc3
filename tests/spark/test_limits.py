"""Limits of a whole job in a real Spark: one connection for all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async import SFTPDataSource
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.guests import counting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


def test_all_tasks_of_a_write_and_of_a_read_and_the_driver_share_one_connection(
    session: SparkSession, embedded_server: EmbeddedServer
) -> None:
    counted = counting(embedded_server)
    options = {**embedded_server.options(), "max_total_connections": "1", "format": "csv"}

    frame = session.range(0, 6_000, 1, numPartitions=6)
    frame.write.format("sftp").options(**options).mode("append").save("/out")
    assert len(list(Path(embedded_server.root, "out").glob("part-*"))) == 6

    options |= {"split": "false", "max_partition_bytes": "1"}
    read = session.read.format("sftp").options(**options).schema("id BIGINT").load("/out")
    assert sorted(row.id for row in read.collect()) == list(range(6_000))

    # Each task reads and writes at once.
    read.write.format("sftp").options(**options).mode("append").save("/copy")
    copied = Path(embedded_server.root, "copy").glob("part-*")
    assert sum(len(file.read_text().split()) for file in copied) == 6_000

    assert counted.most == 1


@pytest.mark.parametrize("limit", [1, 2])
def test_a_stream_from_a_server_to_the_same_goes_on_and_never_opens_more(
    session: SparkSession, embedded_server: EmbeddedServer, tmp_path: Path, limit: int
) -> None:
    counted = counting(embedded_server)
    inbox = Path(embedded_server.root, "in")
    inbox.mkdir()
    options = {**embedded_server.options(), "max_total_connections": str(limit), "format": "text"}
    # It looks at the server and deletes what was read while its micro-batches run.
    options |= {"stable_for": "0", "max_files_per_trigger": "2", "clean_source": "delete"}
    rows = session.readStream.format("sftp").options(**options).schema("value STRING").load("/in")
    query = (
        rows.writeStream.format("sftp")
        .options(**embedded_server.options(), max_total_connections=limit, format="text")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .start("/copy")
    )
    expected = []
    try:
        for number in range(3):
            expected.append(f"row {number}")
            (inbox / f".{number}").write_text(f"row {number}\n")
            (inbox / f".{number}").rename(inbox / f"{number}.txt")
            if number != 1:
                query.processAllAvailable()
    finally:
        query.stop()
    copied = Path(embedded_server.root, "copy").glob("part-*")
    assert sorted(line for file in copied for line in file.read_text().splitlines()) == expected
    assert counted.most <= limit


def test_a_limit_that_cannot_be_held_without_register_is_refused(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    spark.dataSource.register(SFTPDataSource)
    options = {**embedded_server.options(), "max_total_connections": "1"}
    with pytest.raises(Exception, match=r"Call sftp_async.register\(spark\)"):
        spark.range(1).write.format("sftp").options(**options).mode("append").save("/out")
