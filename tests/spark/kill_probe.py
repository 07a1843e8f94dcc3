"""Write on a small cluster, parts of which are killed meanwhile; a script for `test_kills`.

Its first line is `conf`, each further one a write; it answers with the task attempts that failed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark import TaskContext

from tests.support.cluster import say, start_cluster

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

#: Far more than the start of a speculative attempt takes; a test that waits so long has failed.
PATIENCE = 90


def with_a_speculative_attempt(
    directory: str,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Leave a file for each task attempt; the first one of partition 0 waits for that of
    its speculative attempt.

    The others wait for that of the first: one that ends before the first has begun would
    leave nothing to be shown.
    """

    def pass_on(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        assert context is not None
        attempt = f"{context.partitionId()}-{context.attemptNumber()}"
        Path(directory, attempt).touch()
        awaited = Path(directory, "0-1" if attempt == "0-0" else "0-0")
        for batch in batches:
            yield batch
            deadline = time.monotonic() + PATIENCE
            while not awaited.exists():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"attempt {awaited.name} was not started")
                time.sleep(0.05)

    return pass_on


def write(spark: SparkSession, asked: dict[str, Any]) -> None:
    frame = spark.range(0, asked["rows"], 1, asked["partitions"]).selectExpr(
        "id", "repeat(hex(xxhash64(id)), 8) AS text"
    )
    # Spark looks it up for each set of tasks.
    quantile = "0.5" if asked.get("attempts") else "1.0"
    context: Any = spark.sparkContext
    context._jsc.sc().conf().set("spark.speculation.quantile", quantile)
    if asked.get("attempts"):
        frame = frame.mapInArrow(with_a_speculative_attempt(asked["attempts"]), frame.schema)
    frame.write.format("sftp").options(**asked["options"]).mode("append").save(asked["target"])


def failed_attempts(spark: SparkSession, group: str) -> int:
    context: Any = spark.sparkContext
    context._jsc.sc().listenerBus().waitUntilEmpty()
    tracker = context.statusTracker()
    stages = [
        s for job in tracker.getJobIdsForGroup(group) for s in tracker.getJobInfo(job).stageIds
    ]
    return sum(tracker.getStageInfo(stage).numFailedTasks for stage in stages)


def main() -> None:
    first = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as directory:
        spark = start_cluster(Path(directory), first["conf"])
        try:
            for line in sys.stdin:
                asked = json.loads(line)
                spark.sparkContext.setJobGroup(asked["target"], "a write")
                write(spark, asked)
                say(failed=failed_attempts(spark, asked["target"]))
        finally:
            spark.stop()


if __name__ == "__main__":
    main()
