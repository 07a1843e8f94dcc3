"""The watchdog ends what stays silent, and only that; on a clock that the tests turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sftp_async.remote.ssh.watchdog import Watchdog
from tests.support.event_loops import Clock

pytestmark = pytest.mark.asyncio(loop_factories=["clock"])


@pytest.fixture
def silences() -> list[float]:
    """How long each reported silence was, in seconds."""
    return []


@pytest_asyncio.fixture
async def watchdog(silences: list[float]) -> AsyncIterator[Watchdog]:
    watchdog = Watchdog(silences.append)
    yield watchdog
    watchdog.close()


@pytest_asyncio.fixture
async def clock() -> Clock:
    """The event loop of the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Clock)
    return loop


async def test_silence_while_an_answer_is_due_is_reported_once(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        await clock.turn(9)
        assert silences == []
        await clock.turn(31)
    assert len(silences) == 1
    assert silences[0] == pytest.approx(10, abs=0.5)


async def test_silence_while_nothing_is_due_is_no_matter(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        await clock.turn(1)
    await clock.turn(100)
    with watchdog.expecting(10):
        await clock.turn(9)
    assert silences == []


async def test_a_request_that_waits_behind_others_is_not_stalled_while_they_are_answered(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        for _ in range(20):
            with watchdog.expecting(10):
                await clock.turn(6)
        assert silences == []
        await clock.turn(11)
    assert len(silences) == 1


async def test_a_part_of_an_answer_within_a_request_counts_as_an_answer(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        for _ in range(20):
            await clock.turn(6)
            watchdog.heard()
    assert silences == []


async def test_the_least_patient_request_decides(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(100):
        await clock.turn(50)
        with watchdog.expecting(60):
            await clock.turn(9)
            assert silences == []
            await clock.turn(2)
    assert len(silences) == 1


async def test_a_patient_request_outlasts_an_impatient_one_that_was_answered(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(100):
        with watchdog.expecting(5):
            await clock.turn(4)
        await clock.turn(90)
        assert silences == []
        await clock.turn(15)
    assert len(silences) == 1


async def test_time_in_which_the_loop_itself_stood_still_is_not_silence(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        await clock.turn(5)
        await clock.jump(3600)
        await clock.turn(1)
        assert silences == []
        await clock.turn(12)
    assert len(silences) == 1


async def test_a_closed_watchdog_says_nothing_more(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        watchdog.close()
        await clock.turn(20)
    assert silences == []


async def test_a_failed_request_is_an_answer_too(
    clock: Clock, watchdog: Watchdog, silences: list[float]
) -> None:
    with watchdog.expecting(10):
        await clock.turn(9)
        with pytest.raises(OSError, match="refused"), watchdog.expecting(10):
            raise OSError("refused")
        await clock.turn(9)
    assert silences == []
