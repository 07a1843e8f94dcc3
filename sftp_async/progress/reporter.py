"""What a write tells the process that asked for it: counters in small datagrams, now and then.

UDP, because nobody must ever wait for a listener: what is lost is told again half a second later,
since all counters are cumulative. Each datagram is sealed with a key that only the session's jobs
know (HMAC-SHA256); why so: docs/decisions/0018-progress.md.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Literal, Self

from sftp_async.progress.summary import WriteSummary

log = logging.getLogger("sftp_async.progress.reporter")

#: Seconds between two datagrams of one task, at least; and at most, while it has no news.
INTERVAL, HEARTBEAT = 0.5, 2.0
#: Characters of a target that are told.
LONGEST_TARGET = 200
#: Bytes of the seal, in front of the message: SHA-256's.
SEAL = 32
KEY_BYTES = 32

TaskState = Literal["running", "done", "failed"]


@dataclass(frozen=True)
class Address:
    """Where a listener is, as numbers: nothing has to be resolved; and the key it knows."""

    host: str
    port: int
    key: bytes = field(repr=False)

    @property
    def family(self) -> socket.AddressFamily:
        """IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


@dataclass(frozen=True)
class TaskNews:
    """How far a task is: what went into its files, and bytes that the server has acknowledged.

    `age` is how many seconds ago the job was planned, by the clocks of two machines: it may be less
    than 0.
    """

    kind: Literal["task"]
    job: str
    target: str
    age: float
    partition: int
    state: TaskState
    files: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class CommitNews:
    """The driver is making a job's files visible."""

    kind: Literal["commit"]
    job: str
    target: str
    age: float


@dataclass(frozen=True)
class Ended:
    """A job is over; without a summary it has failed."""

    kind: Literal["end"]
    job: str
    summary: WriteSummary | None


Message = TaskNews | CommitNews | Ended


def readable(text: str) -> str:
    """Return a target as it is told: of bounded length, and harmless on a terminal."""
    text = text.removeprefix("./")
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return text if len(text) <= LONGEST_TARGET else f"{text[: LONGEST_TARGET - 1]}…"


def seal(key: bytes, message: Message) -> bytes:
    """Return a datagram."""
    content = json.dumps(asdict(message), ensure_ascii=False).encode()
    return hmac.digest(key, content, "sha256") + content


def unseal(key: bytes, datagram: bytes) -> bytes | None:
    """Return the content of a datagram; None if it was not sealed with that key."""
    content = datagram[SEAL:]
    ours = hmac.compare_digest(hmac.digest(key, content, "sha256"), datagram[:SEAL])
    return content if ours else None


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
