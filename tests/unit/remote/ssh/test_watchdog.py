"""The watchdog ends what stays silent, and only that; on a clock that the tests turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sftp_async.remote.ssh.watchdog import Watchdog


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until `turn`."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    async def turn(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass in small steps, as it does for a loop that is not blocked."""
        for _ in range(round(seconds / step)):
            self.now += step
            await asyncio.sleep(0)

    async def jump(self, seconds: float) -> None:
        """Let time pass at once, as it does for a loop that was blocked or a process stopped."""
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def run() -> Callable[[Callable[[Clock, Watchdog, list[float]], Coroutine[Any, Any, None]]], None]:
    def run(
        scene: Callable[[Clock, Watchdog, list[float]], Coroutine[Any, Any, None]],
    ) -> None:
        async def main() -> None:
            silences: list[float] = []
            clock = asyncio.get_running_loop()
            assert isinstance(clock, Clock)
            watchdog = Watchdog(silences.append)
            await scene(clock, watchdog, silences)
            watchdog.close()

        with asyncio.Runner(loop_factory=Clock) as runner:
            runner.run(main())

    return run


def test_silence_while_an_answer_is_due_is_reported_once(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            await clock.turn(9)
            assert silences == []
            await clock.turn(31)
        assert len(silences) == 1
        assert silences[0] == pytest.approx(10, abs=0.5)

    run(scene)


def test_silence_while_nothing_is_due_is_no_matter(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            await clock.turn(1)
        await clock.turn(100)
        with watchdog.expecting(10):
            await clock.turn(9)
        assert silences == []

    run(scene)


def test_a_request_that_waits_behind_others_is_not_stalled_while_they_are_answered(
    run: Any,
) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            for _ in range(20):
                with watchdog.expecting(10):
                    await clock.turn(6)
            assert silences == []
            await clock.turn(11)
        assert len(silences) == 1

    run(scene)


def test_a_sign_of_life_within_a_request_counts_as_an_answer(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            for _ in range(20):
                await clock.turn(6)
                watchdog.heard()
        assert silences == []

    run(scene)


def test_the_least_patient_request_decides(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(100):
            await clock.turn(50)
            with watchdog.expecting(60):
                await clock.turn(9)
                assert silences == []
                await clock.turn(2)
        assert len(silences) == 1

    run(scene)


def test_a_patient_request_outlasts_an_impatient_one_that_was_answered(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(100):
            with watchdog.expecting(5):
                await clock.turn(4)
            await clock.turn(90)
            assert silences == []
            await clock.turn(15)
        assert len(silences) == 1

    run(scene)


def test_time_in_which_the_loop_itself_stood_still_is_not_silence(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            await clock.turn(5)
            await clock.jump(3600)
            await clock.turn(1)
            assert silences == []
            await clock.turn(12)
        assert len(silences) == 1

    run(scene)


def test_a_closed_watchdog_says_nothing_more(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            watchdog.close()
            await clock.turn(20)
        assert silences == []

    run(scene)


def test_a_failed_request_is_an_answer_too(run: Any) -> None:
    async def scene(clock: Clock, watchdog: Watchdog, silences: list[float]) -> None:
        with watchdog.expecting(10):
            await clock.turn(9)
            with pytest.raises(OSError, match="refused"), watchdog.expecting(10):
                raise OSError("refused")
            await clock.turn(9)
        assert silences == []

    run(scene)
