"""Measures what one big partition adds to a Python worker's peak memory: `probe`.

A peak never goes down: what a worker has done for other tests would hide what a write needs. So the
workers that wait are killed first, and Spark's Python daemons fork others.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftp_async import SFTPDataSource
from tests.support.cluster import until
from tests.support.sshd import descendants

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

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


def probe(
    spark: SparkSession,
    options: Mapping[str, Any],
    target: Path,
    rows: int,
    columns: Sequence[str] = COLUMNS,
) -> dict[str, float]:
    """Write an empty partition, then a big one; returns the peaks in bytes, and the seconds."""
    session = spark.newSession()  # settings of other tests do not reach it
    session.dataSource.register(SFTPDataSource)

    def write(frame: DataFrame, name: str) -> None:
        frame.write.format("sftp").options(**options).mode("append").save(str(target / name))

    end_workers()
    write(session.range(0, 0, 1, 1).selectExpr(*columns), "empty")
    empty_peak = worker_peak()
    assert empty_peak > 0
    started = time.monotonic()
    write(session.range(0, rows, 1, 1).selectExpr(*columns), "big")
    seconds = time.monotonic() - started
    return {"empty_peak": empty_peak, "big_peak": worker_peak(), "seconds": seconds}


def end_workers() -> None:
    """Kill the workers that Spark's Python daemons keep, and wait until they are gone."""
    ended = workers()
    for worker in ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    until(lambda: not any(map(peak, ended)))


def worker_peak() -> int:
    """VmHWM, in bytes, of the Python worker that has needed most so far."""
    return max(map(peak, workers()), default=0)


def workers() -> set[int]:
    """Return what Spark's Python daemons have forked; a daemon itself may have needed more."""
    daemons = [pid for pid in descendants(os.getpid()) if peak(pid)]
    return {worker for daemon in daemons for worker in descendants(daemon)}


def peak(pid: int) -> int:
    process = Path("/proc", str(pid))
    try:
        if not re.search(rb"pyspark[./](daemon|worker)", (process / "cmdline").read_bytes()):
            return 0
        found = re.search(r"^VmHWM:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE)
    except FileNotFoundError:  # it has just ended
        return 0
    return int(found[1]) * 1024 if found else 0
