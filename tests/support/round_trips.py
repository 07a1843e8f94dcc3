"""Counts round trips: requests that are in flight together are answered together."""

from __future__ import annotations

import asyncio

#: Turns of the event loop without a new request after which no more is coming.
QUIET = 25


class RoundTrips:
    """Holds every request until nothing else is asked for; await `turn` before each answer.

    Attributes:
        count: round trips so far.
        most: requests that were in flight at once, at most.

    """

    def __init__(self) -> None:
        self.count = 0
        self.most = 0
        self._held: list[asyncio.Future[None]] = []
        self._quiet = 0

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        held = loop.create_future()
        if not self._held:
            loop.call_soon(self._tick)
        self._held.append(held)
        self._quiet = 0
        await held

    def _tick(self) -> None:
        self._quiet += 1
        if self._quiet < QUIET:
            asyncio.get_running_loop().call_soon(self._tick)
            return
        self.count += 1
        self.most = max(self.most, len(self._held))
        held, self._held = self._held, []
        for one in held:
            one.set_result(None)
