"""The event loops of tests, by their names in `@pytest.mark.asyncio(loop_factories=[...])`."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class _NoPolling(selectors.DefaultSelector):
    """A selector that does not ask the system while callbacks wait to run."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return [] if timeout is not None and timeout <= 0 else super().select(timeout)


def without_polling() -> asyncio.AbstractEventLoop:
    """Create a loop that looks at its sockets when it has nothing else to do, and not before.

    Where no test waits for a socket, nothing else differs, and a tenth of the time is saved.
    """
    return asyncio.SelectorEventLoop(_NoPolling())


async def settle() -> None:
    """Return once every other task of the loop waits for something."""
    loop: Any = asyncio.get_running_loop()
    await asyncio.sleep(0)
    # The loop has no public way to ask whether it is idle.
    while loop._ready:
        await asyncio.sleep(0)


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
    "without polling": without_polling,
}
try:
    import uvloop
except ImportError:  # an extra; tests on it are skipped, and say so
    pass
else:
    LOOP_FACTORIES["uvloop"] = uvloop.new_event_loop
