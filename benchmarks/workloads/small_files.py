"""`small-files`: many small partitions: what each of them costs besides its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import lineitem_pieces
from benchmarks.workloads import Workload
from benchmarks.workloads.table_writes import CSV, TableWrites

if TYPE_CHECKING:
    from benchmarks.context import Context

PARTITIONS, QUICK_PARTITIONS = 500, 40
ROWS = 2000
ROUND_TRIPS_MS = (0, 50)
#: The last one writes nothing: what Spark charges for so many tasks.
WRITERS = ["sftp_async", "paramiko_pandas", "noop"]


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each round trip."""
    partitions = PARTITIONS if context.full else QUICK_PARTITIONS
    if not context.full:
        context.cuts.append(f"small-files: {partitions} partitions instead of {PARTITIONS}")
    table = lineitem_pieces(partitions, ROWS, context.data_dir)
    for rtt_ms in ROUND_TRIPS_MS:
        with context.relay(rtt_ms) as server:
            writes = TableWrites(context, server, table, CSV)
            yield compare(
                context,
                f"small-files/{rtt_ms}ms",
                writes.contenders(WRITERS),
                rounds=context.rounds,
                labels=writes.labels,
            )


WORKLOAD = Workload("small-files", "500 partitions of 2,000 rows, at 0 and 50 ms", run)
