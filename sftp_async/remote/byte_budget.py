"""`ByteBudget`: bounds the bytes between the encoder's thread and the network (backpressure)."""

from __future__ import annotations

import threading

from sftp_async.errors import raise_again


class ByteBudget:
    """A bounded count of bytes, taken on one thread and returned on another.

    A request larger than the whole budget is granted when no other bytes are taken, so that no
    chunk size can block for ever. After `fail`, every present and future `acquire` raises that
    error.

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
        """Take `size` bytes; wait until they are free. Raises the error given to `fail`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure or not self._used or self._used + size <= self._limit
            )
            self.check()
            self._used += size

    def release(self, size: int) -> None:
        """Return `size` bytes."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Make every present and future `acquire` fail with `error`; the first error counts."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def check(self) -> None:
        """Raise the error given to `fail`, if there was one."""
        if self._failure:
            # A new one for each thread: a shared exception gathers the tracebacks of all of them.
            raise_again(self._failure)
