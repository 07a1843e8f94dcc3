"""A process asks the listener of another how a session overwrites partitions now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from sftp_async.progress import session_mode
from sftp_async.progress.displays import LogDisplay
from sftp_async.progress.listener import Listener
from sftp_async.progress.messages import KEY_BYTES
from sftp_async.progress.session_mode import ask_mode
from sftp_async.progress.state import WriteState

Mode = Literal["static", "dynamic"]


class Sessions:
    """What two sessions have set; the third is that of a stopped Spark."""

    def __init__(self) -> None:
        self.modes: list[Mode] = ["static", "dynamic"]

    def mode_of(self, session: int) -> Mode | None:
        if session == len(self.modes):
            raise RuntimeError("the session is stopped")
        return self.modes[session] if session < len(self.modes) else None


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def listener(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr(session_mode, "ANSWER_SECONDS", 0.05)
    found = Listener("127.0.0.1", WriteState(), LogDisplay, sessions.mode_of)
    yield found
    found.close()


def test_each_session_is_answered_for_as_it_is_now(listener: Listener, sessions: Sessions) -> None:
    assert [ask_mode(listener.address, number) for number in (0, 1)] == ["static", "dynamic"]
    sessions.modes[0] = "dynamic"
    assert ask_mode(listener.address, 0) == "dynamic"


@pytest.mark.parametrize("session", [2, 3, -9], ids=["stopped", "unknown", "no number"])
def test_a_session_that_is_not_known_has_no_mode(listener: Listener, session: int) -> None:
    assert ask_mode(listener.address, session) is None


def test_a_question_under_another_key_has_no_answer(listener: Listener) -> None:
    assert ask_mode(replace(listener.address, key=bytes(KEY_BYTES)), 1) is None


def test_where_nothing_listens_the_mode_is_not_known(listener: Listener) -> None:
    listener.close()
    assert ask_mode(listener.address, 1) is None
