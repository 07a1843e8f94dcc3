"""`read-columns`: 3 of 16 Parquet columns of a high-latency server: what is left unread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.comparison import Comparison, compare
from benchmarks.data import files_of, lineitem
from benchmarks.read_files import parquet
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import Query, table_reads

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.context import Context

SCALE, QUICK_SCALE = 1, 0.1
FILES = 8
RTT_MS = 50
COLUMNS = ("l_orderkey", "l_extendedprice", "l_shipdate")
READERS = ["sftp_async_columns", "sftp_spark", "rclone_spark"]


def run(context: Context) -> Iterator[Comparison]:
    """Yield the one comparison."""
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"read-columns: lineitem of scale {scale} instead of {SCALE}")
    source = parquet(lineitem(scale, FILES, context.data_dir))
    query = Query("3-columns", lambda frame: frame.select(*COLUMNS), COLUMNS)
    with table_reads(context, source, query) as at, context.relay(RTT_MS) as server:
        reads = at(server)
        yield compare(
            context,
            f"read-columns/{RTT_MS}ms",
            reads.contenders(READERS),
            rounds=context.rounds,
            labels={
                **reads.labels,
                "scale": scale,
                "columns_bytes": columns_bytes(source.place, COLUMNS),
            },
        )


def columns_bytes(table: Path, names: tuple[str, ...]) -> int:
    """Sum the bytes that some columns have in the Parquet files of a table, by their footers."""
    total = 0
    for file in files_of(table):
        metadata = pq.read_metadata(file)
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            chunks = (row_group.column(place) for place in range(row_group.num_columns))
            total += sum(
                chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in names
            )
    return total


WORKLOAD = Workload("read-columns", "3 of 16 Parquet columns at 50 ms: time, and bytes sent", run)
