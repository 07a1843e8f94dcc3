"""`ConnectionPool`: lease, share, check and expire SSH connections to one server as one user.

A connection carries many remote files at once, so a lease never waits for another to end: the pool
opens connections up to its limit and then shares the least busy one. A server that refuses a
connection lowers the limit; it is raised again one connection at a time, each after a wait that
doubles while the server keeps refusing (`ServerLimit`). Where a job has limits of its own, a
connection needs a permit, and is given up when others wait for it (`ConnectionLimits`).

Everything here runs on one event loop; state changes between awaits are atomic.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sftp_async.errors import (
    NO_CONNECTION,
    ConnectError,
    PoolClosed,
    PoolTimeout,
    ServerBusyError,
    SFTPAsyncError,
)
from sftp_async.remote.permits import Permit
from sftp_async.remote.pooled_connection import PooledConnection
from sftp_async.remote.server_limit import ServerLimit
from sftp_async.remote.stats import ConnectionStats, PoolStats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sftp_async.remote.connection_limits import ConnectionLimits
    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.remote.pool")

#: A connection that was idle for longer than this many seconds gets a health check before a lease.
CHECK_AFTER = 5.0


class ConnectionPool:
    """Connections to one server as one user.

    Args:
        connect: opens one connection; raises `ConnectError`.
        address: `user@host:port`, for messages.
        max_size: most connections open at once.
        max_idle: seconds after which an idle connection is closed.
        timeout: seconds that a lease may take to get its connection, with all that belongs to it:
            waiting for another lease's attempt, health checks, connecting and its retries.
        retry: how often, and with what waits, to retry a retryable `ConnectError`.
        close_idle_connections: called where the server refused a connection because it has enough
            (`ServerBusyError`): closes idle connections of all pools to the same server, and
            returns whether there were any. The connection is then tried once more, at once.
        limits: of the job; None: it has none.
        clock: seconds that only grow; tells how long a connection was idle and when the limit may
            be raised again.

    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        address: str,
        max_size: int,
        max_idle: float,
        timeout: float,
        retry: RetryPolicy,
        close_idle_connections: Callable[[], Awaitable[bool]] | None = None,
        limits: ConnectionLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self._close_idle_connections = close_idle_connections
        self._connect = connect
        self._max_size = max_size
        self._max_idle = max_idle
        self._timeout = timeout
        self._retry = retry
        self._clock = clock
        self._slots: list[PooledConnection] = []
        self._connecting = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._stats = PoolStats(limit=max_size)
        self._server_limit = ServerLimit(self._stats, max_size, address, clock)
        self._limits = limits
        if limits is not None:
            limits.connect_to(self._make_space, self._drop_permit)
        #: Why the last attempt to connect failed; empty after one that succeeded.
        self._last_failure = ""
        #: Idle connections that are being closed; the loop itself keeps weak references to tasks.
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        s = self.get_stats()
        state = "closed" if self._closed else "open"
        return (
            f"<ConnectionPool {self.address} {state}: {s.size} of {s.limit} connections, "
            f"{s.idle} idle, {s.leases} leases>"
        )

    def get_stats(self) -> PoolStats:
        """Return a snapshot of the pool's numbers."""
        return replace(
            self._stats,
            size=len(self._slots),
            idle=sum(not slot.leases for slot in self._slots),
            leases=sum(slot.leases for slot in self._slots),
            channels=sum(slot.connection.channels for slot in self._slots),
        )

    def connection_stats(self) -> ConnectionStats:
        """Return what the pool's connections took so far; from any thread."""
        return self._stats.spent(0.0 if self._limits is None else self._limits.throttle_seconds)

    def note_retry(self) -> None:
        """Count a retry."""
        self._stats.retries_total += 1

    @asynccontextmanager
    async def lease(self, keep: Callable[[], bool] = bool) -> AsyncIterator[Connection]:
        """Lend a connection; other leases may share it at the same time.

        Where others wait for connections, one without a request for a while is closed. The next
        request raises `ConnectionGivenUpError`, and the retry loop leases another one.

        Args:
            keep: returns whether the work would be lost with its connection; by default it
                would not.

        Raises:
            PoolTimeout: no connection became available within `timeout` seconds.
            PoolClosed: the pool is closed.
            ConnectError: a new connection failed, retries included, and there is none to share.

        """
        asked = self._clock()
        try:
            slot = await self._acquire()
        finally:
            self._stats.wait_seconds_total += self._clock() - asked
        slot.keep.append(keep)
        try:
            yield slot.connection
        finally:
            slot.keep.remove(keep)
            self._release(slot)

    async def close(self) -> None:
        """Close every connection; a lease that is still held finds its connection closed."""
        self._closed = True
        self._changed.set()
        self._close_slots(self._slots)
        await asyncio.gather(*self._closing)

    def retire(self) -> None:
        """Keep no idle connection from now on; the pool stays usable by the tasks that hold it."""
        self._max_idle = 0.0
        self._close_slots(self._idle())

    async def close_idle(self) -> bool:
        """Close the connections that have no lease; return whether there were any."""
        idle = self._idle()
        self._close_slots(idle)
        await asyncio.gather(*self._closing)
        return bool(idle)

    # A lease, from its start to its connection

    async def _acquire(self) -> PooledConnection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while True:
            self._drop_unusable()
            if self._limits is not None and not self._has_connection():
                # A permit may take as long as another task takes.
                began = loop.time()
                await self._limits.admit(self._has_connection)
                deadline += loop.time() - began
            try:
                slot = await self._try_acquire(deadline)
            finally:
                if self._limits is not None and not self._connecting:
                    self._limits.drop_spare()
            if slot is not None:
                break
            if not self._has_connection():
                continue
            # Another lease is connecting, and its success or failure wakes this one.
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise self._timed_out() from None
        self._stats.leases_total += 1
        return slot

    async def _try_acquire(self, deadline: float) -> PooledConnection | None:
        """Take an idle connection, else open one, else share one; None: wait for a change."""
        while True:
            if self._closed:
                raise PoolClosed("The connection pool is closed", host=self.address)
            if idle := self._idle():
                # The one used last is the likeliest to be alive; the others may expire.
                slot = max(idle, key=lambda s: s.idle_since)
                slot.take()
                if await self._is_alive(slot, deadline):
                    return slot
                continue
            if self._may_open():
                return await self._open_or_share(deadline)
            if not self._slots:
                return None
            return self._share()

    def _has_connection(self) -> bool:
        """Whether there is a connection, or will be one unless that fails."""
        return self._closed or bool(self._slots) or self._connecting > 0

    def _may_open(self) -> bool:
        """Whether another connection may be opened, or one beyond the lowered limit tried."""
        if len(self._slots) + self._connecting >= self._stats.limit and not (
            self._slots and not self._connecting and self._server_limit.may_probe()
        ):
            return False
        return self._limits is None or not self._has_connection() or self._limits.may_grow()

    def _idle(self) -> list[PooledConnection]:
        return [slot for slot in self._slots if not slot.leases]

    def _share(self) -> PooledConnection:
        slot = min(self._slots, key=lambda s: (s.surplus, s.leases))
        slot.take()
        self._stats.shared_total += 1
        return slot

    async def _is_alive(self, slot: PooledConnection, deadline: float) -> bool:
        """Check a connection that was idle for a while; no answer in time counts as dead.

        A check may take half of the time that is left, so that the rest is there for connecting.
        """
        if self._clock() - slot.idle_since < CHECK_AFTER:
            return True
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at((now + deadline) / 2):
                await slot.connection.realpath(".")
        except (SFTPAsyncError, TimeoutError):
            slot.connection.abort()
            self._drop_unusable()
            return False
        except BaseException:
            slot.connection.abort()
            self._drop_unusable()
            raise
        return True

    async def _open_or_share(self, deadline: float) -> PooledConnection | None:
        """Open a connection; share one, or return None, if there is no permit for another."""
        failure: SFTPAsyncError | None = None
        permit: Permit | None = None
        connection: Connection | None = None
        self._connecting += 1
        try:
            permit = Permit() if self._limits is None else await self._limits.take()
            if permit is None:
                return self._share() if self._slots else None
            async for attempt in self._retry.attempts(
                on=(ConnectError,),
                name=self.address,
                log=log,
                level=logging.INFO,
                on_retry=self.note_retry,
                deadline=deadline,
            ):
                async with attempt:
                    try:
                        connection = await self._connect_until(deadline, failure)
                    except SFTPAsyncError as error:
                        failure = error
                        self._stats.connect_errors_total += 1
                        self._last_failure = error.message
                        self._drop_unusable()
                        if self._slots and isinstance(error, NO_CONNECTION) and error.retryable:
                            self._server_limit.lower(len(self._slots), error)
                            return self._share()
                        raise
        finally:
            self._connecting -= 1
            self._changed.set()
            if connection is None and permit is not None:
                permit.release(closed=False)
        assert connection is not None  # an attempt succeeds, or raises
        self._stats.connects_total += 1
        self._last_failure = ""
        slot = PooledConnection(connection, permit, leases=1)
        if self._closed:
            slot.abort()
            raise PoolClosed("The connection pool is closed", host=self.address)
        slot.check(self.address)
        if self._limits is not None:
            connection.pace = self._limits.pace_of(permit)
        self._slots.append(slot)
        self._server_limit.accepted(len(self._slots))
        return slot

    async def _connect_until(self, deadline: float, failure: SFTPAsyncError | None) -> Connection:
        try:
            async with asyncio.timeout_at(deadline):
                try:
                    return await self._connect()
                except ServerBusyError:
                    if (
                        self._close_idle_connections is None
                        or not await self._close_idle_connections()
                    ):
                        raise
                    return await self._connect()
        except TimeoutError as error:
            # Why the attempt before this one failed says more than that time ran out in this one.
            raise (copy.copy(failure) if failure else self._timed_out()) from error

    def _timed_out(self) -> PoolTimeout:
        failure = f"; last failure: {self._last_failure}" if self._last_failure else ""
        return PoolTimeout(
            f"No connection became available within {self._timeout:g} seconds "
            f"({self._connecting} being opened, limit {self._stats.limit}{failure})",
            host=self.address,
            hint="Check that the server answers, or raise connect_timeout",
        )

    # The end of a lease and of a connection

    def _release(self, slot: PooledConnection) -> None:
        slot.leases -= 1
        self._changed.set()
        if slot not in self._slots:
            return
        if not slot.connection.usable:
            self._drop_unusable()
        elif not slot.leases:
            slot.idle_since = self._clock()
            if slot.surplus or (self._limits is not None and self._limits.keeps_no_idle):
                self._close_slots([slot])
                return
            slot.permit.use(False)
            loop = asyncio.get_running_loop()
            slot.expiry = loop.call_later(self._max_idle, self._expire, slot)

    def _expire(self, slot: PooledConnection) -> None:
        if slot.leases or slot not in self._slots:
            return
        self._stats.expired_total += 1
        self._close_slots([slot])

    def _close_slots(self, slots: list[PooledConnection]) -> None:
        self._slots = [slot for slot in self._slots if slot not in slots]
        for slot in slots:
            slot.cancel_expiry()
            ending = slot.close(confirmed=self._limits is not None)
            closing = asyncio.get_running_loop().create_task(ending)
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _drop_unusable(self) -> None:
        for slot in [s for s in self._slots if not s.connection.usable]:
            self._slots.remove(slot)
            self._stats.lost_total += 1
            slot.abort()

    # Others wait for a connection, or a permit is no longer valid

    def _make_space(self) -> None:
        """Give up idle connections, all but one as they become idle, and those without requests."""
        quiet = [slot for slot in self._slots if slot.can_be_given_up]
        for slot in quiet:
            slot.connection.give_up()
        self._close_slots([*{*self._idle(), *quiet}])
        for slot in self._slots[1:]:
            slot.surplus = True

    def _drop_permit(self, permit: Permit) -> None:
        for slot in self._slots:
            if slot.permit is permit:
                log.warning("%s: a connection is closed: its permit is lost", self.address)
                slot.connection.abort()
        self._drop_unusable()
