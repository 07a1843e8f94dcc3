"""`transport`: one large file from memory, without Spark: what SSH itself costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import MIB, lies_in, random_file
from benchmarks.peers.tools import one_file
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from benchmarks.context import Context

SIZE, QUICK_SIZE = 1024 * MIB, 256 * MIB


def run(context: Context) -> Iterator[Comparison]:
    """Yield the one comparison, of all tools."""
    size = SIZE if context.full else QUICK_SIZE
    if not context.full:
        context.cuts.append(f"transport: {size // MIB} MiB instead of {SIZE // MIB}")
    with random_file(size) as source:
        yield compare(
            context,
            "transport",
            one_file(context, context.server, source),
            rounds=context.rounds,
            labels={
                "format": "bytes",
                "compression": "none",
                "bytes": size,
                "source": lies_in(source),
            },
        )


WORKLOAD = Workload("transport", "one file of random bytes from memory, against every tool", run)
