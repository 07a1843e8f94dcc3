"""The retry loop: which errors are worth another attempt, how many, and how long to wait before."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sftp_async.errors import ConnectionGivenUpError, SFTPAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sftp_async.options import ConnectionOptions

#: No wait grows beyond this, in seconds.
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter: a hundred tasks cut off at once do not return at once.

    Args:
        max_retries: attempts after the first; 0 means one attempt only.
        first_delay: seconds before the first retry; each further one waits about twice as long.

    """

    max_retries: int
    first_delay: float

    @classmethod
    def of(cls, options: ConnectionOptions) -> Self:
        """Return the policy that the options ask for."""
        return cls(options.max_retries, options.retry_delay)

    def delay(self, failures: int) -> float | None:
        """Return the seconds to wait after this many failures in a row; None: give up."""
        if failures > self.max_retries:
            return None
        # 50 to 100 % of the full wait: spread out, and never without a pause.
        full = min(self.first_delay * 2.0 ** (failures - 1), LONGEST_WAIT)
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - no secret is made of it

    def attempts(
        self,
        *,
        on: tuple[type[SFTPAsyncError], ...],
        name: str,
        log: logging.Logger,
        level: int = logging.WARNING,
        on_retry: Callable[[], None] = lambda: None,
        deadline: float | None = None,
    ) -> Attempts:
        """Return an iterator of attempts; see `Attempts`.

        Args:
            on: the errors after which to try again, if they are also `retryable`.
            name: what is tried, for the log.
            log: the logger that each retry is reported to.
            level: of these messages.
            on_retry: called before each retry, to count it.
            deadline: on the event loop's clock; every retry begins before it.

        """
        return Attempts(self, on, name, log, level, on_retry, deadline)


class Attempts:
    """Runs a block until it succeeds, or fails for good; made by `RetryPolicy.attempts`.

        async for attempt in policy.attempts(on=UNKNOWN_OUTCOME, name=path, log=log):
            async with attempt, pool.lease() as connection:
                return await step(connection)

    It is the iterator and each of its attempts: `async with` decides whether the error that ends
    the block is worth another round, and `async for` waits before it. The error of the last attempt
    is raised.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        on: tuple[type[SFTPAsyncError], ...],
        name: str,
        log: logging.Logger,
        level: int,
        on_retry: Callable[[], None],
        deadline: float | None,
    ) -> None:
        self._policy = policy
        self._on = on
        self._name = name
        self._log = log
        self._level = level
        self._on_retry = on_retry
        self._deadline = deadline
        self._failures = 0
        self._wait: float | None = None
        self._succeeded = False

    def progress(self) -> None:
        """Forget the failures so far: this attempt has got further than those before it."""
        self._failures = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Self:
        if self._succeeded:
            raise StopAsyncIteration
        if self._wait is not None:
            await asyncio.sleep(self._wait)
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._succeeded = error is None
        if not isinstance(error, self._on) or not error.retryable:
            return False
        if isinstance(error, ConnectionGivenUpError):
            self._wait = None  # no failure: others had waited longer
            return True
        self._failures += 1
        delay = self._policy.delay(self._failures)
        if delay is None or self._is_too_late(delay):
            return False
        self._wait = delay
        self._log.log(
            self._level, "%s: retry %d in %.1f s (%s)", self._name, self._failures, delay, error
        )
        self._on_retry()
        return True

    def _is_too_late(self, delay: float) -> bool:
        if self._deadline is None:
            return False
        return asyncio.get_running_loop().time() + delay >= self._deadline
