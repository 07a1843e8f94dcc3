"""How long a step of a commit keeps trying when there is no connection to be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sftp_async.errors import AuthenticationError, ConnectError, ConnectionLostError
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy


class Pool:
    """Fails to lend until its errors are used up."""

    address = "user@host:22"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0
        self.retries = 0

    def note_retry(self) -> None:
        self.retries += 1

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[str]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        yield "a connection"


async def run(pool: Pool, *, retry_connect: bool) -> str:
    async def step(connection: Any) -> str:
        return f"done on {connection}"

    return await run_operation(pool, RetryPolicy(3, 0.0), step, retry_connect=retry_connect)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_commit_waits_for_a_server_that_restarts() -> None:
    pool = Pool(ConnectError("refused"), ConnectionLostError("lost"), ConnectError("refused"))
    assert await run(pool, retry_connect=True) == "done on a connection"
    assert (pool.asked, pool.retries) == (4, 3)


@pytest.mark.asyncio
async def test_patience_ends_with_the_retries() -> None:
    pool = Pool(*[ConnectError(f"refused {n}") for n in range(9)])
    with pytest.raises(ConnectError, match="refused 3"):
        await run(pool, retry_connect=True)
    assert pool.asked == 4


@pytest.mark.asyncio
async def test_other_steps_tell_at_once_that_there_is_no_connection() -> None:
    pool = Pool(ConnectError("refused"))
    with pytest.raises(ConnectError):
        await run(pool, retry_connect=False)
    assert pool.asked == 1


@pytest.mark.asyncio
async def test_no_patience_is_worth_a_refused_login() -> None:
    pool = Pool(AuthenticationError("no"))
    with pytest.raises(AuthenticationError):
        await run(pool, retry_connect=True)
    assert pool.asked == 1
