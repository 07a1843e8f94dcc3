"""Permits: who may open a connection, where a limit is for more than this process.

The pool takes a permit before it opens a connection, and returns it when the connection is closed.
Who hands them out is not known here: `sftp_async.progress.permits` asks the driver.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sftp_async.remote.token_bucket import TokenBucket


@dataclass(frozen=True)
class Terms:
    """What a connection is opened under.

    Attributes:
        account: `user@host:port`; the limits are for all that share it.
        connections: most connections at once; None: any number.
        bandwidth: bytes a second of all connections together; None: no limit.
        wait: seconds to wait for a permit; 0: no limit.

    """

    account: str
    connections: int | None
    bandwidth: int | None
    wait: float = 0.0


class Permit:
    """Permission to have one connection open; this class itself is one that needs none.

    Attributes:
        bucket: limits its bytes a second; None: no limit.
        lost: it is no longer valid.

    """

    bucket: TokenBucket | None = None
    lost: bool = False

    def use(self, busy: bool) -> None:
        """Note whether the connection is in use: one that is not needs no bandwidth."""

    def release(self, *, closed: bool) -> None:
        """Return the permit.

        Args:
            closed: the server is known to have ended the connection; if not, the permit rests for
                a moment before another one gets it.

        """


class PermitHolder(Protocol):
    """Who takes permits: one for each pool. Called on the event loop."""

    def others_wait(self, waiting: bool) -> None:
        """Note whether others wait for what this one holds."""

    def permit_lost(self, permit: Permit) -> None:
        """Note that a permit is no longer valid: its connection must be closed at once."""


class PermitSource(ABC):
    """Hands out permits."""

    @abstractmethod
    async def take(
        self, terms: Terms, holder: PermitHolder, *, wait: bool, urgent: bool
    ) -> Permit | None:
        """Return a permit.

        Args:
            terms: what is asked for.
            holder: who asks.
            wait: wait until there is one; else None is returned if there is none now.
            urgent: before all that wait: what the driver does itself is short, and tasks depend
                on it.

        Raises:
            PoolTimeout: the wait took too long.
            ConnectError: the source cannot be reached.

        """
