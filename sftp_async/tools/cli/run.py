"""Runs a command's work on the runtime: to its end, also when Ctrl-C asks it to stop."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime, new_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.pool import ConnectionPool

T = TypeVar("T")

#: Seconds that an interrupted command may take to remove what it left.
CLEARING_SECONDS = 15.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; an interrupt cancels it, and waits for its `finally` blocks."""
    ended = threading.Event()

    async def watched() -> T:
        try:
            return await work
        finally:
            ended.set()

    try:
        return get_runtime().run(watched())
    except KeyboardInterrupt:
        ended.wait(CLEARING_SECONDS)
        raise


@asynccontextmanager
async def pool_of(options: SFTPOptions) -> AsyncIterator[ConnectionPool]:
    """Lend a pool with a connection in it, and close it at the end.

    What cannot be reached at once is an error at once: somebody waits for the command.

    Raises:
        ConnectError, OptionsError: no connection.

    """
    resolved = options.resolve()
    pool = new_pool(resolved, RetryPolicy(0, resolved.retry_delay))
    try:
        async with pool.lease():
            pass
        yield pool
    finally:
        await pool.close()
