"""Stream from one SFTP server to another until asked to stop; a script for `test_stream_kills`.

Its first line says what query. One that fails is started again, with a word about why. A further
line makes it read all that is there, say so, do the same once more, and end.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
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


def run(query: StreamingQuery, to_end: threading.Event) -> bool:
    """Run a query until it fails, or has read all that is there after it was asked to end."""
    try:
        while not to_end.is_set():
            query.awaitTermination(1)
        query.processAllAvailable()
    except PySparkException as error:
        say(error=str(error)[:4000])
        return False
    query.stop()
    say(done=True)
    return True


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as directory:
        # Tasks are tried again, as on a cluster.
        spark = start_spark(Path(directory), master="local[2,3]")
        to_end = threading.Event()

        def listen() -> None:
            if sys.stdin.readline():
                to_end.set()

        threading.Thread(target=listen, daemon=True).start()
        for _ in range(2):  # the second query replays the last batch, and finds nothing new
            while not run(start_query(spark, asked), to_end):
                pass
        spark.stop()


if __name__ == "__main__":
    main()
