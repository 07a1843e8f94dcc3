"""Measure what one big partition adds to a Python worker's peak memory: `probe`, and its script.

Reads one JSON object on stdin (`options`, `target`, `rows`; `more` options, `columns` besides the
usual ones, or `select` for others) and prints one on stdout. It is a process of its own, with a
Spark of its own, because a peak never goes down: what a worker did for other tests before would
hide what this write needs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.spark import REPOSITORY, require_java, start_spark
from tests.support.sshd import descendants

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: About 200 bytes of CSV a row: numbers, moments, nulls, texts with and without repetition.
COLUMNS = (
    "id",
    "id / 7.0D as ratio",
    "timestamp_micros(1700000000000000 + id * 1000003) as moment",
    "concat('customer ', id, ' of ', id % 1000) as customer",
    """if(id % 10 = 0, null, 'with a comma, and with "quotes" in it') as note""",
    "concat_ws('-', hex(xxhash64(id)), hex(xxhash64(id, 1)), hex(xxhash64(id, 2))) as trace",
    "hex(xxhash64(id, 3)) as token",
)


def probe(asked: dict[str, Any]) -> dict[str, Any]:
    """Run this script; returns what it prints."""
    require_java()
    done = subprocess.run(
        [sys.executable, "-m", "tests.spark.memory_probe"],
        input=json.dumps(asked),  # never on the command line: there is a key in it
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    assert figures["empty_peak"] > 0
    return figures


def worker_peak() -> int:
    """VmHWM, in bytes, of the Python worker that has needed most so far."""
    return max(map(peak, descendants(os.getpid())))


def peak(pid: int) -> int:
    process = Path("/proc", str(pid))
    try:
        if not re.search(rb"pyspark[./](daemon|worker)", (process / "cmdline").read_bytes()):
            return 0
        found = re.search(r"^VmHWM:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE)
    except FileNotFoundError:  # it has just ended
        return 0
    return int(found[1]) * 1024 if found else 0


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    target = Path(asked["target"])

    def write(frame: DataFrame, name: str) -> None:
        path = str(target / name)
        given = asked["options"] | asked.get("more", {})
        frame.write.format("sftp").options(**given).mode("append").save(path)

    columns = asked.get("select") or [*COLUMNS, *asked.get("columns", [])]

    with tempfile.TemporaryDirectory() as directory:
        spark = start_spark(Path(directory))
        try:
            write(spark.range(0, 0, 1, 1).selectExpr(*columns), "empty")
            empty_peak = worker_peak()
            started = time.monotonic()
            write(spark.range(0, asked["rows"], 1, 1).selectExpr(*columns), "big")
            seconds = time.monotonic() - started
            figures = {"empty_peak": empty_peak, "big_peak": worker_peak(), "seconds": seconds}
        finally:
            spark.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
