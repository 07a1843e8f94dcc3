"""The memory of a task that reads Parquet or ORC does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import orc, parquet

pytestmark = pytest.mark.once

#: Bytes of a worker's memory that a read may take above one of a file with a single row. The files
#: are larger than that.
BOUND = 100 * 1024 * 1024

PROBE = """
import os, sys
import pyarrow as pa
pa.set_memory_pool(pa.system_memory_pool())
from sftp_async.formats import open_read_format
from sftp_async.options import SFTPOptions

class DiskFile:
    mtime = 0
    def __init__(self, path):
        self.path, self.size = path, os.path.getsize(path)
        self.file = os.open(path, os.O_RDONLY)
    def read_ranges(self, ranges):
        return [os.pread(self.file, stop - start, start) for start, stop in ranges]

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024

rows = 0
peaks = []
for path in sys.argv[2:]:
    options = SFTPOptions(host="h", username="u", password="p", format=sys.argv[1])
    file = DiskFile(path)
    schema = open_read_format(options, None).infer_schema([file])
    rows = 0
    for batch in open_read_format(options, schema).decode(file, 0, file.size):
        rows += batch.num_rows
        del batch
    peaks.append(peak())
print(rows, peaks[1] - peaks[0])
"""


ROWS = 1_500_000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    made = np.random.default_rng(1)
    columns: dict[str, Any] = {f"n{i}": made.integers(0, 2**62, ROWS) for i in range(12)}
    words = pa.array([f"{n:032d}" for n in range(1_000)])
    columns |= {f"t{i}": words.take(pa.array(made.integers(0, 1_000, ROWS))) for i in range(4)}
    return pa.table(columns)


def grown(form: str, small: Path, large: Path) -> tuple[int, int]:
    """Return the rows of the large file, and how much more memory it takes than the small one."""
    printed = subprocess.run(
        [sys.executable, "-c", PROBE, form, str(small), str(large)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows, more = map(int, printed.split())
    return rows, more


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "group_rows", [50_000, 1_500_000], ids=["many row groups", "one large row group"]
)
def test_memory_does_not_grow_with_a_parquet_file(
    tmp_path: Path, table: pa.Table, group_rows: int
) -> None:
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    parquet.write_table(table.slice(0, 1), small)
    parquet.write_table(table, large, row_group_size=group_rows, compression="snappy")
    assert large.stat().st_size > BOUND
    found, more = grown("parquet", small, large)
    assert found == ROWS
    print("more", more // 1024**2)
    assert more < BOUND


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("stripe", [8, 256], ids=["many stripes", "one large stripe"])
def test_memory_does_not_grow_with_an_orc_file(
    tmp_path: Path, table: pa.Table, stripe: int
) -> None:
    small, large = tmp_path / "small.orc", tmp_path / "large.orc"
    orc.write_table(table.slice(0, 1), small)
    orc.write_table(
        table,
        large,
        stripe_size=stripe * 1024 * 1024,
        dictionary_key_size_threshold=0.8,
        compression="snappy",
    )
    assert large.stat().st_size > BOUND
    found, more = grown("orc", small, large)
    assert found == ROWS
    print("more", more // 1024**2)
    assert more < BOUND
