"""Stream from one SFTP server to another until killed; a script for `test_stream_kills`.

Its first line says what query. One that fails is started again, with a word about why.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import PySparkException

from tests.support.cluster import say
from tests.support.spark import start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


def start_query(spark: SparkSession, asked: dict[str, Any]) -> StreamingQuery:
    return (
        spark.readStream.format("sftp")
        .options(**asked["source"])
        .schema("value string")
        .load(asked["inbox"])
        .writeStream.format("sftp")
        .options(**asked["target"])
        .option("checkpointLocation", asked["checkpoint"])
        .start(asked["outbox"])
    )


def failure(query: StreamingQuery, to_end: threading.Event) -> str | None:
    """Run a query until it fails, or has read all that is there after it was asked to end."""
    try:
        while not to_end.is_set():
            query.awaitTermination(1)
        query.processAllAvailable()
    except PySparkException as error:
        return str(error)[:4000]
    query.stop()
    return None


def read_to_end(
    spark: SparkSession, asked: dict[str, Any], to_end: threading.Event
) -> Iterator[str]:
    """Start the query again whenever it fails, until it has ended twice; yields the failures.

    The second one replays the last batch, and finds nothing new.
    """
    for _ in range(2):
        while error := failure(start_query(spark, asked), to_end):
            yield error


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as directory:
        # Tasks are tried again, as on a cluster.
        spark = start_spark(Path(directory), master="local[2,3]")
        for error in read_to_end(spark, asked, threading.Event()):
            say(error=error)


if __name__ == "__main__":
    main()
