"""A watchdog on progress: ends a connection whose server stays silent while an answer is due.

Neither asyncssh nor SSH's keepalive notices a frozen sftp-server behind a living sshd. Timing each
request does not work either: on a slow network a request waits behind megabytes that are moving.
So what counts is silence: no reply at all, of any request, for longer than the patience of one that
waits.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A timer that fires more than this many seconds late means that the event loop stood still.
LATE = 0.5


class Watchdog:
    """Calls `on_silence(seconds)` once, when replies are due and none came.

    Args:
        on_silence: ends the connection; called with the seconds for which the server was silent.

    """

    def __init__(self, on_silence: Callable[[float], None]) -> None:
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[float, int] = {}
        self._last_reply = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def expecting(self, patience: float) -> Iterator[None]:
        """Expect a reply while the block runs; leaving it means that a reply came.

        Args:
            patience: seconds of silence to tolerate.

        """
        if not self._waiting:
            self._last_reply = self._loop.time()
        self._waiting[patience] = self._waiting.get(patience, 0) + 1
        if self._timer is None or self._timer.when() > self._last_reply + patience:
            self._arm()
        try:
            yield
        finally:
            self._last_reply = self._loop.time()
            self._waiting[patience] -= 1
            if not self._waiting[patience]:
                del self._waiting[patience]

    def heard(self) -> None:
        """Note that the server answered in the middle of a long request."""
        self._last_reply = self._loop.time()

    @property
    def quiet_for(self) -> float:
        """Seconds since the last reply; 0 while one is due."""
        return 0.0 if self._waiting else self._loop.time() - self._last_reply

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._last_reply + min(self._waiting), self._look)

    def _look(self) -> None:
        if self._timer is None or not self._waiting:
            self._timer = None
            return
        due, now = self._timer.when(), self._loop.time()
        self._timer = None
        if now - due > LATE:
            # The loop itself stood still (a stopped process, a busy machine): answers may be
            # unread. That was not the server's silence, so the wait starts again.
            self._last_reply = now
        silence = now - self._last_reply
        # A timer may fire a clock tick early.
        if silence >= min(self._waiting) - 0.001:
            self._on_silence(silence)
        else:
            self._arm()
