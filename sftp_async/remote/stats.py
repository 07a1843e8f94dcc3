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


@dataclass(frozen=True)
class ConnectionStats:
    """The connections that some work took: logins, retries, and lost connections."""

    connections: int = 0
    retries: int = 0
    reconnects: int = 0

    def __add__(self, other: ConnectionStats) -> ConnectionStats:
        return ConnectionStats(
            self.connections + other.connections,
            self.retries + other.retries,
            self.reconnects + other.reconnects,
        )

    def __sub__(self, other: ConnectionStats) -> ConnectionStats:
        return self + ConnectionStats(-other.connections, -other.retries, -other.reconnects)

    def __str__(self) -> str:
        return counted(
            (self.connections, "connection"),
            (self.retries, "retry"),
            (self.reconnects, "reconnect"),
        )


#: What a job took that has not connected yet.
UNSPENT = ConnectionStats()
