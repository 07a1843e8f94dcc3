"""What a write tells the process that asked for it: counters in small datagrams, now and then.

UDP, because nobody must ever wait for a listener: what is lost is told again half a second later,
since all counters are cumulative. Each datagram is sealed with a key that only the session's jobs
know (HMAC-SHA256); why so: docs/decisions/0018-progress.md.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sftp_async.progress.messages import HEARTBEAT, INTERVAL, Address, Message, TaskState, seal

log = logging.getLogger("sftp_async.progress.reporter")


class Sender:
    """Sends messages to a listener, or to nobody: never waits, never raises.

    Args:
        address: None: nobody listens.

    """

    def __init__(self, address: Address | None) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def __bool__(self) -> bool:
        return self._address is not None

    def send(self, tell: Callable[[], Message]) -> None:
        """Send a message, if there is anybody to hear it; from any thread."""
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(self._address.family, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            datagram = seal(self._address.key, tell())
            self._socket.sendto(datagram, (self._address.host, self._address.port))
        except Exception as error:  # noqa: BLE001 - a write must not fail for what it tells
            log.debug("nobody hears of the progress: %s", error)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()


class Reporter:
    """Tells of one piece of work every half second while it has news, and at its end.

    A context manager: an error that leaves it is told as `failed`, and goes on.

    Args:
        address: of the listener; None: nothing is done.
        loop: the event loop whose thread sends, beside its other work.
        news: makes a message; called on that thread, and at the end on the one that ends.

    """

    def __init__(
        self,
        address: Address | None,
        loop: asyncio.AbstractEventLoop,
        news: Callable[[TaskState], Message],
    ) -> None:
        self._sender = Sender(address)
        self._loop = loop
        self._news = news
        self._told: Message | None = None
        self._told_at = 0.0
        self._over = False

    def __enter__(self) -> Self:
        if self._sender:
            self._loop.call_soon_threadsafe(self._loop.call_later, INTERVAL, self._tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over = True
        self._sender.send(lambda: self._news("done" if kind is None else "failed"))
        self._sender.close()

    def _tick(self) -> None:
        if self._over:
            return
        self._loop.call_later(INTERVAL, self._tick)
        news, now = self._news("running"), self._loop.time()
        if news != self._told or now - self._told_at >= HEARTBEAT:
            self._told, self._told_at = news, now
            self._sender.send(lambda: news)
