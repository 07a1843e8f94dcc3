"""The listener on loopback: what it accepts, what it drops, and how long callers wait for it."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from sftp_async import progress
from sftp_async.progress import listener as listeners
from sftp_async.progress import state
from sftp_async.progress.listener import Listener
from sftp_async.progress.messages import (
    Address,
    CommitProgress,
    JobEnded,
    Message,
    TaskProgress,
    seal,
)
from sftp_async.progress.reporter import Sender
from sftp_async.progress.state import View, WriteState
from sftp_async.progress.summary import WriteSummary

JOB = "ab" * 16


def summary(rows: int = 7) -> WriteSummary:
    return WriteSummary("/out", JOB, 1, rows, 70, 0.5, 1, 0, 0)


def send(address: Address, *messages: Message) -> None:
    sender = Sender(address)
    for message in messages:
        sender.send(lambda message=message: message)  # type: ignore[misc] # the default binds it
    sender.close()


class Watched:
    """A display that records what it was shown, and may raise."""

    def __init__(self) -> None:
        self.shown = threading.Event()
        self.closed = threading.Event()
        self.ended: list[JobEnded] = []
        self.breaks = False

    def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
        self.ended += ended
        if views:
            self.shown.set()
        if self.breaks:
            raise OSError("the terminal is gone")

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def display() -> Watched:
    return Watched()


@pytest.fixture
def listener(display: Watched) -> Iterator[Listener]:
    one = Listener("127.0.0.1", WriteState(), lambda: display)
    yield one
    one.close()


def test_the_summary_of_the_last_write_is_there_at_once(listener: Listener) -> None:
    assert listener.last_write() is None
    send(listener.address, JobEnded("end", "a", summary(1)), JobEnded("end", "b", summary(2)))
    assert listener.last_write() == summary(2)
    send(listener.address, JobEnded("end", "c", None))
    assert listener.last_write() == summary(2)


def test_the_listener_asks_for_the_number_of_tasks_and_an_error_is_none_of_a_write() -> None:
    shown: list[int] = []
    seen = threading.Event()

    class Looks(Watched):
        def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
            shown.extend(view.tasks for view in views)
            if 8 in shown:
                seen.set()

    answers: list[Exception | int] = [ValueError("Spark has stopped"), 8]

    def tasks_of(stage: int) -> int:
        assert stage == 3
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    one = Listener("127.0.0.1", WriteState(), Looks, tasks_of=tasks_of)
    progress_of_task = TaskProgress("task", JOB, "/out", 0.0, 0, "running", 0, 0, 0, stage=3)
    sender = Sender(one.address)
    while not seen.wait(0.1):
        sender.send(lambda: progress_of_task)
    sender.close()
    one.close()
    assert answers == []


def test_the_end_of_a_write_that_has_just_returned_is_waited_for(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "GRACE", 60.0)
    send(listener.address, CommitProgress("commit", JOB, "/out", 0.0))
    asked = threading.Event()
    is_busy = listener._state.is_busy

    def end_once_asked(now: float) -> bool:
        if threading.current_thread() is threading.main_thread() and not asked.is_set():
            asked.set()
            send(listener.address, JobEnded("end", JOB, summary()))
            return True
        return is_busy(now)

    monkeypatch.setattr(listener._state, "is_busy", end_once_asked)
    assert listener.last_write() == summary()
    assert asked.is_set()


def test_datagrams_that_are_not_authentic_are_dropped_and_later_ones_are_received(
    listener: Listener,
) -> None:
    address = listener.address
    without_key = Address(address.host, address.port, bytes(32))
    send(without_key, JobEnded("end", JOB, summary(666)))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    genuine = seal(address.key, JobEnded("end", JOB, summary(666)))
    unknown = JobEnded("next version's", JOB, None)  # type: ignore[arg-type]
    text = WriteSummary("/out", JOB, "<b>", 0, 0, 0.0, 0, 0, 0)  # type: ignore[arg-type]
    for datagram in (
        b"",
        b"x",
        os.urandom(500),
        bytes(60_000),
        genuine[:-1],
        genuine[1:],
        genuine + b" ",
        genuine[32:],
        seal(address.key, unknown),
        seal(address.key, JobEnded("end", JOB, text)),
        seal(address.key, CommitProgress("commit", JOB, "x" * 50_000, 0.0)),
    ):
        sender.sendto(datagram, (address.host, address.port))
    sender.close()
    assert listener.last_write() is None
    send(address, JobEnded("end", JOB, summary()))
    assert listener.last_write() == summary()


def test_a_listener_is_bound_to_the_given_address_alone(listener: Listener) -> None:
    assert listener.address.host == "127.0.0.1"
    assert listener._socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError, match="assign"):
        Listener("192.0.2.1", WriteState(), Watched)  # of the documentation's network


def test_a_write_is_shown_until_its_end_and_then_the_thread_sleeps(
    listener: Listener, display: Watched
) -> None:
    send(listener.address, CommitProgress("commit", JOB, "/out", 0.0))
    assert display.shown.wait(30)
    end = JobEnded("end", JOB, summary())
    send(listener.address, end)
    assert listener.last_write() == summary()
    assert display.ended == [end]  # shown before the caller prints anything
    listener.close()
    assert display.closed.is_set()
    assert not listener._thread.is_alive()


def test_the_end_of_a_write_is_shown_even_after_a_time_without_messages(
    listener: Listener, display: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(listener.address, CommitProgress("commit", JOB, "/out", 0.0))
    assert display.shown.wait(30)
    monkeypatch.setattr(state, "QUIET", 0.0)
    assert listener.last_write() is None
    send(listener.address, JobEnded("end", JOB, summary()))
    assert listener.last_write() == summary()
    listener.close()
    assert display.ended == [JobEnded("end", JOB, summary())]


def test_a_display_that_raises_stops_neither_listener_nor_caller(
    listener: Listener, display: Watched
) -> None:
    display.breaks = True
    send(listener.address, CommitProgress("commit", JOB, "/out", 0.0))
    assert display.shown.wait(30)
    send(listener.address, JobEnded("end", JOB, summary()))
    assert listener.last_write() == summary()
    listener.close()
    assert display.closed.is_set()  # by the thread, at its orderly end


def test_a_process_has_one_listener_until_it_listens_on_another_address() -> None:
    before = progress._listener
    progress._listener = None
    try:
        first = progress.listen("127.0.0.1")
        assert first is not None
        assert progress.listen("127.0.0.1") == first
        second = progress.listen("127.0.0.2")
        assert second is not None
        assert (second.host, second.key) != (first.host, first.key)
        send(second, JobEnded("end", JOB, summary(3)))
        assert progress.last_write() == summary(3)
        assert progress.listen("no such host.invalid") is None
        assert progress.last_write() == summary(3)
    finally:
        if progress._listener is not None:
            progress._listener.close()
        progress._listener = before


def test_an_exporter_that_waits_or_fails_holds_up_no_caller(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, may = threading.Event(), threading.Event()

    def waits(*_: object) -> None:
        asked.set()
        may.wait(30)
        raise OSError("the collector is gone")

    monkeypatch.setattr(listener._follower, "update", waits)
    try:
        send(listener.address, JobEnded("end", JOB, summary()))
        assert asked.wait(30)
        assert listener.last_write() == summary()
    finally:
        may.set()
    listener.close()
    assert "a trace is not complete: OSError: the collector is gone" in caplog.messages


def test_what_no_display_shows_is_followed_until_the_listener_ends(
    listener: Listener, display: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sftp_async.job")
    task = TaskProgress("task", JOB, "/out", 0.0, 0, "running", 0, 7, 70, shown=False)
    send(listener.address, task)
    assert listener.last_write() is None
    assert not listener._state.is_busy(time.monotonic())
    listener.close()
    assert not display.shown.is_set()
    (line,) = caplog.messages
    assert (json.loads(line)["outcome"], json.loads(line)["rows"]) == ("unknown", 7)
