"""`read-latency`: a high-latency server: one large CSV file, and the same rows in eight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import lineitem
from benchmarks.read_files import csv
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import table_reads

if TYPE_CHECKING:
    from benchmarks.context import Context

#: Of the full pass: 256 MiB of CSV.
SCALE, QUICK_SCALE = 0.35, 0.02
#: Paramiko waits a round trip for every 8 KiB: it gets so little of the table.
LINES_SCALE, QUICK_LINES_SCALE = 0.003, 0.0005
ROUND_TRIPS_MS, QUICK_ROUND_TRIPS_MS = (50, 150), (50,)
FILES = {"one-file": 1, "8-files": 8}
READERS = ["sftp_async", "sftp_spark", "rclone_spark"]
#: The same file without a split: what one task does.
ONE_TASK = "sftp_async_one_task"


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each number of files and round trip."""
    scale, few = (SCALE, LINES_SCALE) if context.full else (QUICK_SCALE, QUICK_LINES_SCALE)
    round_trips_ms = ROUND_TRIPS_MS if context.full else QUICK_ROUND_TRIPS_MS
    if not context.full:
        context.cuts.append(f"read-latency: lineitem of scale {scale} instead of {SCALE}")
        context.cuts.append(f"read-latency: not at {ROUND_TRIPS_MS[-1]} ms")
    for name, files in FILES.items():
        source = csv(lineitem(scale, files, context.data_dir))
        by_line = csv(lineitem(few, files, context.data_dir))
        names = [*READERS, ONE_TASK] if files == 1 else READERS
        with table_reads(context, source) as all_of, table_reads(context, by_line) as few_of:
            for rtt_ms in round_trips_ms:
                with context.relay(rtt_ms) as server:
                    reads = all_of(server)
                    contenders = reads.contenders(names)
                    contenders += few_of(server).contenders(["paramiko_lines"])
                    yield compare(
                        context,
                        f"read-latency/{name}/{rtt_ms}ms",
                        contenders,
                        rounds=context.rounds,
                        labels={**reads.labels, "scale": scale},
                    )


WORKLOAD = Workload(
    "read-latency", "lineitem as one CSV file and as eight, at 50 and 150 ms round trip", run
)
