"""Ends a command in order on Ctrl-C, SIGTERM or a closed terminal, at whatever moment it comes.

By default, Python raises `KeyboardInterrupt` wherever the main thread is, for Ctrl-C alone. Here
all three signals raise it, and while the work of a command runs on the event loop, none does: the
first signal is noted, `run` cancels the work and waits for its clean-up. A second signal ends the
command at once.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The signals, and what they do by default.
_DEFAULTS: dict[str, Any] = {
    "SIGINT": signal.default_int_handler,
    "SIGTERM": signal.SIG_DFL,
    "SIGHUP": signal.SIG_DFL,
}


class Interrupts:
    """The signals of this process that end a command.

    Attributes:
        number: of the first signal that came; None: none did.

    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._noted_only = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Let the signals raise `KeyboardInterrupt`; not those that the process is to ignore.

        A shell starts what runs in the background, and `nohup`, with signals ignored.
        """
        self.number = None
        before: dict[int, Any] = {}
        for name, default in _DEFAULTS.items():
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == default:
                with suppress(ValueError):  # only the main thread sets handlers
                    before[number] = signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Let the first signal be noted, in `number`, and raise nothing."""
        self._noted_only = True
        try:
            yield
        finally:
            self._noted_only = False

    @property
    def exit_status(self) -> int | None:
        """The exit status of a command that a signal has ended, as shells have it; else None."""
        return None if self.number is None else 128 + self.number

    def _on_signal(self, number: int, frame: object) -> None:
        first = self.number is None
        self.number = self.number or number
        if not (first and self._noted_only):
            raise KeyboardInterrupt


#: Those of this process.
interrupts = Interrupts()


def flush_streams() -> None:
    """Write out what the standard streams hold, if they still can."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
