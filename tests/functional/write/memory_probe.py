"""Print how far a task's peak memory rises for many columns and partitions: a process of its own.

Arguments: format, columns, partition values, rows of a batch, batches. A peak never goes down, so
what the process did before would hide what this write needs.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sftp_async.formats import open_format
from sftp_async.formats.base import PartEncoder
from sftp_async.options import SFTPOptions
from sftp_async.write.partition_router import fan_out, most_open
from sftp_async.write.partitioner import Partitioning


def main(form: str, columns: int, values: int, rows: int, batches: int) -> None:
    random = np.random.default_rng(1)
    whole = pa.array(random.integers(0, 1 << 40, rows))
    kinds = [
        whole,
        pa.array(random.random(rows)),
        whole.cast(pa.string()),
        pa.array(random.integers(10**15, 2 * 10**15, rows)).cast(pa.timestamp("us", "UTC")),
    ]
    arrays = [pa.array(np.arange(rows) % values, pa.int32())]
    arrays += [kinds[number % len(kinds)] for number in range(columns)]
    batch = pa.record_batch(arrays, names=["c", *(f"n{number}" for number in range(columns))])
    options = SFTPOptions(
        host="h", username="u", password="p", path="/out", format=form, partition_by="c"
    )
    partitioning = Partitioning(options.partition_by)
    file_format = open_format(options, partitioning.data(batch.schema))
    most = most_open(file_format.buffered_bytes)

    def write(given: Iterator[pa.RecordBatch]) -> None:
        open_files: dict[str, PartEncoder] = {}
        for directory, some in fan_out(given, partitioning, most):
            if some is None:
                open_files.pop(directory).finish()
                continue
            if directory not in open_files:
                open_files[directory] = file_format.open()
            open_files[directory].encode(some)

    write(iter([batch.slice(0, 1)] if form != "orc" else []))
    before = peak()
    write(batch for _ in range(batches))
    print(most, peak() - before)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
