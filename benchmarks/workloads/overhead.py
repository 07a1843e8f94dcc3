"""`overhead`: one row in a warm session: what a write costs that has nothing to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.comparison import Comparison, Contender, Outcome, compare
from benchmarks.spark import NOOP
from benchmarks.verify import csv_outcome
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.context import Context
    from benchmarks.servers import Server

ROUND_TRIPS_MS = (0, 50)
SCHEMA = pl.Schema({"id": pl.Int64})
#: Enough for the session, its Python processes and the connection to be warm.
WARM_UPS = 3
#: A run takes a second or two: the median of many costs little.
LEAST_ROUNDS, QUICK_LEAST_ROUNDS = 7, 5


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each round trip."""
    least = LEAST_ROUNDS if context.full else QUICK_LEAST_ROUNDS
    for rtt_ms in ROUND_TRIPS_MS:
        with context.relay(rtt_ms) as server:
            yield compare(
                context,
                f"overhead/{rtt_ms}ms",
                _contenders(context, server),
                rounds=max(context.rounds, least),
                warmups=WARM_UPS,
                labels={"format": "csv", "compression": "none", "rows": 1, "partitions": 1},
            )


def _contenders(context: Context, server: Server) -> list[Contender]:
    row = context.spark.range(0, 1, 1, 1)
    options = {**server.options(), "header": "true"}

    def ours(target: str) -> None:
        row.write.format("sftp").options(**options).mode("append").save(target)

    def noop(target: str) -> None:
        row.write.format(NOOP).mode("append").save(target)

    def outcome(target: str) -> Outcome:
        return csv_outcome(context.local(target), SCHEMA)

    return [
        Contender("sftp_async", "sftp_async", ours, outcome),
        Contender("noop", "A Python source that drops its rows", noop),
    ]


WORKLOAD = Workload("overhead", "one row in a warm session, at 0 and 50 ms", run)
