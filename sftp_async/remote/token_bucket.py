"""`TokenBucket`: lets bytes pass at a rate, by the event loop's time."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Seconds of its rate that a bucket holds at most: what may pass at once after a pause. It also
#: makes up for timers that fire late.
BURST = 0.25
#: Seconds of the rate that are sent at a time.
PIECE = 0.1
#: Seconds of the shortest wait: about the resolution of the timers of an event loop.
SHORTEST_WAIT = 0.001
#: Bytes of the smallest piece: SFTP's smallest usual request.
SMALLEST_PIECE = 32 * 1024


class TokenBucket:
    """A bucket that fills with `rate` bytes a second; its users are served in their order.

    Bytes pass as soon as the bucket is not empty, and what they take beyond its content is waited
    for by the next ones. So a piece larger than the bucket passes, too, and the mean holds.

    Args:
        rate: bytes a second; may be changed at any time.
        clock: seconds that only grow; the event loop's if not given.
        sleep: waits that many seconds.

    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._sleep = sleep
        self._rate = rate
        self._level = 0.0
        self._filled_at = self._clock()
        self._fills = True
        self._turn = asyncio.Lock()

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._fill()
        self._rate = rate
        self._level = min(self._level, rate * BURST)

    @property
    def piece(self) -> int:
        """Bytes to take at a time, so that they flow evenly."""
        return max(SMALLEST_PIECE, int(self._rate * PIECE))

    @property
    def fills(self) -> bool:
        """Whether it gains bytes as time passes; else others have its share."""
        return self._fills

    @fills.setter
    def fills(self, fills: bool) -> None:
        self._fill()
        self._fills = fills

    @property
    def owed(self) -> float:
        """Seconds until the bytes that have passed are paid for."""
        self._fill()
        return max(0.0, -self._level / self._rate)

    async def take(self, size: int) -> None:
        """Take `size` bytes, once the bytes before them are paid for."""
        async with self._turn:
            self.fills = True
            while self._level < 0:
                # The rate may rise meanwhile. What is left after a rounding would take no time.
                await self._sleep(min(max(-self._level / self._rate, SHORTEST_WAIT), 1.0))
                self._fill()
            self._level -= size

    def _fill(self) -> None:
        now = self._clock()
        gained = (now - self._filled_at) * self._rate if self._fills else 0.0
        self._level = min(self._level + gained, self._rate * BURST)
        self._filled_at = now


class Paces:
    """Several buckets that the same bytes pass through: of the connection, and of the job.

    Args:
        buckets: each of them limits.
        on_wait: called with the seconds that bytes have waited.
        clock: of those seconds; more precise than that of some event loops.

    """

    def __init__(
        self,
        *buckets: TokenBucket,
        on_wait: Callable[[float], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets = buckets
        self._on_wait = on_wait
        self._clock = clock
        self._waiting = 0
        self._passed_at = -math.inf

    @property
    def piece(self) -> int:
        """Bytes to take at a time."""
        return min(bucket.piece for bucket in self._buckets)

    @property
    def quiet_for(self) -> float:
        """Seconds since bytes have passed, by the event loop's clock; 0 while some wait."""
        now = asyncio.get_running_loop().time()
        return 0.0 if self._waiting else now - self._passed_at

    async def take(self, size: int) -> None:
        """Take `size` bytes from each."""
        began = self._clock()
        self._waiting += 1
        try:
            for bucket in self._buckets:
                await bucket.take(size)
        finally:
            self._waiting -= 1
            self._passed_at = asyncio.get_running_loop().time()
        self._on_wait(self._clock() - began)
