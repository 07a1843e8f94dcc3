"""Looks at the directories of a stream: when they are asked for, or ahead, while a batch runs."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sftp_async.errors import SFTPAsyncError

if TYPE_CHECKING:
    from sftp_async.read.listing import Listing

log = logging.getLogger("sftp_async.read.server_looks")

#: Seconds between the beginnings of two looks at least: Spark asks every 10 ms while there is
#: nothing to do (spark.sql.streaming.pollingDelay).
INTERVAL = 1.0


@dataclass(frozen=True)
class Look:
    """One listing.

    Attributes:
        listing: what it found.
        began: when, on the monotonic clock, in seconds.
        ended: the same.
        left_out: paths of files that are there, and not in the listing.

    """

    listing: Listing
    began: float
    ended: float
    left_out: Sequence[str] = ()

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files that are there, or that a manifest there names."""
        yield from (file.path for file in self.listing.files)
        yield from self.left_out
        yield from (error.path for error in self.listing.missing if error.path is not None)


class Clock(Protocol):
    """What tells the time, and waits."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class SystemClock:
    """The clock of this machine."""

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        time.sleep(seconds)


class Pending(Protocol):
    """A look that is in flight."""

    def result(self) -> Look:
        """Wait for its end; raises what went wrong."""


class ServerLooks:
    """Begins looks, never two within `INTERVAL`.

    Args:
        begin: begins a look after a number of seconds, in the background.
        clock: tells the time.
        looks_ahead: whether a look may be in flight while a batch is read.

    """

    def __init__(
        self, begin: Callable[[float], Pending], clock: Clock, *, looks_ahead: bool = True
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._looks_ahead = looks_ahead
        self._pending: Pending | None = None
        #: When the last look began, or will.
        self._last = -math.inf

    def begin_ahead(self) -> None:
        """Begin a look in the background, unless one is in flight."""
        if self._pending is None and self._looks_ahead:
            self._pending = self._begun()

    def ahead(self) -> Look | None:
        """Return the look that was begun in the background; waits for its end.

        One that failed is logged, and counts as none: the server may have had no connection left
        for it while a batch was read.
        """
        pending, self._pending = self._pending, None
        try:
            return None if pending is None else pending.result()
        except SFTPAsyncError as error:
            log.warning("a listing in the background failed, and is done once more: %s", error)
            return None

    def afresh(self) -> Look:
        """Return a look that begins now.

        Raises:
            SFTPAsyncError: the listing failed.

        """
        self.ahead()
        return self._begun().result()

    def is_recent(self, look: Look) -> bool:
        """Whether it is too soon to look again."""
        return self._clock.monotonic() - look.began < INTERVAL

    def _begun(self) -> Pending:
        now = self._clock.monotonic()
        delay = max(0.0, self._last + INTERVAL - now)
        self._last = now + delay
        return self._begin(delay)
