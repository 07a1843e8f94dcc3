"""A partition far larger than the buffers costs a worker little more memory than an empty one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.spark import REPOSITORY, require_java
from tests.support.sshd import SSHD

ROWS = 5_000_000
MIB = 1024 * 1024


@pytest.mark.spark
@pytest.mark.one_python
def test_a_gigabyte_in_one_partition_raises_the_workers_peak_by_at_most_200_mib(
    sshd: SSHD, remote_dir: Path
) -> None:
    require_java()
    asked = {"options": sshd.options(), "target": str(remote_dir), "rows": ROWS}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.spark.memory_probe"],
            input=json.dumps(asked),  # never on the command line: there is a key in it
            cwd=REPOSITORY,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        figures = json.loads(done.stdout)
        (file,) = (remote_dir / "big").iterdir()
        size = file.stat().st_size
        with file.open("rb") as lines:
            blocks = iter(lambda: lines.read(MIB), b"")
            rows = sum(block.count(b"\n") for block in blocks)
    finally:
        shutil.rmtree(remote_dir)
    rise = figures["big_peak"] - figures["empty_peak"]
    print(f"{rows:,} rows, {size:,} bytes, {figures['seconds']:.1f} s; rise {rise / MIB:.1f} MiB")
    assert rows == ROWS
    assert size > 900_000_000
    assert figures["empty_peak"] > 0
    assert 0 < rise <= 200 * MIB
