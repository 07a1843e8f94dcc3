"""Run a streaming query as often as given; a script for `test_soak`.

Its first line says what query; each further one is `run`, with a number of partitions, or `stop`.
When the query has ended, it says with which error, if any.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import PySparkException

from tests.support.cluster import say
from tests.support.spark import start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


def put(inbox: Path, number: int, lines: Iterable[str]) -> None:
    """Give the query one more file, which makes one more micro-batch."""
    draft = inbox / f".{number}.draft"
    draft.write_text("".join(f"{line}\n" for line in lines))
    draft.rename(inbox / f"{number:04d}.csv")


def start_query(spark: SparkSession, asked: dict[str, Any], partitions: int) -> StreamingQuery:
    """Start it; it ends by itself when its input does."""
    frame = spark.readStream.schema("id long, text string").option("maxFilesPerTrigger", 1)
    return (
        frame.csv(asked["inbox"])
        .repartition(partitions)
        .writeStream.format("sftp")
        .options(**asked["options"])
        .option("checkpointLocation", asked["checkpoint"])
        .trigger(availableNow=True)
        .start(asked["target"])
    )


def report_end(query: StreamingQuery) -> None:
    try:
        query.awaitTermination()
    except PySparkException as error:
        say(error=str(error)[:4000])
    else:
        say(error=None)


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as directory:
        # Tasks are tried again, as on a cluster.
        spark = start_spark(Path(directory), master="local[2,3]")
        try:
            query: StreamingQuery | None = None
            for line in sys.stdin:
                command = json.loads(line)
                if command["do"] == "run":
                    query = start_query(spark, asked, command["partitions"])
                    threading.Thread(target=report_end, args=[query], daemon=True).start()
                elif query is not None:
                    query.stop()
        finally:
            spark.stop()


if __name__ == "__main__":
    main()
