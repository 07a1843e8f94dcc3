"""Rows sorted by a number: all of them, in their order, in few files, with nothing left behind."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import SFTPAsyncError
from sftp_async.write.external_sort import RowSorter

SCHEMA = pa.schema([("row", pa.int64()), ("text", pa.string())])


def filled(sorter: RowSorter, numbers: list[int], *, each: int = 100) -> None:
    """Add rows of these numbers, batches of `each`; a row holds its position."""
    for start in range(0, len(numbers), each):
        some = numbers[start : start + each]
        rows = range(start, start + len(some))
        batch = pa.record_batch(
            [pa.array(rows, pa.int64()), pa.array([f"row {row}" for row in rows])], schema=SCHEMA
        )
        sorter.add(pa.array(some, pa.int32()), batch)


def sorted_rows(sorter: RowSorter) -> list[tuple[int, int]]:
    found = []
    for number, rows in sorter.groups():
        assert rows.schema == SCHEMA
        assert rows.column(1).to_pylist() == [f"row {row}" for row in rows.column(0).to_pylist()]
        found += [(number, row) for row in rows.column(0).to_pylist()]
    return found


@pytest.fixture
def numbers() -> list[int]:
    return random.Random(5).choices(range(300), k=5000)


@pytest.mark.parametrize(
    ("gathered", "runs"), [(10**9, 0), (40_000, 3), (5_000, 10)], ids=["none", "one level", "many"]
)
def test_rows_come_by_number_and_in_their_order_whatever_was_spilled(
    numbers: list[int], gathered: int, runs: int
) -> None:
    with RowSorter(gathered, block=1000, width=4) as sorter:
        filled(sorter, numbers)
        spilled = sorter.runs
        assert (spilled > 0) == (runs > 0)
        # Ever more runs of ever larger size: a few of each are open.
        assert spilled <= runs
        found = sorted_rows(sorter)
    assert found == sorted((number, row) for row, number in enumerate(numbers))


def test_no_rows_make_no_groups() -> None:
    with RowSorter() as sorter:
        assert list(sorter.groups()) == []


def test_a_number_of_many_rows_comes_in_batches_of_bounded_size() -> None:
    with RowSorter(20_000, block=2000) as sorter:
        filled(sorter, [7] * 5000)
        sizes = [rows.nbytes for _, rows in sorter.groups()]
    assert len(sizes) > 10
    assert max(sizes) < 3 * 2000


def test_nothing_is_to_be_seen_on_the_disk_and_nothing_stays_open(
    numbers: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},/somewhere/else")

    def open_here() -> int:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(str(link.readlink()).startswith(str(tmp_path)) for link in links)

    with RowSorter(5_000) as sorter:
        filled(sorter, numbers)
        assert open_here() == sorter.runs > 1
        assert list(tmp_path.iterdir()) == []
    assert open_here() == 0


def test_a_disk_that_takes_nothing_is_an_error_of_ours(
    numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/dev/null/nowhere")
    with RowSorter(5_000) as sorter, pytest.raises(SFTPAsyncError, match="sorted on this machine"):
        filled(sorter, numbers)
