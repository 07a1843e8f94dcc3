"""`ConnectionPool`: lease, share, check and expire SSH connections to one server as one user.

A connection carries many remote files at once, so a lease never waits for another to end: the pool
opens connections up to its limit and then shares the least busy one. Everything here runs on one
event loop; state changes between awaits are atomic.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sftp_async.errors import (
    ConnectError,
    PoolClosed,
    PoolTimeout,
    SFTPAsyncError,
)
from sftp_async.remote.stats import ConnectionStats, PoolStats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.remote.pool")

T = TypeVar("T")

#: A connection that nobody used for longer than this many seconds is asked for a sign of life
#: first.
CHECK_AFTER = 5.0


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
        max_idle: seconds after which a connection that nobody uses is closed.
        timeout: seconds that opening a connection may take, retries included.
        retry: how often, and with what waits, to retry a retryable `ConnectError`.

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
    ) -> None:
        self._connect = connect
        self._address = address
        self._max_idle = max_idle
        self._timeout = timeout
        self._retry = retry
        self._slots: list[_Slot] = []
        self._connecting = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._stats = PoolStats(limit=max_size)

    def __repr__(self) -> str:
        s = self.get_stats()
        state = "closed" if self._closed else "open"
        return (
            f"<ConnectionPool {self._address} {state}: {s.size} of {s.limit} connections, "
            f"{s.idle} idle, {s.leases} leases>"
        )

    def get_stats(self) -> PoolStats:
        """Return a snapshot of the pool's numbers."""
        return replace(
            self._stats,
            size=len(self._slots),
            idle=sum(not slot.leases for slot in self._slots),
            leases=sum(slot.leases for slot in self._slots),
            lanes=sum(slot.connection.channels for slot in self._slots),
        )

    def connection_stats(self) -> ConnectionStats:
        """Return what the pool's connections took so far; from any thread."""
        stats = self._stats
        return ConnectionStats(stats.connects_total, stats.retries_total, stats.lost_total)

    def note_retry(self) -> None:
        """Count something that is done once more."""
        self._stats.retries_total += 1

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """Lend a connection; others may use it at the same time.

        Raises:
            PoolTimeout: none became available within `timeout` seconds.
            PoolClosed: the pool is closed.
            ConnectError: a new connection failed, retries included, and there is none to share.

        """
        slot = await self._acquire()
        try:
            yield slot.connection
        finally:
            self._release(slot)

    async def close(self) -> None:
        """Close every connection; leases still out will find theirs closed."""
        self._closed = True
        self._changed.set()
        slots, self._slots = self._slots, []
        for slot in slots:
            _cancel_expiry(slot)
        await asyncio.gather(*(slot.connection.close() for slot in slots))

    async def _acquire(self) -> _Slot:
        while (slot := await self._try_acquire()) is None:
            # Another lease is connecting, and will succeed or fail in bounded time.
            self._changed.clear()
            try:
                async with asyncio.timeout(self._timeout):
                    await self._changed.wait()
            except TimeoutError:
                raise PoolTimeout(
                    f"No connection became available within {self._timeout:g} seconds "
                    f"({self._connecting} being opened, limit {self._stats.limit})",
                    host=self._address,
                    hint="Check that the server answers, or raise connect_timeout",
                ) from None
        self._stats.leases_total += 1
        return slot

    async def _try_acquire(self) -> _Slot | None:
        """Take an idle connection, else open one, else share one; None: wait for a change."""
        while True:
            if self._closed:
                raise PoolClosed("The connection pool is closed", host=self._address)
            self._drop_unusable()
            idle = [slot for slot in self._slots if not slot.leases]
            if idle:
                # The one used last is the likeliest to be alive; the others may expire.
                slot = max(idle, key=lambda s: s.idle_since)
                _take(slot)
                if await self._alive(slot):
                    return slot
                continue
            if len(self._slots) + self._connecting < self._stats.limit:
                return await self._open_or_share()
            if not self._slots:
                return None
            return self._share()

    def _share(self) -> _Slot:
        slot = min(self._slots, key=lambda s: s.leases)
        _take(slot)
        self._stats.shared_total += 1
        return slot

    async def _open_or_share(self) -> _Slot:
        failures = 0
        deadline = asyncio.get_running_loop().time() + self._timeout
        self._connecting += 1
        try:
            while True:
                try:
                    connection = await self._connect()
                except SFTPAsyncError as error:
                    self._stats.connect_errors_total += 1
                    self._drop_unusable()
                    if not (isinstance(error, ConnectError) and error.retryable):
                        raise
                    if self._slots:
                        self._stats.limit = max(1, len(self._slots))
                        log.warning(
                            "%s refuses more connections: going on with %d (%s)",
                            self._address,
                            self._stats.limit,
                            error,
                        )
                        return self._share()
                    failures += 1
                    delay = self._retry.delay(failures)
                    if delay is None or asyncio.get_running_loop().time() + delay > deadline:
                        raise
                    log.info("%s: retry %d in %.1f s (%s)", self._address, failures, delay, error)
                    self.note_retry()
                    await asyncio.sleep(delay)
                else:
                    break
        finally:
            self._connecting -= 1
            self._changed.set()
        self._stats.connects_total += 1
        slot = _Slot(connection, leases=1)
        if self._closed:
            connection.abort()
            raise PoolClosed("The connection pool is closed", host=self._address)
        self._slots.append(slot)
        return slot

    async def _alive(self, slot: _Slot) -> bool:
        loop = asyncio.get_running_loop()
        if loop.time() - slot.idle_since < CHECK_AFTER:
            return True
        try:
            await slot.connection.realpath(".")
        except SFTPAsyncError:
            slot.connection.abort()
            self._drop_unusable()
            return False
        return True

    def _release(self, slot: _Slot) -> None:
        slot.leases -= 1
        self._changed.set()
        if slot not in self._slots:
            return
        if not slot.connection.usable:
            self._drop_unusable()
        elif not slot.leases:
            loop = asyncio.get_running_loop()
            slot.idle_since = loop.time()
            slot.expiry = loop.call_later(self._max_idle, self._expire, slot)

    def _expire(self, slot: _Slot) -> None:
        if slot.leases or slot not in self._slots:
            return
        self._slots.remove(slot)
        self._stats.expired_total += 1
        closing = asyncio.ensure_future(slot.connection.close())
        _CLOSING.add(closing)
        closing.add_done_callback(_CLOSING.discard)

    def _drop_unusable(self) -> None:
        for slot in [s for s in self._slots if not s.connection.usable]:
            self._slots.remove(slot)
            self._stats.lost_total += 1
            _cancel_expiry(slot)
            with suppress(Exception):
                slot.connection.abort()


#: Connections saying good-bye; the event loop itself keeps only weak references to tasks.
_CLOSING: set[asyncio.Future[None]] = set()


def _take(slot: _Slot) -> None:
    slot.leases += 1
    _cancel_expiry(slot)


def _cancel_expiry(slot: _Slot) -> None:
    if slot.expiry is not None:
        slot.expiry.cancel()
        slot.expiry = None
