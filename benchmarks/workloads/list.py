"""`list`: a hundred thousand files: what it takes to know them, before anything is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, compare
from benchmarks.peers.listings import Tree, listings, names_outcome
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from benchmarks.context import Context

FILES, QUICK_FILES = 100_000, 2_000
DIRECTORIES, QUICK_DIRECTORIES = 1000, 10
ROUND_TRIPS_MS = (0, 50)
#: Of each file: an empty one is left out of a read.
CONTENT = b"a\n"


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each tree and round trip."""
    files, many = (FILES, DIRECTORIES) if context.full else (QUICK_FILES, QUICK_DIRECTORIES)
    if not context.full:
        context.cuts.append(f"list: {files:,} files instead of {FILES:,}")
        context.cuts.append(f"list: {many:,} directories instead of {DIRECTORIES:,}")
    for directories in (1, many):
        with _tree(context, files, directories) as tree:
            for rtt_ms in ROUND_TRIPS_MS:
                with context.relay(rtt_ms) as server:
                    yield compare(
                        context,
                        f"list/{'one' if directories == 1 else 'many'}/{rtt_ms}ms",
                        listings(context, server, tree),
                        rounds=context.rounds,
                        labels={"names": files, "directories": directories, "rows": files},
                    )


@contextmanager
def _tree(context: Context, files: int, directories: int) -> Iterator[Tree]:
    """Put files on the server: all in one directory, or spread over so many below it."""
    path = context.server.new_target()
    root = context.server.local(path)
    below = [f"day-{number:06}" for number in range(directories)] if directories > 1 else []
    try:
        for directory in [root, *(root / name for name in below)]:
            directory.mkdir()
            directory.chmod(0o755)  # in a container another user reads
        names = []
        for number in range(files):
            file = f"orders-{number:06}.csv"
            names.append(f"{below[number % directories]}/{file}" if below else file)
            place = root / names[-1]
            place.write_bytes(CONTENT)
        yield Tree(path, below, names_outcome(names))
    finally:
        context.server.remove(path)


WORKLOAD = Workload("list", "100,000 files in one directory and in 1,000, at 0 and 50 ms", run)
