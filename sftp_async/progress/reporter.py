"""Sends the progress of a job to the process that started it: counters in small datagrams.

The protocol is UDP, because no write may ever wait for a listener. All counters are cumulative, so
the next datagram, half a second later, makes up for a lost one. Each datagram is sealed with a key
that only the session's jobs know (HMAC-SHA256); the reasons are in docs/decisions/0018-progress.md.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from sftp_async.errors import SFTPAsyncError
from sftp_async.humanize import printable
from sftp_async.progress.messages import (
    HEARTBEAT,
    INTERVAL,
    Address,
    JobEnded,
    Message,
    RollBackBegun,
    TaskState,
    seal,
)

log = logging.getLogger("sftp_async.progress.reporter")


#: Characters of an error that are sent.
LONGEST_ERROR = 300


def text_of(error: BaseException) -> str:
    """Return an error for a message: this package's own have no secret; of others, the class."""
    if not isinstance(error, SFTPAsyncError):
        return f"{type(error).__name__}, see the exception"
    return printable(str(error).replace("\n", " "), LONGEST_ERROR)


class Sender:
    """Sends messages to a listener, if there is one; never waits, never raises.

    Args:
        address: of the listener; None if there is none.

    """

    def __init__(self, address: Address | None) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def __bool__(self) -> bool:
        return self._address is not None

    def send(self, make: Callable[[], Message]) -> None:
        """Make a message and send it, if there is a listener; from any thread."""
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(self._address.family, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            datagram = seal(self._address.key, make())
            self._socket.sendto(datagram, (self._address.host, self._address.port))
        except Exception as error:  # noqa: BLE001 - a write must not fail because of its progress
            log.debug("progress is not reported: %s", error)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()


class Reporter:
    """Reports one piece of work every half second while its counters change, and at its end.

    A context manager: an error that leaves it is reported as `failed`, and propagates.

    Args:
        address: of the listener; None: nothing is reported.
        loop: the event loop whose thread sends while the work runs.
        progress: makes a message; called on the loop's thread, and at the end on the thread that
            leaves the context.
        unheard: gets the last message where there is no listener; None: nothing does.

    """

    def __init__(
        self,
        address: Address | None,
        loop: asyncio.AbstractEventLoop,
        progress: Callable[[TaskState], Message],
        unheard: Callable[[Message], None] | None = None,
    ) -> None:
        self._sender = Sender(address)
        self._loop = loop
        self._progress = progress
        self._unheard = unheard
        self._sent: Message | None = None
        self._sent_at = 0.0
        self._ended = False

    def __enter__(self) -> Self:
        if self._sender:
            self._loop.call_soon_threadsafe(self._loop.call_later, INTERVAL, self._tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._ended = True
        # Spark closes a task's generator when it wants no more rows.
        done = kind is None or kind is GeneratorExit
        state: TaskState = "done" if done else "failed"
        self._sender.send(lambda: self._last(state, error))
        if not self._sender and self._unheard is not None:
            self._unheard(self._last(state, error))
        self._sender.close()

    def _last(self, state: TaskState, error: BaseException | None) -> Message:
        message = self._progress(state)
        if state == "done" or error is None or isinstance(message, JobEnded | RollBackBegun):
            return message
        return replace(message, error=text_of(error), error_type=type(error).__name__)

    def _tick(self) -> None:
        if self._ended:
            return
        self._loop.call_later(INTERVAL, self._tick)
        message, now = self._progress("running"), self._loop.time()
        if message != self._sent or now - self._sent_at >= HEARTBEAT:
            self._sent, self._sent_at = message, now
            self._sender.send(lambda: message)
