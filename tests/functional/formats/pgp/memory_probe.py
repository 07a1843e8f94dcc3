"""Print the peak memory of an encrypted write or read: a process of its own, as a peak never falls.

Reads one JSON object on stdin: `work` (`write` or `read`), `options`, and `mib` of text to write.
Prints one: the peaks of this process and of the one that encrypts or decrypts, in bytes, the rows
and the seconds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, scan_of
from sftp_async.read.task import read_task
from tests.support.jobs import LINES, real_job
from tests.support.sshd import descendants

REPOSITORY = Path(__file__).parents[4]
#: Bytes of a line, with its end.
_LINE = 128


def probe(**asked: Any) -> dict[str, Any]:
    """Run this script; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.functional.formats.pgp.memory_probe"],
        input=json.dumps(asked),
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


class _Peaks:
    def __init__(self) -> None:
        self.other = 0

    def look(self) -> None:
        """Take the peak of the other process so far."""
        this = os.getpid()
        others = [_peak(pid) for pid in descendants(this) if pid != this]
        self.other = max([self.other, *others])


def _peak(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _write(options: dict[str, Any], mib: int, peaks: _Peaks) -> int:
    rows = 1024 * 1024 // _LINE

    lines = [os.urandom(60).hex() + f"{row:07d}" for row in range(rows)]
    batch = pa.record_batch([pa.array(lines)], schema=LINES)

    def batches() -> Iterator[pa.RecordBatch]:
        peaks.look()
        for number in range(mib):
            yield batch
            if number % 8 == 0 or number == mib - 1:
                peaks.look()

    path = options.pop("path")
    job = real_job(options, path, overwrite=True).prepare()
    parts = job.write(0, batches())[0]
    job.commit(parts)
    return sum(part.rows for part in parts)


def _read(options: dict[str, Any], peaks: _Peaks) -> int:
    rows = 0
    asked, listing = list_scan(SFTPOptions(**options, format="text"))
    scan, tasks = scan_of(asked, listing, pa.schema([("value", pa.string())]))
    for task in tasks:
        for number, batch in enumerate(read_task(scan, task)):
            rows += len(batch)
            if number % 8 == 0:
                peaks.look()
    return rows


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    peaks = _Peaks()
    started = time.monotonic()
    if asked["work"] == "write":
        rows = _write(asked["options"], asked["mib"], peaks)
    else:
        rows = _read(asked["options"], peaks)
    figures = {
        "this": _peak(os.getpid()),
        "other": peaks.other,
        "rows": rows,
        "seconds": time.monotonic() - started,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
