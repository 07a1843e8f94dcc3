"""`PermitDesk`: decides who may open a connection next, and how fast each one may be. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.progress.permit_messages import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Seconds that a permit rests whose holder vanished, or whose connection broke: the server may not
#: have noticed yet.
REST = 1.0
#: Urgent permits in a row after which the next is a task's, if one waits: the looks of some streams
#: could take all of them.
URGENT_IN_A_ROW = 3


@dataclass(eq=False)
class Claim:
    """One permit that is asked for, or held.

    Args:
        account: `user@host:port`.
        connections: most connections to it at once; None: any number.
        bandwidth: bytes a second of all of them; None: no limit.
        holder: the process that asks.
        urgent: goes before others that wait, a few in a row.
        notify: called with each new standing.

    """

    account: str
    connections: int | None
    bandwidth: int | None
    holder: str
    urgent: bool
    notify: Callable[[Standing], None]
    busy: bool = True
    standing: Standing | None = None


@dataclass
class _Account:
    held: list[Claim] = field(default_factory=list)
    waiting: list[Claim] = field(default_factory=list)
    resting: int = 0
    urgent_in_a_row: int = 0

    @property
    def in_use(self) -> int:
        return len(self.held) + self.resting

    @property
    def limit(self) -> int | None:
        return _least(claim.connections for claim in self.claims)

    @property
    def claims(self) -> list[Claim]:
        return [*self.held, *self.waiting]

    def next(self, holds: Counter[str]) -> Claim:
        """Return which one that waits is next.

        Args:
            holds: how many permits each process has.

        """
        urgent = self.urgent_in_a_row < URGENT_IN_A_ROW
        # The first of those that hold the fewest: all have one before any has a second.
        chosen = min(self.waiting, key=lambda claim: (claim.urgent != urgent, holds[claim.holder]))
        passes = chosen.urgent and not all(claim.urgent for claim in self.waiting)
        self.urgent_in_a_row = self.urgent_in_a_row + 1 if passes else 0
        return chosen


class PermitDesk:
    """The permits of one driver. Used on one thread.

    The smallest limit that a claim of an account has counts for all of them.

    Args:
        later: calls a function after that many seconds.

    Attributes:
        waiting: how many wait for a connection, in words; empty if none does.

    """

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self._accounts: dict[str, _Account] = {}
        self.waiting = ""

    def ask(self, claim: Claim, *, wait: bool) -> None:
        """Give a permit now or, with `wait`, as soon as there is one; else refuse it."""
        account = self._accounts.setdefault(claim.account, _Account())
        limit = _least(each.connections for each in (*account.claims, claim))
        free = limit is None or account.in_use < limit
        if not wait and (not free or account.waiting):
            limit = limit or 0
            claim.notify(Standing("refused", account.in_use, limit, len(account.waiting)))
            self._forget(claim.account)
            return
        account.waiting.append(claim)
        self._update(claim.account)

    def use(self, claim: Claim, busy: bool) -> None:
        """Note whether the claim's connection is in use."""
        claim.busy = busy
        self._update(claim.account)

    def end(self, claim: Claim, *, closed: bool) -> None:
        """Take a permit or a request from its holder.

        Args:
            claim: of it; may have ended before.
            closed: the server is known to have ended the connection.

        """
        account = self._accounts.get(claim.account)
        if account is None or claim not in account.claims:
            return
        if claim in account.waiting:
            account.waiting.remove(claim)
        else:
            account.held.remove(claim)
            if not closed:  # also without a limit of its own: another job's may count
                account.resting += 1
                self._later(REST, lambda: self._rested(claim.account))
        self._update(claim.account)

    def _rested(self, name: str) -> None:
        self._accounts[name].resting -= 1
        self._update(name)

    def _update(self, name: str) -> None:
        account = self._accounts[name]
        limit = account.limit
        while account.waiting and (limit is None or account.in_use < limit):
            holds = Counter(claim.holder for claim in account.held)
            chosen = account.next(holds)
            account.waiting.remove(chosen)
            account.held.append(chosen)
        busy = [claim for claim in account.held if claim.busy and claim.bandwidth is not None]
        bandwidth = _least(claim.bandwidth for claim in account.claims)
        rate = 0.0 if bandwidth is None else bandwidth / max(1, len(busy))
        counts = account.in_use, limit or 0, len(account.waiting)
        for claim in account.held:
            _notify(claim, Standing("held", *counts, 0.0 if claim.bandwidth is None else rate))
        for claim in account.waiting:
            # Not the number that waits: a thousand would hear of every one that comes and goes.
            _notify(claim, Standing("waiting", *counts[:2]))
        self._forget(name)
        self.waiting = ", ".join(
            f"{len(each.waiting)} waiting for a connection ({each.in_use} of {each.limit} in use)"
            for each in self._accounts.values()
            if each.waiting
        )

    def _forget(self, name: str) -> None:
        account = self._accounts[name]
        if not account.claims and not account.resting:
            del self._accounts[name]


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _notify(claim: Claim, standing: Standing) -> None:
    # Holders need no news of other holders, but of those that wait, and of their rate.
    before = claim.standing
    if before is not None and (before.state, before.rate) == (standing.state, standing.rate):
        if standing.state == "held" and bool(before.waiting) == bool(standing.waiting):
            return
        if standing == before:
            return
    claim.standing = standing
    claim.notify(standing)
