"""Declares the part of a connection that its channels use, which breaks an import circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Resumable(Protocol):
    """A channel that waits for its turn to send."""

    def resume_sending(self) -> None:
        """Send the data that is still queued."""


class PacketLink(Protocol):
    """A connection, as its channels see it; `FastConnection` implements it.

    Attributes:
        quickest: seconds that the quickest response took so far; infinite before the first.

    """

    quickest: float

    @property
    def must_wait(self) -> bool:
        """Whether nothing may be sent now."""

    def hold_back(self, channel: Resumable) -> None:
        """Resume the channel, in its turn, as soon as nothing must wait any more."""

    def may_seal(self) -> bool:
        """Whether `send_data` may be called now."""

    def send_data(
        self, channel: int, size: int, most: int, fill: Callable[[memoryview], None]
    ) -> int:
        """Send up to `size` bytes of channel data; return how many bytes were sent."""

    def record_response(self, seconds: float) -> None:
        """Record how long the server took to respond to a request."""

    def internal_error(self) -> None:
        """Close the connection because of the exception that is being handled."""
