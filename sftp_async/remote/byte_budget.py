"""`ByteBudget`: bounds the bytes between the encoder's thread and the wire; full means wait."""

from __future__ import annotations

import threading


class ByteBudget:
    """A bounded count of bytes, taken on one thread and given back on another.

    A request larger than the whole budget is granted when nothing else is out, so that no chunk
    size can block for ever. After `fail`, every present and future `acquire` raises that error.

    Args:
        limit: bytes.

    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def __repr__(self) -> str:
        return f"<ByteBudget {self._used:,} of {self._limit:,} bytes>"

    def acquire(self, size: int) -> None:
        """Take `size` bytes; waits until they are free. Raises what `fail` was told."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure or not self._used or self._used + size <= self._limit
            )
            if self._failure:
                raise self._failure
            self._used += size

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let every waiter, and whoever comes later, fail with `error`; the first told counts."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what `fail` was told, if anything."""
        if self._failure:
            raise self._failure
