"""Counters of a connection pool and of what one operation costs."""

from __future__ import annotations

from dataclasses import dataclass

from sftp_async.humanize import counted


@dataclass
class PoolStats:
    """A connection pool's numbers; counters run from the pool's start.

    `size`, `idle`, `leases`, `channels` and `limit` are as of now: open connections, those of them
    without a lease, leases held, SFTP channels open on all connections, and the most connections
    the pool opens. `limit` falls when the server refuses logins or channels, and grows again.
    """

    limit: int = 0
    size: int = 0
    idle: int = 0
    leases: int = 0
    channels: int = 0
    leases_total: int = 0
    shared_total: int = 0
    connects_total: int = 0
    connect_errors_total: int = 0
    lost_total: int = 0
    expired_total: int = 0
    retries_total: int = 0
    wait_seconds_total: float = 0.0

    def spent(self, throttle_seconds: float) -> ConnectionStats:
        """Return what the connections took so far.

        Args:
            throttle_seconds: that bytes waited for the bandwidth.

        """
        return ConnectionStats(
            self.connects_total,
            self.retries_total,
            self.lost_total,
            self.wait_seconds_total,
            throttle_seconds,
        )


@dataclass(frozen=True)
class ConnectionStats:
    """The connections that some work took: logins, retries, and lost connections.

    `wait_seconds` is how long it waited for connections, logins and their retries included, and
    `throttle_seconds` how long bytes waited for the bandwidth. Waits at the same time add up.
    """

    connections: int = 0
    retries: int = 0
    reconnects: int = 0
    wait_seconds: float = 0.0
    throttle_seconds: float = 0.0

    def __add__(self, other: ConnectionStats) -> ConnectionStats:
        return ConnectionStats(
            self.connections + other.connections,
            self.retries + other.retries,
            self.reconnects + other.reconnects,
            self.wait_seconds + other.wait_seconds,
            self.throttle_seconds + other.throttle_seconds,
        )

    def __sub__(self, other: ConnectionStats) -> ConnectionStats:
        return ConnectionStats(
            self.connections - other.connections,
            self.retries - other.retries,
            self.reconnects - other.reconnects,
            self.wait_seconds - other.wait_seconds,
            self.throttle_seconds - other.throttle_seconds,
        )

    def __str__(self) -> str:
        return counted(
            (self.connections, "connection"),
            (self.retries, "retry"),
            (self.reconnects, "reconnect"),
        )


#: What a job took that has not connected yet.
UNSPENT = ConnectionStats()
