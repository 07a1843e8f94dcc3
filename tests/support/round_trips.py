"""Counts round trips: requests that are in flight together are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

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


class AnsweredTogether(RoundTrips):
    """Counts the round trips of real requests: the answers of all that are in flight come at once.

    An answer is held until every request that is in flight has one, and nothing else is asked for.

    Attributes:
        requests: how many there were.

    """

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self._unanswered = 0

    def counting(self, request: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return a request whose answers are held."""

        async def counted(*args: Any) -> Any:
            self.requests += 1
            self._unanswered += 1
            try:
                return await request(*args)
            finally:
                self._unanswered -= 1
                await self.turn()

        return counted

    def _tick(self) -> None:
        if self._unanswered:
            # The socket is read between two turns of the loop.
            self._quiet = 0
            asyncio.get_running_loop().call_later(0.001, self._tick)
            return
        super()._tick()
