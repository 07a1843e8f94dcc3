"""`download`: one large file into memory, without Spark: what SSH itself costs, near and far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.data import MIB, write_random
from benchmarks.peers.downloads import DOWNLOADS, downloads
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from benchmarks.context import Context

SIZE, QUICK_SIZE = 1024 * MIB, 192 * MIB
#: Paramiko asks for all of a file at once. Of a gibibyte, the requests themselves fill the window
#: of the channel, and most of it then comes piece by piece, for minutes: they get a smaller file.
ON_PARAMIKO = ["paramiko", "fsspec"]
NEAR_TOOLS = [name for name in DOWNLOADS if name not in ON_PARAMIKO]
#: At a distance, where the window is what holds it back; Paramiko's is OpenSSH's.
FAR_SIZE, QUICK_FAR_SIZE = 256 * MIB, 32 * MIB
ROUND_TRIPS_MS, QUICK_ROUND_TRIPS_MS = (50, 150), (50,)
FAR_TOOLS = ["sftp_async", "openssh_sftp", "rclone", "rclone_unchecked"]


def run(context: Context) -> Iterator[Comparison]:
    """Yield the comparison of all tools, and one for each round trip."""
    near, far = (SIZE, FAR_SIZE) if context.full else (QUICK_SIZE, QUICK_FAR_SIZE)
    if not context.full:
        context.cuts.append(f"download: {near // MIB} MiB instead of {SIZE // MIB}")
        context.cuts.append(
            f"download at a distance: {far // MIB} MiB instead of {FAR_SIZE // MIB}"
        )
        context.cuts.append(f"download: not at {ROUND_TRIPS_MS[-1]} ms")
    for name, size, tools in (
        ("download", near, NEAR_TOOLS),
        ("download/paramiko", QUICK_SIZE, ["sftp_async", *ON_PARAMIKO]),
    ):
        with context.memory(size), _file(context, size) as source:
            yield compare(
                context,
                name,
                downloads(context, context.server, source, tools),
                rounds=context.rounds,
                labels=_labels(size),
            )
    with context.memory(far), _file(context, far) as source:
        for rtt_ms in ROUND_TRIPS_MS if context.full else QUICK_ROUND_TRIPS_MS:
            with context.relay(rtt_ms) as server:
                yield compare(
                    context,
                    f"download/{rtt_ms}ms",
                    downloads(context, server, source, FAR_TOOLS),
                    rounds=context.rounds,
                    labels=_labels(far),
                )


def _labels(size: int) -> dict[str, object]:
    return {"format": "bytes", "compression": "none", "bytes": size}


@contextmanager
def _file(context: Context, size: int) -> Iterator[str]:
    """Put a file of random bytes on the server: no compression anywhere helps."""
    source = context.server.new_target()
    write_random(context.server.local(source), size)
    try:
        yield source
    finally:
        context.server.remove(source)


WORKLOAD = Workload(
    "download", "one file of random bytes into memory, against every tool, at 0, 50 and 150 ms", run
)
