"""A pool whose connections need permits: when it asks, waits, shares and gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import ConnectError, ConnectionGivenUpError, ConnectionLostError
from sftp_async.remote.connection_limits import ASK_AGAIN, LOOK, ConnectionLimits
from sftp_async.remote.permits import Permit, PermitHolder, PermitSource, Terms
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.pooled_connection import QUIET
from sftp_async.remote.retry import RetryPolicy

pytestmark = [pytest.mark.one_python, pytest.mark.asyncio(loop_factories=["clock"])]


class Connection:
    """A connection as far as the pool looks at one."""

    def __init__(self) -> None:
        self.usable = True
        self.channels = 1
        self.quiet_for = 0.0
        self.given_up = False
        self.pace: Any = None

    def abort(self) -> None:
        self.usable = False

    def give_up(self) -> None:
        self.usable, self.given_up = False, True

    async def close_and_wait(self) -> bool:
        self.usable = False
        return True

    async def realpath(self, path: str) -> str:
        return path


class CountedPermit(Permit):
    """A permit of `Source`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.closed: bool | None = None

    def release(self, *, closed: bool) -> None:
        if self.closed is None:
            self.closed = closed
            self._source.free += 1
            self._source.changed.set()


class Source(PermitSource):
    """Hands out permits as long as there are any."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.changed = asyncio.Event()
        self.asked: list[bool] = []
        self.urgent: list[bool] = []
        self.given: list[CountedPermit] = []
        self.holder: PermitHolder | None = None
        self.breaks = False

    async def take(
        self, terms: Terms, holder: PermitHolder, *, wait: bool, urgent: bool
    ) -> Permit | None:
        self.asked.append(wait)
        self.urgent.append(urgent)
        self.holder = holder
        if self.breaks:
            raise ConnectError("no answer")
        while not self.free:
            if not wait:
                return None
            self.changed.clear()
            await self.changed.wait()
        self.free -= 1
        self.given.append(CountedPermit(self))
        return self.given[-1]

    def others_wait(self, waiting: bool) -> None:
        assert self.holder is not None
        self.holder.others_wait(waiting)


class Opened:
    """A pool with limits, and all connections that it has opened."""

    def __init__(
        self, source: Source | None, in_task: bool = True, fails: int = 0, **options: Any
    ) -> None:
        self.connections: list[Connection] = []
        self.on_connect: Callable[[], None] = lambda: None
        self._fails = fails
        given = SFTPOptions(host="h", username="u", password="p", **options)
        limits = ConnectionLimits(given, lambda: source, lambda: in_task, lambda _, most: most)
        self.pool = ConnectionPool(
            self._connect,
            address="u@h:22",
            max_size=4,
            max_idle=60,
            timeout=5,
            retry=RetryPolicy(0, 0.0),
            limits=limits,
        )

    async def _connect(self) -> Any:
        if self._fails:
            self._fails -= 1
            raise ConnectError("refused")
        self.on_connect()
        self.connections.append(Connection())
        return self.connections[-1]


@asynccontextmanager
async def leases(pool: ConnectionPool, count: int) -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(pool.lease())
        yield stack


async def turn(seconds: float) -> None:
    loop: Any = asyncio.get_running_loop()
    await loop.turn(seconds)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_pool_waits_for_its_first_permit_longer_than_for_a_connection() -> None:
    source = Source(0)
    opened = Opened(source, max_total_connections=3)
    first, second = (asyncio.create_task(anext(opened.pool.lease().gen)) for _ in "ab")
    await turn(60)
    assert not first.done()

    source.free += 1
    source.changed.set()
    await asyncio.gather(first, second)
    assert len(opened.connections) == 1
    assert source.asked == [True, False]


async def test_a_pool_shares_what_it_has_instead_of_waiting_for_a_second_permit() -> None:
    source = Source(1)
    opened = Opened(source, max_total_connections=3)
    async with leases(opened.pool, 3):
        assert len(opened.connections) == 1
        assert source.asked == [True, False]
        source.free = 1
        await turn(ASK_AGAIN)
        async with opened.pool.lease():
            assert len(opened.connections) == 2


async def test_an_idle_connection_is_given_up_as_soon_as_others_wait() -> None:
    source = Source(1)
    opened = Opened(source, max_total_connections=3)
    async with opened.pool.lease():
        pass
    assert source.free == 0
    source.others_wait(True)
    await settle()
    assert source.free == 1
    assert source.given[0].closed
    async with opened.pool.lease():
        pass
    await settle()
    assert source.free == 1
    source.others_wait(False)


async def test_of_several_connections_one_is_kept_while_others_wait() -> None:
    source = Source(3)
    opened = Opened(source, max_total_connections=3)
    async with leases(opened.pool, 3):
        assert len(opened.connections) == 3
        source.others_wait(True)
        await settle()
        assert source.free == 0
        async with opened.pool.lease() as shared:
            assert shared is opened.connections[0]
    await settle()
    assert source.free == 3
    source.others_wait(False)


async def test_a_connection_without_a_request_is_given_up_unless_its_work_would_be_lost() -> None:
    source = Source(2)
    opened = Opened(source, max_total_connections=3)
    kept = False
    async with opened.pool.lease(lambda: kept), opened.pool.lease(lambda: True):
        source.others_wait(True)
        for connection in opened.connections:
            connection.quiet_for = 100.0
        kept = True
        await turn(QUIET + LOOK)
        assert not any(connection.given_up for connection in opened.connections)
        kept = False
        await turn(LOOK)
        await settle()
        assert [connection.given_up for connection in opened.connections] == [True, False]
        assert source.free == 1
        source.others_wait(False)


async def test_a_connection_whose_bytes_wait_for_the_bandwidth_is_not_without_a_request() -> None:
    source = Source(1)
    opened = Opened(source, max_total_connections=3, max_bandwidth=1024)
    async with opened.pool.lease() as lent:
        assert lent.pace is not None
        await lent.pace.take(30_000)
        waiting = asyncio.create_task(lent.pace.take(1000))
        source.others_wait(True)
        (connection,) = opened.connections
        connection.quiet_for = 100.0
        await turn(20)
        assert not connection.given_up
        await turn(15)
        assert waiting.done()
        assert connection.given_up
        source.others_wait(False)


async def test_a_connection_that_was_given_up_costs_no_retry() -> None:
    attempts = 0
    async for attempt in RetryPolicy(0, 9.0).attempts(
        on=(ConnectionGivenUpError,), name="x", log=__import__("logging").getLogger("x")
    ):
        async with attempt:
            attempts += 1
            if attempts < 5:
                raise ConnectionGivenUpError("others had waited")
    assert attempts == 5


async def test_a_permit_without_a_connection_is_returned() -> None:
    source = Source(1)
    opened = Opened(source, fails=1, max_total_connections=3)
    with pytest.raises(ConnectError):
        async with opened.pool.lease():
            pass
    assert source.free == 1
    assert source.given[0].closed is False

    async with opened.pool.lease():
        opened.connections[0].abort()
    assert source.free == 1
    assert source.given[1].closed is False


async def test_the_connection_of_a_lost_permit_is_cut() -> None:
    source = Source(1)
    opened = Opened(source, max_total_connections=3)
    async with opened.pool.lease():
        assert source.holder is not None
        source.holder.permit_lost(source.given[0])
        assert not opened.connections[0].usable


async def test_a_connection_whose_permit_was_lost_during_the_login_is_cut() -> None:
    source = Source(1)
    opened = Opened(source, max_total_connections=3)

    def lose() -> None:
        source.given[0].lost = True
        assert source.holder is not None
        source.holder.permit_lost(source.given[0])

    opened.on_connect = lose
    with pytest.raises(ConnectionLostError, match="permit was lost"):
        async with opened.pool.lease():
            pass
    assert [connection.usable for connection in opened.connections] == [False]

    opened.on_connect = lambda: None
    async with opened.pool.lease() as connection:
        assert connection is opened.connections[1]


async def test_a_pool_shares_what_it_has_where_the_driver_does_not_answer() -> None:
    source = Source(2)
    opened = Opened(source, max_total_connections=3)
    async with opened.pool.lease() as connection:
        source.breaks = True
        async with opened.pool.lease() as shared:
            assert shared is connection
        assert source.asked == [True, False]
        connection.abort()
    with pytest.raises(ConnectError, match="no answer"):
        async with opened.pool.lease():
            pass


async def test_steps_of_the_driver_are_urgent_and_tasks_are_not() -> None:
    for in_task in (True, False):
        source = Source(1)
        async with Opened(source, in_task, max_total_connections=3).pool.lease():
            assert source.urgent == [not in_task]


async def test_a_ramp_delays_the_first_connection_of_a_task_and_spaces_the_others() -> None:
    opened = Opened(None, connection_ramp_up=10)
    first = asyncio.create_task(anext(opened.pool.lease().gen))
    await settle()
    await turn(9)
    assert not opened.connections
    await turn(1)
    await settle()
    await first
    async with leases(opened.pool, 2):
        assert len(opened.connections) == 1
        await turn(10)
        async with opened.pool.lease():
            assert len(opened.connections) == 2

    driver = Opened(None, in_task=False, connection_ramp_up=10)
    async with driver.pool.lease():
        assert len(driver.connections) == 1


async def test_a_share_of_a_limit_keeps_no_idle_connection() -> None:
    opened = Opened(None, max_total_connections=1)
    async with opened.pool.lease() as connection:
        pass
    await settle()
    assert not connection.usable


async def test_each_connection_has_its_own_bucket_and_all_of_a_process_share_the_job_s() -> None:
    opened = Opened(None, max_bandwidth=3000, max_bandwidth_per_connection=2000)
    async with leases(opened.pool, 2):
        one, other = (connection.pace._buckets for connection in opened.connections)
    assert [bucket.rate for bucket in one] == [2000, 3000]
    assert one[0] is not other[0]
    assert one[1] is other[1]


async def test_without_limits_a_pool_has_none() -> None:
    given = SFTPOptions(host="h", username="u", password="p", compression_on_the_wire=True)
    assert ConnectionLimits.of(given, None, lambda: True) is None
