"""Reads a file as one task would, in a process of its own, and says what memory that took.

Standard input has a JSON document: the options, and the columns as names and Arrow types. Standard
output gets the number of rows, and the process's peak in bytes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pyarrow as pa

from sftp_async.options import SFTPOptions
from sftp_async.read.scan import plan_scan
from sftp_async.read.task import read_task


def main() -> None:
    asked = json.load(sys.stdin)
    types = {name: pa.type_for_alias(kind) for name, kind in asked["columns"].items()}
    scan, tasks, _ = plan_scan(SFTPOptions(**asked["options"]), pa.schema(list(types.items())))
    rows = sum(len(batch) for task in tasks for batch in read_task(scan, task))
    print(json.dumps({"rows": rows, "peak": peak(), "tasks": len(tasks)}))


def peak() -> int:
    """Return VmHWM in bytes: what getrusage reports includes the process that began it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
