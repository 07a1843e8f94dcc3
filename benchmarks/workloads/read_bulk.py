"""`read-bulk`: a large table into Spark, next to the server: what the software itself costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import lineitem
from benchmarks.read_files import (
    Source,
    csv,
    csv_gzip,
    csv_quoted,
    json_lines,
    parquet,
)
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import ALL_ROWS, TOTALS, Query, table_reads

if TYPE_CHECKING:
    from benchmarks.context import Context

SCALE, QUICK_SCALE = 1, 0.03
FILES = 8
#: Paramiko is so slow that it gets a table of this scale at most.
LINES_SCALE = 0.1
#: Those that it reads, too; a row's time is compared.
BY_LINE = {"csv", "csv-8-files"}
SMALL_SCALE = 0.0015  # a megabyte
SMALL_READERS = ["sftp_async", "hadoop"]
READERS = ["sftp_async", "spark_disk", "ready_rows", "sftp_spark", "rclone_spark"]
FEWER = ["sftp_async", "spark_disk", "ready_rows"]
TOTALS_READERS = ["sftp_async", "sftp_async_columns", "spark_disk"]
#: Name, number of files, what they are, what is asked, who reads them.
CONTESTS: list[tuple[str, int, Callable[[Path, str], Source], Query, list[str]]] = [
    ("csv", 1, csv, ALL_ROWS, READERS),
    ("csv-8-files", FILES, csv, ALL_ROWS, READERS),
    ("csv-quoted", 1, csv_quoted, ALL_ROWS, FEWER),
    ("csv-gzip", FILES, csv_gzip, ALL_ROWS, FEWER),
    ("json", FILES, json_lines, ALL_ROWS, FEWER),
    ("parquet", FILES, parquet, ALL_ROWS, FEWER),
    ("csv-totals", FILES, csv, TOTALS, TOTALS_READERS),
    ("parquet-totals", FILES, parquet, TOTALS, TOTALS_READERS),
]


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each kind of file and each query."""
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"read-bulk: lineitem of scale {scale} instead of {SCALE}")
    for name, files, make, query, names in CONTESTS:
        source = make(_table(context, scale, files), name)
        with ExitStack() as stack:
            reads = stack.enter_context(table_reads(context, source, query))(context.server)
            contenders = reads.contenders(names)
            if name in BY_LINE:
                fewer = make(_table(context, min(scale, LINES_SCALE), files), name)
                few = stack.enter_context(table_reads(context, fewer, query))(context.server)
                contenders += few.contenders(["paramiko_lines"])
            yield compare(
                context,
                f"read-bulk/{name}",
                contenders,
                rounds=context.rounds,
                labels={**reads.labels, "scale": scale, "query": query.name},
            )

    # Hadoop's reader was seen to take minutes for some megabytes.
    source = csv(_table(context, SMALL_SCALE, 1), "small-file")
    with table_reads(context, source) as at:
        reads = at(context.server)
        yield compare(
            context,
            "read-bulk/small-file",
            reads.contenders(SMALL_READERS),
            rounds=context.rounds,
            labels={**reads.labels, "scale": SMALL_SCALE},
        )


def _table(context: Context, scale: float, files: int) -> Path:
    return lineitem(scale, files, context.data_dir)


WORKLOAD = Workload(
    "read-bulk", "lineitem as CSV (one file, eight, quoted, gzip), JSON Lines and Parquet", run
)
