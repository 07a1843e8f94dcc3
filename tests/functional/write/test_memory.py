"""A thousand columns in 32 partitions: a task's memory stays bounded in every format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sftp_async.formats.orc.encoder import STRIPE_BYTES, TEXT_COLUMN_BYTES
from sftp_async.write.external_sort import GATHERED
from sftp_async.write.partition_router import MAX_BUFFERED

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[3]
COLUMNS, VALUES = 1000, 32
#: What rows that wait to be sorted take, and a few copies of a batch.
BESIDES = 3 * GATHERED + 64 * 1024**2


def measured(form: str, rows: int, batches: int, values: int = VALUES) -> tuple[int, int]:
    """Return how many files were open at once, and the rise of the peak in bytes."""
    asked = [form, COLUMNS, values, rows, batches]
    done = subprocess.run(
        [sys.executable, "-m", "tests.functional.write.memory_probe", *map(str, asked)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    most, rise = map(int, done.stdout.split())
    return most, rise


@pytest.mark.parametrize(
    ("form", "batches"),
    # All that an encoder of lines holds is there after the first rows of each file.
    [("csv", 2), ("json", 2), ("xml", 2), ("avro", 2), ("excel", 2), ("parquet", 6)],
)
def test_files_of_many_columns_stay_within_the_bound_together(form: str, batches: int) -> None:
    _, rise = measured(form, rows=320, batches=batches)
    assert rise <= MAX_BUFFERED + BESIDES


@pytest.mark.parametrize("form", ["text", "text:gzip", "text:zstd", "binary"])
def test_files_of_wide_rows_stay_within_the_bound_together(form: str) -> None:
    _, rise = measured(form, rows=3200, batches=6)
    assert rise <= MAX_BUFFERED + BESIDES


def test_batches_of_few_rows_and_many_columns_count_with_their_arrays() -> None:
    # If the arrays did not count, it would rise by half as much again.
    _, rise = measured("parquet", rows=64, batches=70)
    assert rise <= MAX_BUFFERED + GATHERED


def test_orc_has_one_file_of_many_columns_open() -> None:
    # All four open would be beyond the bound.
    most, rise = measured("orc", rows=320, batches=2, values=4)
    assert most == 1
    assert rise <= STRIPE_BYTES + COLUMNS * TEXT_COLUMN_BYTES + BESIDES
