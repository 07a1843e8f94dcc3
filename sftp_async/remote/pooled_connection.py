"""`PooledConnection`: a connection of a pool, with its permit, and who shares it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.remote.permits import Permit
    from sftp_async.remote.ssh import Connection

#: A connection without a request for this many seconds is given up, while others wait for one.
QUIET = 2.0


@dataclass(eq=False)
class PooledConnection:
    """A pooled connection and how many leases share it.

    Attributes:
        connection: open, or lost.
        permit: to have it open.
        leases: how many share it.
        idle_since: by the pool's clock.
        expiry: closes it when it was idle for long enough.
        keep: what decides for a lease whether its work would be lost with the connection.
        surplus: it is to be closed as soon as it has no lease.
        taken_at: when the last lease began, by the event loop's clock.

    """

    connection: Connection
    permit: Permit
    leases: int = 0
    idle_since: float = 0.0
    expiry: asyncio.TimerHandle | None = None
    keep: list[Callable[[], bool]] = field(default_factory=list)
    surplus: bool = False
    taken_at: float = 0.0

    @property
    def can_be_given_up(self) -> bool:
        """Whether nothing moves on it, and no work is lost with it."""
        lent_for = asyncio.get_running_loop().time() - self.taken_at
        quiet_for = min(self.connection.quiet_for, lent_for)
        if self.connection.pace is not None:
            # What waits for its share of the bandwidth is no task that waits for rows.
            quiet_for = min(quiet_for, self.connection.pace.quiet_for)
        return quiet_for >= QUIET and not any(keep() for keep in self.keep)

    def check(self, address: str) -> None:
        """Cut a connection whose permit was lost during the login.

        Raises:
            ConnectionLostError: it was.

        """
        if self.permit.lost:
            self.abort()
            raise ConnectionLostError("The permit was lost during the login", host=address)

    def take(self) -> None:
        """Add a lease."""
        self.leases += 1
        self.taken_at = asyncio.get_running_loop().time()
        self.permit.use(True)
        self.cancel_expiry()

    def cancel_expiry(self) -> None:
        """Do not close it for being idle."""
        if self.expiry is not None:
            self.expiry.cancel()
            self.expiry = None

    async def close(self, *, confirmed: bool) -> None:
        """Disconnect, and return the permit.

        Args:
            confirmed: wait until the server has noticed, so that another process may connect.

        """
        closed = False
        try:
            if confirmed:
                closed = await self.connection.close_and_wait()
            else:
                await self.connection.close()
        finally:
            self.permit.release(closed=closed)

    def abort(self) -> None:
        """Cut the connection, and return the permit."""
        self.cancel_expiry()
        with suppress(Exception):
            self.connection.abort()
        self.permit.release(closed=False)
