"""Runs one remote operation on a pooled connection, with retries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, ConnectError
from sftp_async.remote.pool import ConnectionPool, T, log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection


async def run_operation(
    pool: ConnectionPool,
    retry: RetryPolicy,
    step: Callable[[Connection], Awaitable[T]],
    *,
    patient: bool = False,
) -> T:
    """Run a step on a leased connection; again, on another one, if that breaks.

    Args:
        pool: where connections come from.
        retry: how often, and with what waits.
        step: what to run; it may be done twice.
        patient: also come back after no connection could be made, which the pool retries by itself.

    Raises:
        SFTPAsyncError: whatever the step raises; the last error when retries are used up.

    """
    failures = 0
    repeated = (*UNKNOWN_OUTCOME, ConnectError) if patient else UNKNOWN_OUTCOME
    while True:
        try:
            async with pool.lease() as connection:
                return await step(connection)
        except repeated as error:
            failures += 1
            delay = retry.delay(failures) if error.retryable else None
            if delay is None:
                raise
            log.warning("%s; once more in %.1f s", error, delay)
            pool.note_retry()
            await asyncio.sleep(delay)
