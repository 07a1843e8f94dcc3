"""The workloads by name: each is a module with a `WORKLOAD` that runs one or more comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.comparison import Comparison
    from benchmarks.context import Context

#: In the order in which they run: first the one without Spark, whose JVM would only be in its way;
#: last the one that leaves Spark's heap full.
#: A dash is an underscore in the module.
NAMES = (
    "transport",
    "download",
    "list",
    "overhead",
    "bulk",
    "latency",
    "small-files",
    "read-bulk",
    "read-latency",
    "read-small-files",
    "read-columns",
    "copy",
    "read-scale",
    "scale",
    "encode",
    "decode",
)


@dataclass(frozen=True)
class Workload:
    """What is measured.

    Args:
        name: as on the command line.
        line: says what it does, for `--list`.
        run: yields each comparison as it ends, so that a stop loses nothing (a list will do).

    """

    name: str
    line: str
    run: Callable[[Context], Iterable[Comparison]]


def load(names: Iterable[str] = NAMES) -> dict[str, Workload]:
    """Import workloads.

    Args:
        names: from `NAMES`.

    """
    found = {}
    for name in names:
        module = import_module(f"benchmarks.workloads.{name.replace('-', '_')}")
        workload: Workload = module.WORKLOAD
        found[workload.name] = workload
    return found
