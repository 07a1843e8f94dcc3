"""Every sequence of faults that can befall a play: the search that the models of commits share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from tests.support.memory_server import READS, Fault, MemoryServer

FAULTS = [Fault(kind, when) for kind in ("lost", "crash") for when in ("before", "after")]


class FaultedPlay(Protocol):
    """A job, or a micro-batch, with faults by number of the request."""

    server: MemoryServer

    async def run(self) -> list[str]:
        """Play it; returns the rules that were broken."""


async def explore_faults(
    play: Callable[[dict[int, Fault]], FaultedPlay], depth: int
) -> tuple[int, list[tuple[dict[int, str], list[str]]]]:
    """Play with every sequence of up to `depth` faults, at every request.

    Returns:
        How many sequences were played, and those that broke a rule.

    """
    played, bad = 0, []
    pending: list[dict[int, Fault]] = [{}]
    while pending:
        faults = pending.pop()
        run = play(faults)
        broken = await run.run()
        played += 1
        if broken:
            shown = {n: f"{f.kind} {f.when} {run.server.log[n]}" for n, f in faults.items()}
            bad.append((shown, broken))
        # Files that only show what the server permits are no part of a commit: one fault at most.
        if len(faults) < depth and not any(_is_of_probe(run, number) for number in faults):
            pending += [faults | {n: f} for n, f in _next_faults(run, max(faults, default=-1))]
    return played, bad


def _is_of_probe(run: FaultedPlay, number: int) -> bool:
    return "/probe-" in run.server.log[number].path


def _next_faults(run: FaultedPlay, last: int) -> Iterator[tuple[int, Fault]]:
    """Yield each fault behind the last one that leaves something else than the others do.

    Before and after a request that changes nothing are the same; and of a process that dies nothing
    is left but what it has changed.
    """
    log, changes = run.server.log, run.server.changes_before
    crashes = set()
    for number in range(last + 1, len(log)):
        if last >= 0 and _is_of_probe(run, number):
            continue
        for fault in FAULTS:
            if fault.when == "after" and log[number].name in READS:
                continue
            if fault.kind == "crash":
                left = changes[number] + (fault.when == "after")
                if left in crashes:
                    continue
                crashes.add(left)
            yield number, fault
