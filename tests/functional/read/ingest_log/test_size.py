"""What a stream's state costs when it has many files: memory at a start, and time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.listing import FoundFile

pytestmark = pytest.mark.once

FILES = 1000
NAME = "/in/partner/orders/2026/11/30/country=DE/orders-{:05d}-{:05d}.csv.gz"

START = """
import json, sys, time
from pathlib import Path
import sftp_async.spark.datasource
from sftp_async.read.ingest_log.log import IngestLog

def peak():  # ru_maxrss has the memory of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before, begin = peak(), time.perf_counter()
log = IngestLog.open(sys.argv[1], "source")
seconds = time.perf_counter() - begin
print(json.dumps({
    "files": len(log.known), "seconds": seconds, "before": before, "peak": peak(),
    "last": log.known.version_state(log.batch(log.last_batch).files[-1].path, 999, 1_800_000_000),
}))
"""


def make_log(location, batches):
    log = IngestLog.open(str(location), "source")
    for number in range(1, batches + 1):
        files = (
            FoundFile(NAME.format(number, file), file, 1_800_000_000, ("DE",))
            for file in range(FILES)
        )
        log.append(LoggedBatch(number, tuple(files), ("country",)))


def start(location):
    """Open the log in a process of its own; return what that took, sizes in KiB."""
    command = [sys.executable, "-c", START, str(location)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(output)


def test_a_start_takes_memory_for_the_versions_and_not_for_the_names(tmp_path):
    batches = 150
    make_log(tmp_path, batches)
    found = start(tmp_path)
    assert (found["files"], found["last"]) == (batches * FILES, "known")
    names = batches * FILES * len(NAME) // 1024
    assert found["peak"] - found["before"] < 2 * names


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_million_files_in_a_thousand_batches_are_loaded_in_10_seconds_and_300_mib(tmp_path):
    make_log(tmp_path, 1000)
    found = start(tmp_path)
    size = sum(file.stat().st_size for file in tmp_path.rglob("*"))
    print({**found, "bytes": size, "number": len(list(tmp_path.rglob("*")))})
    assert (found["files"], found["last"]) == (1_000_000, "known")
    assert found["peak"] < 300 * 1024
    assert found["seconds"] < 10
