"""Runs the work of a command on the event loop, and lets it clean up after Ctrl-C."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sftp_async.remote.runtime import get_runtime, new_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.pool import ConnectionPool

T = TypeVar("T")

#: Seconds that an interrupted command may take to clean up.
CLEAN_UP_SECONDS = 15.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; an interrupt cancels it and waits for its `finally` blocks."""
    ended = threading.Event()

    async def watched() -> T:
        try:
            return await work
        finally:
            ended.set()

    try:
        return get_runtime().run(watched())
    except KeyboardInterrupt:
        ended.wait(CLEAN_UP_SECONDS)
        raise


@asynccontextmanager
async def pool_of(options: SFTPOptions) -> AsyncIterator[ConnectionPool]:
    """Provide a pool with an open connection, and close it at the end.

    The pool does not retry a failed connect: the user of a command wants the error at once.

    Raises:
        OptionsError: a key or a reference cannot be used.
        ConnectError: the connection failed.

    """
    pool = new_pool(options.resolve().model_copy(update={"max_retries": 0}))
    try:
        async with pool.lease():
            pass
        yield pool
    finally:
        await pool.close()
