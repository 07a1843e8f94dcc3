"""Write two batches and a micro-batch at once, up to their commits; a script for `test_kills`.

Before that it runs the streaming query over what is there already, and waits for a line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.spark.soak_probe import start_query
from tests.support.cluster import say
from tests.support.spark import start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
    asked = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as directory:
        spark = start_spark(Path(directory))
        start_query(spark, asked, PARTITIONS).awaitTermination()
        say(ready=True)
        sys.stdin.readline()
        batches = [
            threading.Thread(target=write_in_a_thread, args=[spark, asked["options"], mode])
            for mode in MODES
        ]
        for batch in batches:
            batch.start()
        start_query(spark, asked, PARTITIONS).awaitTermination()
        for batch in batches:
            batch.join()
        spark.stop()


if __name__ == "__main__":
    main()
