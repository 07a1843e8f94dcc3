"""A partition far larger than the buffers costs a worker little more memory than an empty one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark.memory_probe import probe
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: About 190 bytes each: more than twice what the peak may rise by.
ROWS = 2_500_000
MIB = 1024 * 1024


@pytest.mark.one_python
def test_half_a_gigabyte_in_one_partition_raises_the_workers_peak_by_at_most_200_mib(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    try:
        figures = probe(spark, sshd.options(), remote_dir, ROWS)
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
    assert size > 450_000_000
    assert 0 < rise <= 200 * MIB


@pytest.mark.one_python
def test_files_of_rows_cost_a_few_batches_of_memory(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    options = {**sshd.options(), "format": "binary"}
    columns = ["concat(id, '.bin') as path", f"repeat(char(65 + id % 26), {MIB}) as content"]
    try:
        figures = probe(spark, options, remote_dir, 400, columns)
        files = list((remote_dir / "big").iterdir())
        assert len(files) == 400
        assert all(file.read_bytes() == _letter(file) * MIB for file in files)
    finally:
        shutil.rmtree(remote_dir)
    rise = figures["big_peak"] - figures["empty_peak"]
    print(f"{figures['seconds']:.1f} s; rise {rise / MIB:.1f} MiB")
    # Spark's batches end at 64 MB (spark.sql.execution.arrow.maxBytesPerBatch).
    assert 0 < rise <= 300 * MIB


def _letter(file: Path) -> bytes:
    return bytes([65 + int(file.stem) % 26])
