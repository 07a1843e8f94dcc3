"""Print how far a task's peak memory rises for many columns and partitions: a process of its own.

Arguments: format, perhaps with a codec (`text:xz`), columns, partition values, rows of a batch,
batches. Text has one column as wide as all of them; each row of binary is a file. A peak never goes
down, so what the process did before would hide what this write needs.
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
    form, _, codec = form.partition(":")
    random = np.random.default_rng(1)
    whole = pa.array(random.integers(0, 1 << 40, rows))
    kinds = [
        whole,
        pa.array(random.random(rows)),
        whole.cast(pa.string()),
        pa.array(random.integers(10**12, 2 * 10**12, rows) * 1000).cast(pa.timestamp("us", "UTC")),
    ]
    arrays = [pa.array(np.arange(rows) % values, pa.int32())]
    arrays += [kinds[number % len(kinds)] for number in range(columns)]
    batch = pa.record_batch(arrays, names=["c", *(f"n{number}" for number in range(columns))])
    given = {"host": "h", "username": "u", "password": "p", "path": "/out", "format": form}
    if form in ("text", "binary"):
        wide = pa.array(random.bytes(4 * columns).hex() for _ in range(rows))
        batch = pa.record_batch([arrays[0], wide], names=["c", "content"])
    if form == "binary":
        paths = pa.array(f"{number}.bin" for number in range(rows))
        batch = pa.record_batch([paths, batch.column("content")], names=["path", "content"])
        measure_row_files(SFTPOptions(**given), batch, batches)
        return
    options = SFTPOptions(**given, partition_by="c", **({"compression": codec} if codec else {}))
    partitioning = Partitioning(options.partition_by)
    file_format = open_format(options, partitioning.data(batch.schema))
    most = most_open(file_format.buffered_bytes)

    def write(all_batches: Iterator[pa.RecordBatch]) -> None:
        open_files: dict[str, PartEncoder] = {}
        for directory, some in fan_out(all_batches, partitioning, most):
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


def measure_row_files(options: SFTPOptions, batch: pa.RecordBatch, batches: int) -> None:
    """Encode a file for each row, as tasks do."""
    file_format = open_format(options, batch.schema)
    file_format.open().encode(batch.slice(0, 1))
    before = peak()
    for _ in range(batches):
        for row in range(batch.num_rows):
            encoder = file_format.open()
            encoder.encode(batch.slice(row, 1))
            encoder.finish()
    print(1, peak() - before)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
