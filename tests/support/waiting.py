"""Waits for a state of the machine, or for a message in the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable


def soon(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether a state of the machine, which no event reports, comes about within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class ExpectedLog(logging.Handler):
    """Waits for a log message: `with ExpectedLog("sftp_async.remote.pool", "retry 2") as retry: …`.

    `then` is called for each message that contains `words`, by the thread that logs it.
    """

    def __init__(self, logger: str, words: str, then: Callable[[], object] = lambda: None) -> None:
        super().__init__(logging.DEBUG)
        self._logger = logging.getLogger(logger)
        self._words = words
        self._then = then
        self._event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self._event.set()
            self._then()

    def wait(self, seconds: float = 30) -> None:
        assert self._event.wait(seconds), f"{self._logger.name} did not log {self._words!r}"

    def __enter__(self) -> ExpectedLog:
        self._level = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)
