"""Counters: what the pool did and what a job wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PoolStats:
    """A connection pool's numbers; counters run from the pool's start.

    `size`, `idle`, `leases`, `lanes` and `limit` are as of now: connections open, connections
    nobody uses, leases handed out, SFTP channels open on all connections, and the most connections
    the pool will open. `limit` shrinks when the server turns logins or channels away.
    """

    limit: int = 0
    size: int = 0
    idle: int = 0
    leases: int = 0
    lanes: int = 0
    leases_total: int = 0
    shared_total: int = 0
    connects_total: int = 0
    connect_errors_total: int = 0
    lost_total: int = 0
    expired_total: int = 0


@dataclass(frozen=True)
class WriteStats:
    """What a job wrote: part files, rows and encoded bytes."""

    files: int
    rows: int
    bytes: int

    def __str__(self) -> str:
        counts = ((self.files, "file"), (self.rows, "row"), (self.bytes, "byte"))
        return ", ".join(f"{count:,} {what}{'s' * (count != 1)}" for count, what in counts)
