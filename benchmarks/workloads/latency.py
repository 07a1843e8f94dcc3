"""`latency`: a high-latency server: whole jobs, and one large file over one connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import MIB, lies_in, lineitem, random_file
from benchmarks.peers.tools import one_file
from benchmarks.workloads import Workload
from benchmarks.workloads.table_writes import CSV, TableWrites

if TYPE_CHECKING:
    from benchmarks.context import Context

SCALE, QUICK_SCALE = 0.2, 0.02
PARTITIONS = 8
ROUND_TRIPS_MS, QUICK_ROUND_TRIPS_MS = (50, 150), (50,)
WRITERS = ["sftp_async", "paramiko_pandas", "spark_disk_sftp", "spark_disk_rclone"]

#: One task's file: at one round trip only, where the window of a channel is what holds it back.
ONE_FILE_MS = 50
SIZE, QUICK_SIZE = 256 * MIB, 64 * MIB
TOOLS = ["sftp_async", "openssh_sftp", "rclone", "rclone_unchecked"]


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison of jobs for each round trip, and one of single files."""
    scale, size = (SCALE, SIZE) if context.full else (QUICK_SCALE, QUICK_SIZE)
    if not context.full:
        context.cuts.append(f"latency: lineitem of scale {scale} instead of {SCALE}")
        context.cuts.append(f"latency: a file of {size // MIB} MiB instead of {SIZE // MIB}")
        context.cuts.append(f"latency: not at {ROUND_TRIPS_MS[-1]} ms")
    table = lineitem(scale, PARTITIONS, context.data_dir)
    for rtt_ms in ROUND_TRIPS_MS if context.full else QUICK_ROUND_TRIPS_MS:
        with context.relay(rtt_ms) as server:
            writes = TableWrites(context, server, table, CSV)
            yield compare(
                context,
                f"latency/csv/{rtt_ms}ms",
                writes.contenders(WRITERS),
                rounds=context.rounds,
                labels={**writes.labels, "scale": scale},
            )
    with context.relay(ONE_FILE_MS) as server, random_file(size) as source:
        yield compare(
            context,
            f"latency/one-file/{ONE_FILE_MS}ms",
            one_file(context, server, source, TOOLS),
            rounds=context.rounds,
            labels={
                "format": "bytes",
                "compression": "none",
                "bytes": size,
                "source": lies_in(source),
            },
        )


WORKLOAD = Workload("latency", "lineitem, and one large file, at 50 and 150 ms round trip", run)
