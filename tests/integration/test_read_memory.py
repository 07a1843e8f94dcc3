"""A task's memory does not grow with its file, in any format."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

#: Most memory that reading a large file may take over reading a small one.
BOUND = 150 * 1024**2
COLUMNS = {"id": "int64", "amount": "double", "name": "string"}
#: Rows of a block, which is repeated.
BLOCK = 20_000


def block() -> pa.Table:
    numbers, random = range(BLOCK), Random(17)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "amount": pa.array([number * 0.25 for number in numbers]),
            "name": pa.array([f"row {number}, {random.randbytes(10).hex()}" for number in numbers]),
        }
    )


def texts(line: str) -> bytes:
    rows = block().to_pylist()
    return "".join(line.format(**row) for row in rows).encode()


def write_text(path: Path, line: str, blocks: int, head: bytes = b"", tail: bytes = b"") -> None:
    content = texts(line)
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wb") as file:
        file.write(head)
        for _ in range(blocks):
            file.write(content)
        file.write(tail)


def csv(path: Path, blocks: int) -> None:
    write_text(path, '{id},{amount},"{name}"\n', blocks)


def json_lines(path: Path, blocks: int) -> None:
    write_text(path, '{{"id":{id},"amount":{amount},"name":"{name}"}}\n', blocks)


def xml(path: Path, blocks: int) -> None:
    line = "<ROW><id>{id}</id><amount>{amount}</amount><name>{name}</name></ROW>\n"
    write_text(path, line, blocks, b"<ROWS>\n", b"</ROWS>\n")


def odd_xml(path: Path, blocks: int) -> None:
    line = "<ROW><id>{id}</id><!-- of --><amount>{amount}</amount><name>{name}</name></ROW>\n"
    write_text(path, line, blocks, b"<ROWS>\n", b"</ROWS>\n")


def parquet_file(path: Path, blocks: int) -> None:
    table = pa.concat_tables([block()] * 25)  # a row group of half a million rows
    with parquet.ParquetWriter(
        path, table.schema, compression="none", use_dictionary=False
    ) as writer:
        for _ in range(max(1, blocks // 25)):
            writer.write_table(table, row_group_size=len(table))


def orc_file(path: Path, blocks: int) -> None:
    with orc.ORCWriter(str(path), compression="uncompressed") as writer:
        for _ in range(blocks):
            writer.write(block())


#: Name of a file, what writes so many blocks of it, and the number of blocks of a large one.
FILES: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "a.csv": (csv, 120),
    "a.csv.gz": (csv, 60),
    "a.json": (json_lines, 70),
    "a.xml": (xml, 120),
    "odd.xml": (odd_xml, 30),
    "a.parquet": (parquet_file, 125),
    "a.orc": (orc_file, 100),
}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, remote_dir: Path) -> Iterator[Path]:
    """A file on the server; it is removed at once, since it is large."""
    path = remote_dir / str(request.param)
    yield path
    path.unlink(missing_ok=True)


def peak(server: SSHD, path: Path, columns: dict[str, str] = COLUMNS) -> tuple[int, int]:
    """Return the number of rows, and the peak in bytes of a process that reads the file."""
    options = {**server.options(), "path": str(path), "max_partition_bytes": "1TiB"}
    asked = json.dumps({"options": options, "columns": columns})
    run = [sys.executable, "-m", "tests.support.read_probe"]
    printed = subprocess.run(run, input=asked, capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    assert found["tasks"] == 1
    return found["rows"], found["peak"]


@pytest.mark.timeout(300)
def test_a_large_file_takes_little_more_memory_than_a_small_one(sshd: SSHD, file: Path) -> None:
    write, blocks = FILES[file.name]
    write(file, 1)
    _, small = peak(sshd, file)
    write(file, blocks)
    rows, large = peak(sshd, file)
    assert rows == blocks * BLOCK
    print(f"{file.name}: {file.stat().st_size:,} bytes, {(large - small) / 2**20:.0f} MiB more")
    assert large - small < BOUND
