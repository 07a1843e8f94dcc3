"""Runs one remote operation on a pooled connection, with retries."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from sftp_async.errors import NO_CONNECTION, UNKNOWN_OUTCOME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection

T = TypeVar("T")

log = logging.getLogger("sftp_async.remote.operation")


async def run_operation(
    pool: ConnectionPool,
    retry: RetryPolicy,
    step: Callable[[Connection], Awaitable[T]],
    *,
    retry_connect: bool = False,
) -> T:
    """Run a step on a leased connection, and again on another one if that connection breaks.

    Args:
        pool: where connections come from.
        retry: how often, and with what waits.
        step: what to run; it must be idempotent.
        retry_connect: also retry when no connection could be made, beyond the retries of the pool
            itself.

    Raises:
        SFTPAsyncError: whatever the step raises; the last error when the retries are used up.

    """
    on = (*UNKNOWN_OUTCOME, *NO_CONNECTION) if retry_connect else UNKNOWN_OUTCOME
    async for attempt in retry.attempts(
        on=on, name=pool.address, log=log, on_retry=pool.note_retry
    ):
        async with attempt, pool.lease() as connection:
            result = await step(connection)
    return result
