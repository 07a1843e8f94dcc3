"""Sorts rows by a number in bounded memory (`RowSorter`); what does not fit goes to local disk.

Rows are gathered, sorted and written as *runs*. Runs are merged as they are read: at the end, and
before whenever there are many, so that few files are open at once. The files have no name, so they
disappear with the process, however it ends, and are encrypted.
"""

from __future__ import annotations

import heapq
import os
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.arrow_text import memory_of
from sftp_async.formats.sealed_file import SealedFile, sealed_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bytes of rows that are gathered before they are sorted and written to disk. Sorting copies them.
GATHERED = 32 * 1024**2
#: Bytes of rows that are written and read at a time. Each run that is being merged holds one block.
BLOCK = 256 * 1024
#: Runs that are merged into one.
WIDTH = 32

_NUMBER = pa.field("number", pa.int32())


class RowSorter:
    """Takes rows with a number each, and returns them in the order of these numbers.

    The sort is stable. A context manager: its exit closes the files, and so deletes them.

    Args:
        gathered: bytes of rows to hold in memory.
        block: bytes to write and read at a time.
        width: runs to merge into one.

    """

    def __init__(self, gathered: int = GATHERED, block: int = BLOCK, width: int = WIDTH) -> None:
        self._limit = gathered
        self._block = block
        self._width = width
        self._batches: list[pa.RecordBatch] = []
        self._size = 0
        #: In the order in which their rows came.
        self._runs: list[_Run] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._batches.clear()
        for run in self._runs:
            run.file.close()

    @property
    def runs(self) -> int:
        """The number of files."""
        return len(self._runs)

    def add(self, numbers: pa.Array, rows: pa.RecordBatch) -> None:
        """Add rows and their numbers.

        Raises:
            SFTPAsyncError: the local disk fails or is full.

        """
        size = memory_of(rows)
        if self._batches and self._size + size > self._limit:
            self._spill()
        schema = rows.schema.append(_NUMBER)
        self._batches.append(pa.RecordBatch.from_arrays([*rows.columns, numbers], schema=schema))
        self._size += size

    def groups(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield all rows by number, often several batches of one number; to be called once.

        Raises:
            SFTPAsyncError: the local disk fails.

        """
        if not self._batches:
            return
        if not self._runs:
            yield from _numbered(self._sorted().to_batches())
            return
        self._spill()
        yield from self._merged(self._runs)

    def _sorted(self) -> pa.Table:
        gathered, self._batches, self._size = self._batches, [], 0
        table = pa.Table.from_batches(gathered)
        gathered.clear()
        # The order is stable, by Arrow's documentation of sort_indices.
        return table.take(pc.sort_indices(table.column(table.num_columns - 1)))

    def _spill(self) -> None:
        table = self._sorted()
        rows = max(1, self._block * table.num_rows // max(1, table.nbytes))
        self._runs.append(_Run(_written(table.schema, table.to_batches(max_chunksize=rows)), 0))
        # As in a number system: `width` runs of one level make one run of the next.
        while len(self._runs) >= self._width:
            last = self._runs[-self._width :]
            if last[0].level != last[-1].level:
                break
            merged = (_with_number(number, rows) for number, rows in self._merged(last))
            run = _Run(_written(table.schema, _blocks(merged, self._block)), last[0].level + 1)
            del self._runs[-self._width :]
            self._runs.append(run)
            for old in last:
                old.file.close()

    def _merged(self, runs: list[_Run]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Merge runs; `heapq.merge` keeps the order of the runs for rows of one number."""
        waiting: list[pa.RecordBatch] = []
        size, current = 0, -1
        for number, rows in heapq.merge(*(run.groups() for run in runs), key=itemgetter(0)):
            if waiting and (number != current or size >= self._block):
                yield current, _joined(waiting)
                waiting, size = [], 0
            current = number
            waiting.append(rows)
            size += rows.nbytes
        if waiting:
            yield current, _joined(waiting)


@dataclass
class _Run:
    """Sorted rows on disk."""

    file: SealedFile
    level: int

    def groups(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        with _local_disk():
            self.file.seek(0)
            reader = pa.ipc.open_stream(pa.PythonFile(self.file, mode="r"))
        while True:
            with _local_disk():
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
            yield from _numbered([batch])


def group_bounds(numbers: pa.Array) -> Iterator[tuple[int, int, int]]:
    """Yield each number of a sorted array, with its first position and the one after its last."""
    encoded = pc.run_end_encode(numbers)
    start = 0
    for number, end in zip(encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True):
        yield number, start, end
        start = end


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in batches:
        last = batch.num_columns - 1
        rows = batch.select(range(last))
        for number, start, end in group_bounds(batch.column(last)):
            yield number, rows.slice(start, end - start)


def _with_number(number: int, rows: pa.RecordBatch) -> pa.RecordBatch:
    numbers = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
    schema = rows.schema.append(_NUMBER)
    return pa.RecordBatch.from_arrays([*rows.columns, numbers], schema=schema)


def _blocks(batches: Iterable[pa.RecordBatch], block: int) -> Iterator[pa.RecordBatch]:
    """Concatenate small batches."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= block:
            yield _joined(waiting)
            waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined


def _written(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> SealedFile:
    options = pa.ipc.IpcWriteOptions(
        compression="lz4" if pa.Codec.is_available("lz4") else None, use_threads=False
    )
    with _local_disk():
        # Where Spark itself spills (PythonRunner sets the variable), otherwise Python's directory.
        local = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or None
        file = sealed_file(directory=local)
        try:
            with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema, options=options) as sink:
                for batch in batches:
                    sink.write_batch(batch)
            file.flush()
        except BaseException:
            file.close()
            raise
    return file


@contextmanager
def _local_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SFTPAsyncError(
            f"Rows cannot be sorted on this machine's disk: {error.strerror or error}",
            hint="Provide space (SPARK_LOCAL_DIRS, spark.local.dir), or give each task few values: "
            "df.repartition(…) by the columns of partition_by",
        ) from error
