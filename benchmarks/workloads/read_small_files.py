"""`read-small-files`: many small files: what each of them costs besides its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import lineitem_pieces
from benchmarks.read_files import csv
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import table_reads

if TYPE_CHECKING:
    from benchmarks.context import Context

FILES, QUICK_FILES = 500, 24
#: Paramiko takes a login and some thirty round trips a file: it gets so many of them.
LINES_FILES, QUICK_LINES_FILES = 40, 8
ROWS = 2000
ROUND_TRIPS_MS = (0, 50)
READERS = ["sftp_async", "sftp_spark", "rclone_spark"]


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each round trip."""
    files, few = (FILES, LINES_FILES) if context.full else (QUICK_FILES, QUICK_LINES_FILES)
    if not context.full:
        context.cuts.append(f"read-small-files: {files} files instead of {FILES}")
    source = csv(lineitem_pieces(files, ROWS, context.data_dir))
    by_line = csv(lineitem_pieces(few, ROWS, context.data_dir))
    with table_reads(context, source) as all_of, table_reads(context, by_line) as few_of:
        for rtt_ms in ROUND_TRIPS_MS:
            with context.relay(rtt_ms) as server:
                reads = all_of(server)
                contenders = reads.contenders(READERS)
                contenders += few_of(server).contenders(["paramiko_lines"])
                yield compare(
                    context,
                    f"read-small-files/{rtt_ms}ms",
                    contenders,
                    rounds=context.rounds,
                    labels=reads.labels,
                )


WORKLOAD = Workload("read-small-files", "500 CSV files of 2,000 rows, at 0 and 50 ms", run)
