"""The pool's decisions, with connections that only pretend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    PoolClosed,
    PoolTimeout,
    ServerBusyError,
)
from sftp_async.remote.pool import CHECK_AFTER, ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.server_limit import FIRST_PROBE, LONGEST_PROBE
from tests.support.event_loops import Clock


class FakeConnection:
    """A connection as far as the pool looks at one."""

    def __init__(self) -> None:
        self.usable = True
        self.channels = 1
        self.closed = asyncio.Event()
        self.alive = True
        self.silent = False

    def abort(self) -> None:
        self.usable = False

    async def close(self) -> None:
        self.usable = False
        self.closed.set()

    async def realpath(self, path: str) -> str:
        if self.silent:
            await asyncio.Event().wait()
        if not self.alive:
            raise ConnectionLostError("gone")
        return path


class FakeServer:
    """Lets clients in up to a limit; counts them."""

    def __init__(self, *answers: Exception | None, most: int = 100) -> None:
        self.answers = list(answers)
        self.most = most
        self.let_in: list[FakeConnection] = []
        self.asked = 0
        #: Seconds that a login takes.
        self.delay = 0.0
        #: Of the pool's clock.
        self.now = 0.0

    async def connect(self) -> Any:
        self.asked += 1
        await asyncio.sleep(self.delay)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        if sum(c.usable for c in self.let_in) >= self.most:
            raise ServerBusyError("enough")
        self.let_in.append(FakeConnection())
        return self.let_in[-1]


@asynccontextmanager
async def pool_for(server: FakeServer, **options: Any) -> AsyncIterator[ConnectionPool]:
    """A pool of connections to this server, closed in the end."""
    arguments: dict[str, Any] = {
        "address": "user@host:22",
        "max_size": 2,
        "max_idle": 60,
        "timeout": 5,
        "retry": RetryPolicy(3, 0.001),
        "clock": lambda: server.now,
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
async def test_the_channels_of_all_connections_are_counted() -> None:
    server = FakeServer()

    async with pool_for(server) as pool, pool.lease(), pool.lease():
        server.let_in[0].channels = 4
        assert pool.get_stats().channels == 5


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
    server = FakeServer(most=1)

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
async def test_an_idle_connection_that_died_is_found_out_before_it_is_lent() -> None:
    server = FakeServer()

    async with pool_for(server) as pool:
        async with pool.lease():
            pass
        server.let_in[0].alive = False
        server.now += CHECK_AFTER
        async with pool.lease() as connection:
            assert id(connection) == id(server.let_in[1])


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


# One deadline for all that a lease takes


async def turn(clock: Clock, seconds: float) -> None:
    """Let time pass in tenths of a second, and everything happen that is due at each."""
    for tenth in range(round(seconds * 10) + 1):
        clock.now = round(clock.now + (0.1 if tenth else 0), 1)
        for _ in range(50):
            await asyncio.sleep(0)


async def ended_after(pool: ConnectionPool, leases: int, seconds: float) -> list[tuple[float, str]]:
    """Ask for leases at once; return when each ended, and how, in the seconds given."""
    clock = asyncio.get_running_loop()
    assert isinstance(clock, Clock)
    start, found = clock.now, []

    async def lease() -> None:
        try:
            async with pool.lease():
                how = "leased"
        except (ConnectError, PoolTimeout) as error:
            how = type(error).__name__
        found.append((round(clock.now - start, 1), how))

    tasks = [asyncio.create_task(lease()) for _ in range(leases)]
    await turn(clock, seconds)
    for task in tasks:
        task.cancel()
    return found


@pytest.mark.asyncio(loop_factories=["clock"])
async def test_leases_that_wait_for_others_attempts_end_at_their_own_deadline() -> None:
    server = FakeServer(*[ConnectError("refused") for _ in range(99)])
    server.delay = 0.4
    async with pool_for(server, max_size=1, timeout=0.5, retry=RetryPolicy(0, 0.0)) as pool:
        found = await ended_after(pool, 6, seconds=5)
    assert found == [(0.4, "ConnectError"), *[(0.5, "PoolTimeout")] * 5]


@pytest.mark.asyncio(loop_factories=["clock"])
async def test_a_login_that_never_ends_takes_no_longer_than_the_lease_may() -> None:
    server = FakeServer()
    server.delay = 1000
    async with pool_for(server, max_size=1, timeout=0.5) as pool:
        assert await ended_after(pool, 2, seconds=2) == [(0.5, "PoolTimeout")] * 2
        assert pool.get_stats().size == 0


@pytest.mark.asyncio(loop_factories=["clock"])
async def test_a_retry_that_runs_out_of_time_raises_the_error_of_the_attempt_before_it() -> None:
    server = FakeServer(ConnectError("refused"))
    server.delay = 0.3
    async with pool_for(server, max_size=1, timeout=0.5, retry=RetryPolicy(3, 0.0)) as pool:
        assert await ended_after(pool, 1, seconds=2) == [(0.5, "ConnectError")]
    assert server.asked == 2


@pytest.mark.asyncio(loop_factories=["clock"])
async def test_a_stalled_health_check_leaves_time_for_a_new_connection() -> None:
    server = FakeServer()
    async with pool_for(server, max_size=1, timeout=1.0) as pool:
        async with pool.lease():
            pass
        server.let_in[0].silent = True
        server.now += CHECK_AFTER
        assert await ended_after(pool, 1, seconds=3) == [(0.5, "leased")]
        assert not server.let_in[0].usable
        assert pool.get_stats().lost_total == 1


@pytest.mark.asyncio
async def test_a_timed_out_lease_tells_why_there_was_no_connection() -> None:
    server = FakeServer(ConnectError("nothing listens there"))
    async with pool_for(server, max_size=1, timeout=0.0, retry=RetryPolicy(0, 0.0)) as pool:
        with pytest.raises(ConnectError):
            await pool._open_or_share(asyncio.get_running_loop().time() + 60)
        with pytest.raises(PoolTimeout, match="last failure: nothing listens there") as caught:
            async with pool.lease():
                pass
        assert caught.value.retryable


# The limit follows what the server accepts


async def hold(pool: ConnectionPool, stack: AsyncExitStack, leases: int) -> int:
    """Take leases and keep them; return how many connections there are then."""
    for _ in range(leases):
        await stack.enter_async_context(pool.lease())
    return pool.get_stats().size


@pytest.mark.asyncio
async def test_a_lowered_limit_grows_again_when_the_server_accepts_more() -> None:
    server = FakeServer(most=2)
    async with pool_for(server, max_size=5) as pool, AsyncExitStack() as stack:
        assert await hold(pool, stack, 4) == 2
        server.most = 4
        server.now = FIRST_PROBE - 1
        assert await hold(pool, stack, 1) == 2
        server.now = FIRST_PROBE
        assert await hold(pool, stack, 2) == 4
        # The fifth is refused, and the next attempt comes after the first wait again.
        assert await hold(pool, stack, 1) == 4
        server.most = 5
        server.now += FIRST_PROBE
        assert await hold(pool, stack, 1) == 5
        assert pool.get_stats().limit == 5
        asked = server.asked
        assert await hold(pool, stack, 3) == 5
        assert server.asked == asked


@pytest.mark.asyncio
async def test_a_server_that_keeps_refusing_is_asked_ever_more_rarely() -> None:
    server = FakeServer(most=1)
    asked_at = []
    async with pool_for(server, max_size=8) as pool, AsyncExitStack() as stack:
        await hold(pool, stack, 1)
        while server.now < 4000:
            before = server.asked
            await hold(pool, stack, 2)
            if server.asked > before:
                asked_at.append(server.now)
                assert server.asked == before + 1
            server.now += 10
    waits = [later - earlier for earlier, later in pairwise(asked_at)]
    assert waits[:6] == [FIRST_PROBE, 60, 120, 240, 480, LONGEST_PROBE]
    assert set(waits[6:]) == {LONGEST_PROBE}


@pytest.mark.asyncio
async def test_leases_that_are_refused_together_double_the_wait_once() -> None:
    server = FakeServer(None, *[ServerBusyError("enough")] * 5)
    async with pool_for(server, max_size=8) as pool, AsyncExitStack() as stack:
        await hold(pool, stack, 1)
        await asyncio.gather(*(hold(pool, stack, 1) for _ in range(5)))
        server.now = FIRST_PROBE
        assert await hold(pool, stack, 1) == 2


# The end of connections


@pytest.mark.asyncio
async def test_closing_the_pool_waits_for_idle_connections_that_are_being_closed() -> None:
    server = FakeServer()
    ended = asyncio.Event()

    class Slow(FakeConnection):
        async def close(self) -> None:
            self.usable = False
            self.closed.set()
            await ended.wait()

    server.let_in.append(Slow())

    async def connect() -> Any:
        return server.let_in[0]

    server.connect = connect  # type: ignore[method-assign]
    async with pool_for(server, max_idle=0.0) as pool:
        async with pool.lease():
            pass
        await server.let_in[0].closed.wait()
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        assert not closing.done()
        ended.set()
        await closing


@pytest.mark.asyncio
async def test_a_retired_pool_serves_leases_and_keeps_no_idle_connection() -> None:
    server = FakeServer()
    async with pool_for(server) as pool:
        async with pool.lease(), pool.lease():
            pass
        pool.retire()
        assert pool.get_stats().size == 0
        async with pool.lease():
            pass
        await server.let_in[2].closed.wait()


@pytest.mark.asyncio
async def test_a_refused_connection_takes_the_place_of_an_idle_one_of_another_pool() -> None:
    server = FakeServer(most=1)

    async with pool_for(server) as other:
        async with other.lease():
            pass
        retry = RetryPolicy(0, 0.0)
        async with pool_for(server, retry=retry, close_idle_connections=other.close_idle) as pool:
            async with pool.lease() as connection:
                assert connection.usable
                # There is nothing more to close: the refusal counts.
                with pytest.raises(ServerBusyError):
                    async with other.lease():
                        pass
            assert server.let_in[0].closed.is_set()
        assert other.get_stats().size == 0


@pytest.mark.asyncio
async def test_a_connection_in_use_is_never_closed_as_idle() -> None:
    server = FakeServer()

    async with pool_for(server) as pool, pool.lease() as used:
        async with pool.lease() as idle:
            pass
        assert await pool.close_idle()
        assert (used.usable, idle.usable) == (True, False)
        assert not await pool.close_idle()
