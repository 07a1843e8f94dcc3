"""Cleaning in the background: one round at a time, and none by a look that shows the last one's."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from sftp_async.read.cleanup.background import BackgroundCleaning
from sftp_async.read.listing import FoundFile, Listing
from sftp_async.read.stream.server_looks import Look
from tests.support.ingest_server import Clock

FILES = (FoundFile("/in/a", 1, 1),)


class Rounds:
    """Notes rounds; one goes on until it may end."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, Sequence[FoundFile], Sequence[str]]] = []
        self.may_end = threading.Event()

    def __call__(self, stream: str, files: Sequence[FoundFile], set_aside: Sequence[str]) -> None:
        self.begun.append((stream, files, set_aside))
        assert self.may_end.wait(60)


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def look(clock: Clock, *set_aside: str) -> Look:
    return Look(Listing((), set_aside=set_aside), clock.now, clock.now)


def test_a_second_round_does_not_begin_before_the_first_one_has_ended(
    rounds: Rounds, clock: Clock
) -> None:
    cleaning = BackgroundCleaning(rounds, clock)
    cleaning.begin("0a", look(clock), FILES)
    cleaning.begin("0a", look(clock), FILES)
    during = look(clock)
    clock.sleep(1)
    rounds.may_end.set()
    cleaning.finish()
    assert rounds.begun == [("0a", FILES, ())]
    cleaning.begin("0a", during, FILES)  # which saw what the first round has moved since
    clock.sleep(1)
    cleaning.begin("0a", look(clock), FILES)
    cleaning.finish()
    assert len(rounds.begun) == 2


def test_what_is_set_aside_is_reason_enough_for_a_round(rounds: Rounds, clock: Clock) -> None:
    rounds.may_end.set()
    cleaning = BackgroundCleaning(rounds, clock)
    cleaning.begin("0a", look(clock), ())
    cleaning.begin("0a", look(clock, "/in/.b"), ())
    cleaning.finish()
    assert rounds.begun == [("0a", (), ("/in/.b",))]


def test_a_server_with_one_connection_has_the_round_before_the_batch(
    rounds: Rounds, clock: Clock
) -> None:
    rounds.may_end.set()
    cleaning = BackgroundCleaning(rounds, clock, waits=True)
    cleaning.begin("0a", look(clock), FILES)
    assert [name for name in _threads() if "cleaning" in name] == []
    assert len(rounds.begun) == 1


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]
