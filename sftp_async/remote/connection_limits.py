"""`ConnectionLimits`: when one pool may open a connection, and how fast each may be."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError
from sftp_async.options.limits import needs_permits
from sftp_async.remote.permits import Permit, Terms
from sftp_async.remote.token_bucket import Paces, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.permits import PermitSource

log = logging.getLogger("sftp_async.remote.connection_limits")

#: Seconds until a pool that has a connection asks again for another one, after it got none.
ASK_AGAIN = 2.0
#: Seconds between looks for connections that can be given up, while others wait.
LOOK = 1.0


class ConnectionLimits:
    """The limits of one pool; see `sftp_async.options.limits`. Lives on the runtime's loop.

    Args:
        options: resolved.
        source: returns what hands out permits now; None where the limits are divided among
            processes. Without it this process is alone.
        in_task: whether a task uses the pool; if not, the driver does.
        uniform: returns a random number between two others.

    Attributes:
        wanted: others wait for connections that this pool holds.

    """

    def __init__(
        self,
        options: ConnectionOptions,
        source: Callable[[], PermitSource | None] | None,
        in_task: Callable[[], bool],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.wanted = False
        #: Seconds that bytes waited for the bandwidth, uploads at the same time added up.
        self.throttle_seconds = 0.0
        self._options = options
        self._source = source
        self._in_task = in_task
        self._uniform = uniform
        self._terms = Terms(
            options.address,
            options.max_total_connections,
            options.max_bandwidth,
            options.max_connection_wait,
        )
        self._make_space: Callable[[], None] = lambda: None
        self._on_lost: Callable[[Permit], None] = lambda _: None
        self._spare: Permit | None = None
        self._admission = asyncio.Lock()
        self._grow_at: float | None = None
        self._bucket: TokenBucket | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(
        cls,
        options: ConnectionOptions,
        source: Callable[[], PermitSource | None] | None,
        in_task: Callable[[], bool],
    ) -> ConnectionLimits | None:
        """Return the limits that the options set; None: there is none."""
        if not (
            needs_permits(options)
            or options.connection_ramp_up
            or options.max_bandwidth_per_connection
        ):
            return None
        return cls(options, source, in_task)

    @property
    def divided(self) -> bool:
        """Whether each process has a share, so that one's idle connection is one too many."""
        limited = self._options.max_total_connections is not None
        return limited and self._source is not None and self._source() is None

    @property
    def keeps_no_idle(self) -> bool:
        """Whether a connection is closed as soon as it has no lease."""
        return self.wanted or self.divided

    def connect_to(self, make_space: Callable[[], None], on_lost: Callable[[Permit], None]) -> None:
        """Set what the pool does for others.

        Args:
            make_space: gives up the connections that can be given up; called until no other waits.
            on_lost: closes the connection of a permit that is no longer valid.

        """
        self._make_space, self._on_lost = make_space, on_lost

    # When a connection may be opened

    async def admit(self, has_connection: Callable[[], bool]) -> None:
        """Wait until the pool may open its first connection, or has one.

        Raises:
            PoolTimeout, ConnectError: see `PermitSource.take`.

        """
        async with self._admission:
            if has_connection() or self._spare is not None:
                return
            ramp = self._options.connection_ramp_up if self._in_task() else 0.0
            if ramp and self._grow_at is None:
                await asyncio.sleep(self._uniform(0.0, ramp))
            self._spare = await self._take(wait=True)

    def may_grow(self) -> bool:
        """Whether a pool that has a connection may ask for another one now."""
        now = asyncio.get_running_loop().time()
        return not self.wanted and (self._grow_at is None or now >= self._grow_at)

    async def take(self) -> Permit | None:
        """Return the permit that the pool was admitted with, or one that is free; else None."""
        permit, self._spare = self._spare, None
        if permit is None:
            try:
                permit = await self._take(wait=False)
            except ConnectError as error:
                # The pool shares what it has. One without a connection waits, and raises then.
                log.warning("%s: no further connection is opened: %s", self._terms.account, error)
        ramp = self._options.connection_ramp_up
        pause = ASK_AGAIN if permit is None else self._uniform(0.5, 1.0) * ramp
        self._grow_at = asyncio.get_running_loop().time() + pause
        return permit

    async def _take(self, *, wait: bool) -> Permit | None:
        source = self._source() if self._source is not None else None
        if source is None or not needs_permits(self._options):
            return Permit()
        return await source.take(self._terms, self, wait=wait, urgent=not self._in_task())

    def drop_spare(self) -> None:
        """Return a permit that no connection was opened with."""
        permit, self._spare = self._spare, None
        if permit is not None:
            permit.release(closed=True)

    # How fast

    def pace_of(self, permit: Permit) -> Paces | None:
        """Return what the bytes of a connection pass through; None: nothing."""
        buckets = []
        own = self._options.max_bandwidth_per_connection
        if own is not None:
            buckets.append(TokenBucket(own))
        if permit.bucket is not None:
            buckets.append(permit.bucket)
        elif self._options.max_bandwidth is not None:
            self._bucket = self._bucket or TokenBucket(self._options.max_bandwidth)
            buckets.append(self._bucket)
        return Paces(*buckets, on_wait=self._note_wait) if buckets else None

    def _note_wait(self, seconds: float) -> None:
        self.throttle_seconds += seconds

    # What others want

    def others_wait(self, waiting: bool) -> None:
        """Give up what can be given up, again and again while others wait."""
        self.wanted = waiting
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waiting:
            self._make_space()
            self._timer = asyncio.get_running_loop().call_later(LOOK, self.others_wait, True)

    def permit_lost(self, permit: Permit) -> None:
        """Close the connection of a permit that is no longer valid."""
        self._on_lost(permit)
