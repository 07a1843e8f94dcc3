"""Every sequence of faults that can befall a play: the search that the models of commits share."""

from __future__ import annotations

import pickle
import re
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Protocol

from tests.support.memory_server import READS, Fault, MemoryServer

FAULTS = [Fault(kind, when) for kind in ("lost", "crash") for when in ("before", "after")]
#: A random id, or the half of one that is in a final name; and hashes, which are longer.
HEX = re.compile(rb"[0-9a-f]{16,}")


class FaultedPlay(Protocol):
    """A job, or a micro-batch, with faults by number of the request."""

    server: MemoryServer
    #: How many requests a fault may befall; 0 until they are made.
    requests: int

    async def run(self) -> list[str]:
        """Play it; returns the rules that were broken."""

    def situation(self) -> object:
        """Return all that the rest of the play depends on, except for the server.

        It is what the process has in memory when it connects, and what the judgment will use of
        what was seen. It is not asked for where plays are played in full.
        """


class Known(BaseException):
    """The rest of this play would be as that of another one."""


class Situations:
    """The situations in which plays were after their last fault, of one exploration.

    A fault ends the connection, and what was to happen on it. What comes then starts with a new
    connection, either of the next process or of the same operation, which is called again from its
    beginning. So it depends on nothing but what the server holds, its clock, what is in the memory
    of the process apart from that call (its committer and the arguments) and the faults to come.
    Where all of these equal those of an earlier play, so does all that follows: the rules that are
    broken, and what further faults can do. This holds as long as a committer keeps what it knows
    in itself, and not in variables of modules.

    Two situations are equal too if one has other random ids than the other in the same places: no
    rule of the commit and of the model may depend on their digits.
    """

    def __init__(self) -> None:
        self._left: dict[bytes, int] = {}

    def enter(self, play: FaultedPlay, left: int) -> None:
        """Note that a play is in a situation, with so many more faults to be tried after it.

        Raises:
            Known: with as many faults it was tried before.

        """
        server = play.server
        state = pickle.dumps((server.nodes, server.now, play.situation()))
        key = sha256(_with_numbered_ids(state)).digest()
        if self._left.get(key, -1) >= left:
            raise Known
        self._left[key] = left


def _with_numbered_ids(pickled: bytes) -> bytes:
    """Replace random ids by numbers, in the order in which they first occur."""
    numbers: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        digits = found[0]
        # In front of a string is its length, in a byte that may look like a digit.
        start = len(digits) % 16
        if start > 1 or len(digits) > 33:
            return digits
        known = numbers.setdefault(digits[start : start + 16], b"%016d" % len(numbers))
        return digits[:start] + known + bytes(len(digits) - start - 16)

    return HEX.sub(number, pickled)


async def explore_faults(
    play: Callable[[dict[int, Fault]], FaultedPlay], depth: int, *, in_full: bool = False
) -> tuple[int, list[tuple[dict[int, str], list[str]]]]:
    """Play with every sequence of up to `depth` faults, at every request.

    A play ends where its rest is known from another one. Shorter sequences come first, so their
    rests are the ones that were played.

    Args:
        play: makes a play with these faults.
        depth: how many faults a sequence has at most.
        in_full: play also what is known.

    Returns:
        How many sequences were played, and those that broke a rule.

    """
    played, bad = 0, []
    pending: deque[dict[int, Fault]] = deque([{}])
    situations = Situations()
    while pending:
        faults = pending.popleft()
        run = play(faults)
        if faults and not in_full:
            _end_where_known(run, faults, depth, situations)
        played += 1
        try:
            broken = await run.run()
        except Known:
            continue
        if broken:
            shown = {n: f"{f.kind} {f.when} {run.server.log[n]}" for n, f in faults.items()}
            bad.append((shown, broken))
        if _left(run, faults, depth):
            pending += [faults | {n: f} for n, f in _next_faults(run, max(faults, default=-1))]
    return played, bad


def _end_where_known(
    run: FaultedPlay, faults: dict[int, Fault], depth: int, situations: Situations
) -> None:
    server = run.server

    def look() -> None:
        if not server.faults and not run.requests:
            server.on_connect = lambda: None
            situations.enter(run, _left(run, faults, depth))

    server.on_connect = look


def _left(run: FaultedPlay, faults: dict[int, Fault], depth: int) -> int:
    """Return how many faults are to be tried after these.

    Files that only show what the server permits are no part of a commit: one fault at most.
    """
    return 0 if any(_is_of_probe(run, number) for number in faults) else depth - len(faults)


def _is_of_probe(run: FaultedPlay, number: int) -> bool:
    return "/probe-" in run.server.log[number].path


def _next_faults(run: FaultedPlay, last: int) -> Iterator[tuple[int, Fault]]:
    """Yield each fault behind the last one that leaves something else than the others do.

    Before and after a request that changes nothing are the same; and of a process that dies nothing
    is left but what it has changed.
    """
    log, changes = run.server.log, run.server.changes_before
    crashes = set()
    for number in range(last + 1, run.requests):
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
