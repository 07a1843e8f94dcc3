"""The pool's decisions, with connections that only pretend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    PoolClosed,
    ServerBusyError,
)
from sftp_async.remote import pool as pool_module
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.ssh import Connection


class FakeConnection:
    """A connection as far as the pool looks at one."""

    def __init__(self) -> None:
        self.usable = True
        self.channels = 1
        self.closed = asyncio.Event()
        self.alive = True

    def abort(self) -> None:
        self.usable = False

    async def close(self) -> None:
        self.usable = False
        self.closed.set()

    async def realpath(self, path: str) -> str:
        if not self.alive:
            raise ConnectionLostError("gone")
        return path


class FakeServer:
    """Lets clients in while there is room; counts them."""

    def __init__(self, *answers: Exception | None, room: int = 100) -> None:
        self.answers = list(answers)
        self.room = room
        self.let_in: list[FakeConnection] = []
        self.asked = 0

    async def connect(self) -> Connection:
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        if sum(c.usable for c in self.let_in) >= self.room:
            raise ServerBusyError("enough")
        self.let_in.append(FakeConnection())
        return cast("Connection", self.let_in[-1])


@asynccontextmanager
async def pool_for(server: FakeServer, **options: Any) -> AsyncIterator[ConnectionPool]:
    """A pool of connections to this server, closed in the end."""
    arguments: dict[str, Any] = {
        "address": "user@host:22",
        "max_size": 2,
        "max_idle": 60,
        "timeout": 5,
        "retry": RetryPolicy(3, 0.001),
    }
    pool = ConnectionPool(server.connect, **(arguments | options))
    async with asyncio.timeout(20):
        yield pool
        await pool.close()


@pytest.mark.asyncio
async def test_a_connection_is_used_again_by_the_next_lease() -> None:
    server = FakeServer()

    async with pool_for(server) as pool:
        for _ in range(5):
            async with pool.lease():
                pass
        assert (
            repr(pool) == "<ConnectionPool user@host:22 open: 1 of 2 connections, 1 idle, 0 leases>"
        )
        assert pool.get_stats().leases_total == 5
    assert server.asked == 1


@pytest.mark.asyncio
async def test_the_lanes_of_all_connections_are_counted() -> None:
    server = FakeServer()

    async with pool_for(server) as pool, pool.lease(), pool.lease():
        server.let_in[0].channels = 4
        assert pool.get_stats().lanes == 5


@pytest.mark.asyncio
async def test_leases_beyond_the_limit_share_the_least_busy_connection() -> None:
    server = FakeServer()

    async with (
        pool_for(server) as pool,
        pool.lease() as a,
        pool.lease() as b,
        pool.lease() as c,
        pool.lease() as d,
    ):
        assert a is not b
        assert {id(c), id(d)} == {id(a), id(b)}
        assert repr(pool).endswith("2 of 2 connections, 0 idle, 4 leases>")
    assert server.asked == 2


@pytest.mark.asyncio
async def test_a_server_that_lets_no_more_in_shrinks_the_pool_and_the_lease_shares() -> None:
    server = FakeServer(room=1)

    async with pool_for(server, max_size=8) as pool:
        async with pool.lease() as a, pool.lease() as b, pool.lease() as c:
            assert a is b is c
        stats = pool.get_stats()
        assert (stats.limit, stats.size, stats.connect_errors_total) == (1, 1, 1)
    assert server.asked == 2


@pytest.mark.asyncio
async def test_a_busy_server_is_asked_again_when_there_is_no_connection_to_share() -> None:
    server = FakeServer(ServerBusyError("later"), ConnectError("reset"))

    async with pool_for(server) as pool, pool.lease() as connection:
        assert connection.usable
    assert server.asked == 3


@pytest.mark.asyncio
async def test_retries_end_and_the_servers_own_error_comes_out() -> None:
    server = FakeServer(*[ConnectError(f"refused {n}") for n in range(9)])

    async with pool_for(server) as pool:
        with pytest.raises(ConnectError, match="refused 3"):
            async with pool.lease():
                pass
    assert server.asked == 4


@pytest.mark.asyncio
async def test_a_wrong_password_is_tried_once() -> None:
    server = FakeServer(AuthenticationError("no"))

    async with pool_for(server) as pool:
        with pytest.raises(AuthenticationError):
            async with pool.lease():
                pass
    assert server.asked == 1


@pytest.mark.asyncio
async def test_a_connection_that_broke_while_leased_is_not_lent_again() -> None:
    server = FakeServer()

    async with pool_for(server) as pool:
        async with pool.lease() as first:
            first.abort()
        async with pool.lease() as second:
            assert second is not first
        assert pool.get_stats().lost_total == 1


@pytest.mark.asyncio
async def test_an_idle_connection_that_died_is_found_out_before_it_is_lent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "CHECK_AFTER", 0.0)
    server = FakeServer()

    async with pool_for(server) as pool:
        async with pool.lease():
            pass
        server.let_in[0].alive = False
        async with pool.lease() as connection:
            assert connection is cast("Connection", server.let_in[1])


@pytest.mark.asyncio
async def test_an_idle_connection_is_closed_after_a_while() -> None:
    server = FakeServer()

    async with pool_for(server, max_idle=0.01) as pool:
        async with pool.lease():
            pass
        await server.let_in[0].closed.wait()
        assert pool.get_stats().expired_total == 1
        assert pool.get_stats().size == 0


@pytest.mark.asyncio
async def test_leases_wait_for_the_one_connection_that_is_being_opened() -> None:
    server = FakeServer()

    async with pool_for(server, max_size=1) as pool:

        async def use() -> int:
            async with pool.lease() as connection:
                return id(connection)

        used = await asyncio.gather(*(use() for _ in range(20)))
        assert len(set(used)) == 1
    assert server.asked == 1


@pytest.mark.asyncio
async def test_a_waiting_lease_takes_over_when_the_one_that_was_connecting_fails() -> None:
    server = FakeServer(AuthenticationError("no"))

    async with pool_for(server, max_size=1) as pool:

        async def use() -> str:
            try:
                async with pool.lease():
                    return "served"
            except AuthenticationError:
                return "refused"

        assert sorted(await asyncio.gather(use(), use())) == ["refused", "served"]


@pytest.mark.asyncio
async def test_a_cancelled_lease_leaves_no_trace() -> None:
    server = FakeServer()

    async with pool_for(server) as pool:
        leased = asyncio.Event()

        async def hold() -> None:
            async with pool.lease():
                leased.set()
                await asyncio.Event().wait()

        holder = asyncio.create_task(hold())
        await leased.wait()
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        assert pool.get_stats().leases == 0


@pytest.mark.asyncio
async def test_a_closed_pool_lends_nothing() -> None:
    async with pool_for(FakeServer()) as pool:
        await pool.close()
        with pytest.raises(PoolClosed):
            async with pool.lease():
                pass


@pytest.mark.asyncio
async def test_closing_the_pool_closes_every_connection() -> None:
    server = FakeServer()

    async with pool_for(server) as pool, pool.lease(), pool.lease():
        pass
    assert [c.closed.is_set() for c in server.let_in] == [True, True]
