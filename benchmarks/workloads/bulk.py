"""`bulk`: a large table in few partitions, next to the server: what the software itself costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import lineitem
from benchmarks.workloads import Workload
from benchmarks.workloads.table_writes import CSV, CSV_GZIP, PARQUET, TableWrites

if TYPE_CHECKING:
    from benchmarks.context import Context

SCALE, QUICK_SCALE = 1, 0.1
PARTITIONS = 8
BY_HAND = ["spark_disk", "spark_disk_rclone"]
#: Paramiko + pandas makes plain CSV only. OpenSSH differs from rclone in the upload alone: CSV
#: shows.
CONTESTS = [
    (
        CSV,
        [
            "sftp_async",
            "sftp_async_untuned",
            "paramiko_pandas",
            "spark_disk",
            "spark_disk_sftp",
            "spark_disk_rclone",
        ],
    ),
    (PARQUET, ["sftp_async", *BY_HAND]),
    (CSV_GZIP, ["sftp_async", *BY_HAND]),
]


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each kind of file."""
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"bulk: lineitem of scale {scale} instead of {SCALE}")
    table = lineitem(scale, PARTITIONS, context.data_dir)
    for output, names in CONTESTS:
        writes = TableWrites(context, context.server, table, output)
        yield compare(
            context,
            f"bulk/{output.name}",
            writes.contenders(names),
            rounds=context.rounds,
            labels={**writes.labels, "scale": scale},
        )


WORKLOAD = Workload("bulk", "lineitem in 8 partitions as CSV, Parquet and gzipped CSV", run)
