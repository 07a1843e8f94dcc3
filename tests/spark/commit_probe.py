"""Write two batches and a micro-batch to each of some servers; a script for `test_kills`.

All are written at once, up to their commits. Before that it runs the streaming queries over what is
there already, and waits for a line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.spark.soak_probe import start_query
from tests.support.cluster import say
from tests.support.spark import start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

#: Modes of the batch writes, and names of their targets.
MODES = ("append", "overwrite")
ROWS = 300
PARTITIONS = 3


def write(spark: SparkSession, options: dict[str, str], mode: str, partitions: int) -> None:
    """Do the job of one mode; the same job, however often it is asked for."""
    frame = spark.range(0, ROWS, 1, partitions).selectExpr("id", "concat('row ', id) AS text")
    writer = frame.write.format("sftp").options(**options, job_key="tonight")
    writer.mode(mode).save(f"/{mode}")


def write_in_a_thread(spark: SparkSession, options: dict[str, str], mode: str) -> None:
    spark.createDataFrame([], "id long")  # makes the session known to this thread
    try:
        write(spark, options, mode, PARTITIONS)
    except Exception as error:  # noqa: BLE001 - the test shows it
        say(mode=mode, error=str(error))


def main() -> None:
    asked: list[dict[str, Any]] = json.loads(sys.stdin.readline())["servers"]
    with tempfile.TemporaryDirectory() as directory:
        spark = start_spark(Path(directory))
        await_all([start_query(spark, each, PARTITIONS) for each in asked])
        say(ready=True)
        sys.stdin.readline()
        batches = [
            threading.Thread(target=write_in_a_thread, args=[spark, each["options"], mode])
            for each in asked
            for mode in MODES
        ]
        for batch in batches:
            batch.start()
        await_all([start_query(spark, each, PARTITIONS) for each in asked])
        for batch in batches:
            batch.join()
        spark.stop()


def await_all(queries: list[StreamingQuery]) -> None:
    for query in queries:
        query.awaitTermination()


if __name__ == "__main__":
    main()
