"""Ends a run that takes too long."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class RunTimeoutError(Exception):
    """A run did not end in time."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `RunTimeoutError` in the main thread when the block takes longer; elsewhere do nothing.

    An alarm, so that it also ends a wait for Spark or for a tool. One that was set before (a
    test's) is set again afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise RunTimeoutError(f"did not end within {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, ring)
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    started = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if before:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, before - (time.monotonic() - started)))
