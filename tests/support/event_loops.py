"""The event loops of tests, by their names in `@pytest.mark.asyncio(loop_factories=[...])`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until `turn`."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    async def turn(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass in small steps, as it does for a loop that is not blocked."""
        for _ in range(round(seconds / step)):
            self.now += step
            await asyncio.sleep(0)

    async def jump(self, seconds: float) -> None:
        """Let time pass at once, as it does for a loop that was blocked or a process stopped."""
        self.now += seconds
        await asyncio.sleep(0)


LOOP_FACTORIES: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "clock": Clock,
}
try:
    import uvloop
except ImportError:  # an extra; tests on it are skipped, and say so
    pass
else:
    LOOP_FACTORIES["uvloop"] = uvloop.new_event_loop
