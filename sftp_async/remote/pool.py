"""`ConnectionPool`: lease, share, check and expire SSH connections to one server as one user.

A connection carries many remote files at once, so a lease never waits for another to end: the pool
opens connections up to its limit and then shares the least busy one. A server that refuses a
connection lowers the limit; it is raised again one connection at a time, each after a wait that
doubles while the server keeps refusing (`FIRST_PROBE`, `LONGEST_PROBE`).

Everything here runs on one event loop; state changes between awaits are atomic.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sftp_async.errors import (
    NO_CONNECTION,
    ConnectError,
    PoolClosed,
    PoolTimeout,
    ServerBusyError,
    SFTPAsyncError,
)
from sftp_async.remote.stats import ConnectionStats, PoolStats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.remote.pool")

#: A connection that was idle for longer than this many seconds gets a health check before a lease.
CHECK_AFTER = 5.0
#: Seconds after a refused connection until the pool tries one beyond the lowered limit; doubled
#: each time that the server refuses again, up to the longest.
FIRST_PROBE = 30.0
LONGEST_PROBE = 600.0


@dataclass(eq=False)
class _Slot:
    """A pooled connection and how many leases share it."""

    connection: Connection
    leases: int = 0
    idle_since: float = 0.0
    expiry: asyncio.TimerHandle | None = None


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
        self._slots: list[_Slot] = []
        self._connecting = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._stats = PoolStats(limit=max_size)
        #: While the limit is lowered: when to try one more connection, and the wait that follows.
        self._probe_at = -math.inf
        self._probe_wait = FIRST_PROBE
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
        stats = self._stats
        return ConnectionStats(stats.connects_total, stats.retries_total, stats.lost_total)

    def note_retry(self) -> None:
        """Count a retry."""
        self._stats.retries_total += 1

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """Lend a connection; other leases may share it at the same time.

        Raises:
            PoolTimeout: no connection became available within `timeout` seconds.
            PoolClosed: the pool is closed.
            ConnectError: a new connection failed, retries included, and there is none to share.

        """
        slot = await self._acquire()
        try:
            yield slot.connection
        finally:
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
        closing = self._close_slots(idle)
        await asyncio.gather(*closing)
        return bool(idle)

    # A lease, from its start to its connection

    async def _acquire(self) -> _Slot:
        deadline = asyncio.get_running_loop().time() + self._timeout
        while (slot := await self._try_acquire(deadline)) is None:
            # Another lease is connecting, and its success or failure wakes this one.
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise self._timed_out() from None
        self._stats.leases_total += 1
        return slot

    async def _try_acquire(self, deadline: float) -> _Slot | None:
        """Take an idle connection, else open one, else share one; None: wait for a change."""
        while True:
            if self._closed:
                raise PoolClosed("The connection pool is closed", host=self.address)
            self._drop_unusable()
            if idle := self._idle():
                # The one used last is the likeliest to be alive; the others may expire.
                slot = max(idle, key=lambda s: s.idle_since)
                _take(slot)
                if await self._is_alive(slot, deadline):
                    return slot
                continue
            if len(self._slots) + self._connecting < self._stats.limit or self._may_probe():
                return await self._open_or_share(deadline)
            if not self._slots:
                return None
            return self._share()

    def _idle(self) -> list[_Slot]:
        return [slot for slot in self._slots if not slot.leases]

    def _share(self) -> _Slot:
        slot = min(self._slots, key=lambda s: s.leases)
        _take(slot)
        self._stats.shared_total += 1
        return slot

    async def _is_alive(self, slot: _Slot, deadline: float) -> bool:
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

    async def _open_or_share(self, deadline: float) -> _Slot:
        failure: SFTPAsyncError | None = None
        self._connecting += 1
        try:
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
                            self._lower_limit(error)
                            return self._share()
                        raise
        finally:
            self._connecting -= 1
            self._changed.set()
        self._stats.connects_total += 1
        self._last_failure = ""
        slot = _Slot(connection, leases=1)
        if self._closed:
            connection.abort()
            raise PoolClosed("The connection pool is closed", host=self.address)
        self._slots.append(slot)
        self._raise_limit()
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

    # The limit follows what the server accepts

    def _lower_limit(self, error: SFTPAsyncError) -> None:
        """Continue with the connections that there are, and try another one after a while."""
        self._stats.limit = len(self._slots)
        now = self._clock()
        if now < self._probe_at:
            return  # refused together with the one that set the wait
        self._probe_at = now + self._probe_wait
        log.warning(
            "%s refuses more connections: continuing with %d, next attempt in %.0f s (%s)",
            self.address,
            self._stats.limit,
            self._probe_wait,
            error,
        )
        self._probe_wait = min(2 * self._probe_wait, LONGEST_PROBE)

    def _may_probe(self) -> bool:
        """Whether one connection beyond the lowered limit may be tried now, by this lease."""
        return (
            bool(self._slots)
            and not self._connecting
            and self._stats.limit < self._max_size
            and self._clock() >= self._probe_at
        )

    def _raise_limit(self) -> None:
        """Note that the server accepted a connection; the next may follow when it is needed."""
        if len(self._slots) > self._stats.limit:
            self._stats.limit = len(self._slots)
            self._probe_wait = FIRST_PROBE

    # The end of a lease and of a connection

    def _release(self, slot: _Slot) -> None:
        slot.leases -= 1
        self._changed.set()
        if slot not in self._slots:
            return
        if not slot.connection.usable:
            self._drop_unusable()
        elif not slot.leases:
            slot.idle_since = self._clock()
            loop = asyncio.get_running_loop()
            slot.expiry = loop.call_later(self._max_idle, self._expire, slot)

    def _expire(self, slot: _Slot) -> None:
        if slot.leases or slot not in self._slots:
            return
        self._stats.expired_total += 1
        self._close_slots([slot])

    def _close_slots(self, slots: list[_Slot]) -> list[asyncio.Task[None]]:
        self._slots = [slot for slot in self._slots if slot not in slots]
        started = []
        for slot in slots:
            _cancel_expiry(slot)
            closing = asyncio.get_running_loop().create_task(slot.connection.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            started.append(closing)
        return started

    def _drop_unusable(self) -> None:
        for slot in [s for s in self._slots if not s.connection.usable]:
            self._slots.remove(slot)
            self._stats.lost_total += 1
            _cancel_expiry(slot)
            with suppress(Exception):
                slot.connection.abort()


def _take(slot: _Slot) -> None:
    slot.leases += 1
    _cancel_expiry(slot)


def _cancel_expiry(slot: _Slot) -> None:
    if slot.expiry is not None:
        slot.expiry.cancel()
        slot.expiry = None
