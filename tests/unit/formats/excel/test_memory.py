"""Memory of a large sheet: neither a write's nor a read's grows with the rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[4]
MIB = 1024**2
#: Writes a sheet of five columns, reads it, and prints the rise of the peak for each, in bytes.
PROBE = """
import datetime as dt, sys, tempfile
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
import pyarrow as pa
from sftp_async.formats import open_format, open_read_format
from sftp_async.options import FormatOptions
from tests.support.read_probe import peak

rows = 10_000
batch = pa.record_batch({
    "id": pa.array(range(rows)),
    "name": [f"name {number}" for number in range(rows)],
    "price": pa.array([Decimal(number) / 4 for number in range(rows)], pa.decimal128(12, 2)),
    "day": pa.array([number % 3000 + 18000 for number in range(rows)], pa.date32()),
    "paid": [number % 2 == 0 for number in range(rows)],
})
options = FormatOptions(format="excel")
form = open_format(options, batch.schema)

def write(batches, path):
    part = form.open()
    with open(path, "wb") as out:
        for _ in range(batches):
            part.encode(batch)
        for piece in part.tail():
            out.write(piece)

class File:
    def __init__(self, path):
        self.path, self.size, self.mtime = str(path), path.stat().st_size, 0.0
    @contextmanager
    def chunks(self, start, stop):
        with open(self.path, "rb") as file:
            yield iter(lambda: file.read(1 << 20), b"")

def read(path):
    file = File(path)
    reading = open_read_format(options, batch.schema)
    return sum(len(part) for part in reading.decode(file, 0, file.size))

with tempfile.TemporaryDirectory() as directory:
    small, large = Path(directory, "small.xlsx"), Path(directory, "large.xlsx")
    write(1, small)
    read(small)
    before = peak()
    write(int(sys.argv[1]), large)
    after = peak()
    assert read(large) == int(sys.argv[1]) * rows
    print(after - before, peak() - before)
"""


def rises(batches: int) -> tuple[int, int]:
    """Return how far a write and a read of so many times 10,000 rows raise the peak, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(batches)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    write, read = map(int, done.stdout.split())
    return write, read


def test_neither_a_write_nor_a_read_takes_more_memory_for_more_rows() -> None:
    write, read = rises(24)  # 50 MiB of XML, which are read in windows
    assert write < 8 * MIB
    assert read < 64 * MIB


@pytest.mark.soak
def test_a_million_rows_take_the_memory_that_the_page_states() -> None:
    write, read = rises(100)
    assert write < 32 * MIB
    assert read < 64 * MIB
