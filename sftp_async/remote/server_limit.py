"""`ServerLimit`: how many connections a server accepts, as its refusals show."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.errors import SFTPAsyncError
    from sftp_async.remote.stats import PoolStats

log = logging.getLogger("sftp_async.remote.pool")

#: Seconds after a refused connection until the pool tries one beyond the lowered limit; doubled
#: each time that the server refuses again, up to the longest.
FIRST_PROBE = 30.0
LONGEST_PROBE = 600.0


class ServerLimit:
    """The limit of one pool: it falls when the server refuses, and grows one at a time.

    Args:
        stats: of the pool; its `limit` is kept here.
        most: connections that the pool may open at all.
        address: of the server, for messages.
        clock: seconds that only grow.

    """

    def __init__(
        self, stats: PoolStats, most: int, address: str, clock: Callable[[], float]
    ) -> None:
        self._stats = stats
        self._most = most
        self._address = address
        self._clock = clock
        #: While the limit is lowered: when to try one more connection, and the wait that follows.
        self._probe_at = -math.inf
        self._probe_wait = FIRST_PROBE

    def lower(self, size: int, error: SFTPAsyncError) -> None:
        """Continue with the connections that there are, and try another one after a while.

        Args:
            size: how many there are.
            error: how the server refused another one.

        """
        self._stats.limit = size
        now = self._clock()
        if now < self._probe_at:
            return  # refused together with the one that set the wait
        self._probe_at = now + self._probe_wait
        log.warning(
            "%s refuses more connections: continuing with %d, next attempt in %.0f s (%s)",
            self._address,
            self._stats.limit,
            self._probe_wait,
            error,
        )
        self._probe_wait = min(2 * self._probe_wait, LONGEST_PROBE)

    def may_probe(self) -> bool:
        """Whether one connection beyond the lowered limit may be tried now."""
        return self._stats.limit < self._most and self._clock() >= self._probe_at

    def accepted(self, size: int) -> None:
        """Note that the server accepted a connection; the next may follow when it is needed.

        Args:
            size: how many there are now.

        """
        if size > self._stats.limit:
            self._stats.limit = size
            self._probe_wait = FIRST_PROBE
