"""Messages of a task: sealed, printable, rare, and never a reason to wait or fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.humanize import LONGEST_TARGET, readable_target
from sftp_async.progress.messages import (
    HEARTBEAT,
    INTERVAL,
    Address,
    JobEnded,
    Message,
    TaskProgress,
    seal,
    unseal,
)
from sftp_async.progress.reporter import Reporter, Sender

KEY = bytes(range(32))
JOB = "ab" * 16


def progress(rows: int = 0, state: Any = "running") -> TaskProgress:
    return TaskProgress("task", JOB, "/out", 0.0, 0, state, 0, rows, 0)


class Receiver:
    """A socket that receives messages."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.address = Address("127.0.0.1", self._socket.getsockname()[1], KEY)

    def receive(self) -> dict[str, Any]:
        content = unseal(KEY, self._socket.recv(2048))
        assert content is not None
        message: dict[str, Any] = json.loads(content)
        return message

    def received_nothing_more(self) -> bool:
        """Loopback keeps the order of datagrams, so a further one would be received before this."""
        Sender(self.address).send(lambda: JobEnded("end", "last", None))
        return self.receive()["job"] == "last"

    def close(self) -> None:
        self._socket.close()


class Loop:
    """An event loop whose clock is the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, then: Callable[[], None]) -> None:
        self._due.append((self.now + delay, then))

    def call_soon_threadsafe(self, then: Callable[..., None], *args: Any) -> None:
        then(*args)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, then = self._due.pop(0)
            then()
        self.now = end


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def test_the_key_of_an_address_is_in_no_repr() -> None:
    address = Address("127.0.0.1", 4711, KEY)
    assert repr(KEY) not in repr(address)
    assert KEY.hex() not in repr(address)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_datagram_that_was_changed_anywhere_is_not_opened(place: int, change: int) -> None:
    datagram = bytearray(seal(KEY, progress()))
    assert unseal(KEY, bytes(datagram)) is not None
    datagram[place % len(datagram)] ^= change
    assert unseal(KEY, bytes(datagram)) is None


def test_a_datagram_of_another_session_is_not_opened() -> None:
    assert unseal(KEY[::-1], seal(KEY, progress())) is None
    assert unseal(KEY, b"") is None


@given(st.text(st.characters(codec=None), max_size=400))
def test_a_target_is_sent_in_few_printable_characters(target: str) -> None:
    shown = readable_target(target)
    assert len(shown) <= LONGEST_TARGET
    assert shown.isprintable()
    if target.isprintable() and len(target) <= LONGEST_TARGET:
        assert shown == target.removeprefix("./")
    assert len(seal(KEY, TaskProgress("task", JOB, shown, 0.0, 0, "running", *[2**63] * 3))) < 2048


def test_a_file_of_the_login_directory_is_shown_by_its_name() -> None:
    assert readable_target("./orders.csv") == "orders.csv"


def refuses() -> Message:
    raise ValueError("no message")


@pytest.mark.parametrize(
    ("host", "make"),
    [
        ("2001:db8::1", progress),  # of the documentation's network: not reachable
        ("255.255.255.255", progress),  # not allowed
        ("127.0.0.1", progress),  # no socket is there
        ("127.0.0.1", refuses),
    ],
)
def test_a_listener_that_cannot_be_reached_is_no_error(
    host: str, make: Callable[[], Message]
) -> None:
    sender = Sender(Address(host, 9, KEY))
    sender.send(make)
    sender.send(make)
    sender.close()
    sender.send(make)


def test_a_task_reports_changes_every_half_second_and_a_heartbeat_every_two_seconds(
    receiver: Receiver,
) -> None:
    loop: Any = Loop()
    rows = 0
    with Reporter(receiver.address, loop, lambda state: progress(rows, state)):
        for rows in (10, 20):
            loop.pass_time(INTERVAL)
            assert receiver.receive()["rows"] == rows
        loop.pass_time(HEARTBEAT - INTERVAL / 2)
        assert receiver.received_nothing_more()
        loop.pass_time(INTERVAL)
        assert receiver.receive()["rows"] == 20
    assert receiver.receive()["state"] == "done"
    loop.pass_time(60)
    assert receiver.received_nothing_more()


def test_an_error_is_reported_and_propagates(receiver: Receiver) -> None:
    loop: Any = Loop()
    with (
        pytest.raises(KeyError),
        Reporter(receiver.address, loop, lambda state: progress(state=state)),
    ):
        raise KeyError
    assert receiver.receive()["state"] == "failed"


def test_without_a_listener_nothing_happens_on_the_loop() -> None:
    loop: Any = None  # any use of it would raise
    with Reporter(None, loop, lambda state: refuses()):
        pass
