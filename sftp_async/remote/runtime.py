"""`Runtime`: the one background event loop of a Python worker, and its connection pools.

Spark calls `write()` on a worker's main thread, without a loop, and keeps the process for the next
task. A loop on a thread of its own lets uploads go on while the main thread encodes, and lets
connections outlive a task: a reused worker pays for one SSH handshake, not for one a partition.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from sftp_async.options.connection import connection_identity
from sftp_async.remote.connection_limits import ConnectionLimits
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.ssh import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Future

    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.permits import PermitSource
    from sftp_async.remote.stats import PoolStats

T = TypeVar("T")

#: Pools, and with them secrets, that a process keeps for the next task. A worker that serves more
#: connection identities than this logs in again for the one that it used least recently.
MAX_POOLS = 16
#: Seconds after which an idle connection is closed where `max_connections` is 1: the server may
#: allow one in all, and the job's next step, in another process, may wait for it. The next task of
#: a process starts sooner than that, and a refused connection is retried for longer.
ONLY_CONNECTION_IDLE = 1.0
#: Seconds that a lease may take beyond `connect_timeout`: `connect` has the same limit, and its
#: error, which names the step that got no answer, must come first.
CONNECT_MARGIN = 0.1
#: Seconds between looks for a signal while a thread waits for the loop.
SIGNAL_LOOK = 0.5


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # the extra `fast`
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def new_pool(
    options: ConnectionOptions,
    close_idle_connections: Callable[[], Awaitable[bool]] | None = None,
    permits: Callable[[], PermitSource | None] | None = None,
    in_task: Callable[[], bool] = lambda: False,
) -> ConnectionPool:
    """Return a pool of connections with these resolved options; the caller closes it.

    Args:
        options: resolved.
        close_idle_connections: see `ConnectionPool`.
        permits: see `ConnectionLimits`.
        in_task: see `ConnectionLimits`.

    """
    limits = ConnectionLimits.of(options, permits, in_task)
    max_idle = options.idle_timeout
    if options.max_connections == 1 and "idle_timeout" not in options.model_fields_set:
        max_idle = min(max_idle, ONLY_CONNECTION_IDLE)
    return ConnectionPool(
        lambda: connect(options),
        address=options.address,
        max_size=min(options.max_connections, options.max_total_connections or sys.maxsize),
        max_idle=max_idle,
        timeout=options.connect_timeout + CONNECT_MARGIN,
        retry=RetryPolicy.of(options),
        close_idle_connections=close_idle_connections,
        limits=limits,
    )


class Runtime:
    """An event loop on a daemon thread. Use `get_runtime()`: one a process is enough.

    Attributes:
        permits: hands out permits for connections; None: limits are this process's own.
        in_task: whether a task of Spark's runs; if not, it is a step of the driver.

    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = _new_loop()
        self.permits: PermitSource | None = None
        self.in_task = False
        self._lock = threading.Lock()
        #: By connection identity, the least recently used first.
        self._pools: dict[str, ConnectionPool] = {}
        #: All that exist, with their servers: a pool that was dropped from `_pools` may still be in
        #: use.
        self._all_pools: WeakKeyDictionary[ConnectionPool, tuple[str, int]] = WeakKeyDictionary()
        self._thread = threading.Thread(
            target=self._run_forever, name="sftp_async-runtime", daemon=True
        )
        self._thread.start()

    def _run_forever(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; returns at once. Cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it; not to be called from the loop's own thread.

        An interrupt of the waiting thread cancels the coroutine.
        """
        future: Future[T] | None = None
        try:
            future = self.submit(work)
            # A signal that arrives right before the wait does not end it: hence the pauses.
            while not future.done():
                wait((future,), SIGNAL_LOOK)
            return future.result()
        except BaseException:
            if future is not None:
                future.cancel()
            raise

    def pool(self, options: ConnectionOptions) -> ConnectionPool:
        """Return the pool for this connection identity, secrets included; to be used on the loop.

        Two users, or two passwords of one user, never share a connection. Of more than `MAX_POOLS`
        the least recently used one is dropped: each of its connections is closed when it has no
        lease, and the pool is gone when no task holds it any more.
        """
        identity = connection_identity(options)
        with self._lock:
            pool = self._pools.pop(identity, None)
            if pool is None:
                pool = new_pool(
                    options,
                    lambda: self._close_idle(options),
                    lambda: self.permits,
                    lambda: self.in_task,
                )
                self._all_pools[pool] = (options.host, options.port)
            self._pools[identity] = pool
            if len(self._pools) > MAX_POOLS:
                dropped = self._pools.pop(next(iter(self._pools)))
                self.loop.call_soon_threadsafe(dropped.retire)
            return pool

    def leave(self, options: ConnectionOptions) -> None:
        """Close idle connections, and wait for it, where each process has a share of a limit."""
        if options.max_total_connections is not None and self.permits is None:
            self.run(self.pool(options).close_idle())

    async def _close_idle(self, options: ConnectionOptions) -> bool:
        """Close the idle connections to a server, of all identities; return whether there were any.

        A server that allows an account or an address few connections counts idle ones as well.
        """
        server = (options.host, options.port)
        with self._lock:
            pools = [pool for pool, of in self._all_pools.items() if of == server]
        return any(await asyncio.gather(*(pool.close_idle() for pool in pools)))

    def get_stats(self) -> list[PoolStats]:
        """Return the numbers of every pool that is kept, the most recently used last."""

        async def snapshot() -> list[PoolStats]:
            return [pool.get_stats() for pool in self._pools.values()]

        return self.run(snapshot())

    def close(self) -> None:
        """Close all pools, cancel what still runs, then close the loop.

        `get_runtime` starts another runtime after that.
        """
        global _current
        with _lock:
            if _current is self:
                _current = None

        async def close_pools() -> None:
            with self._lock:
                pools = list(self._all_pools)
                self._pools.clear()
            await asyncio.gather(*(pool.close() for pool in pools))
            # What waits for a permit would never hear of one.
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        self.run(close_pools())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


_current: Runtime | None = None
_lock = threading.Lock()


def get_runtime() -> Runtime:
    """Return this process's runtime, started at the first call and again after a fork or close."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = Runtime()
        return _current


def _start_over_after_fork() -> None:
    # The child has no thread but the one that forked: the loop's is gone, and a lock that another
    # thread held at that moment would stay locked.
    global _current, _lock
    _current, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_start_over_after_fork)
