"""The retry loop: how long it waits, how often it tries, and what it takes for progress."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    ConnectionLostError,
    RemoteNotFoundError,
    SFTPAsyncError,
    StalledError,
)
from sftp_async.options import SFTPOptions
from sftp_async.remote.retry import LONGEST_WAIT, Attempts, RetryPolicy
from tests.support.event_loops import Clock

log = logging.getLogger("sftp_async.tests")


@given(st.integers(1, 50), st.floats(0.001, 10))
def test_waits_double_stay_within_half_of_the_full_wait_and_never_exceed_the_longest(
    failures: int, first: float
) -> None:
    full = min(first * 2 ** (failures - 1), LONGEST_WAIT)
    delay = RetryPolicy(100, first).delay(failures)
    assert delay is not None
    assert full / 2 <= delay <= full


def test_retries_are_counted_after_the_first_try() -> None:
    policy = RetryPolicy(2, 0.1)
    assert policy.delay(2) is not None
    assert policy.delay(3) is None
    assert RetryPolicy(0, 0.1).delay(1) is None


def test_the_policy_is_the_one_of_the_options() -> None:
    options = SFTPOptions(host="h", username="u", password="p", max_retries=7, retry_delay=3)
    assert RetryPolicy.of(options) == RetryPolicy(7, 3.0)


class Work:
    """Fails with these errors, one after the other, and then succeeds."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.tried = 0
        self.retries = 0

    def step(self) -> str:
        self.tried += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def attempts(self, max_retries: int = 3, deadline: float | None = None) -> Attempts:
        return RetryPolicy(max_retries, 0.0).attempts(
            on=UNKNOWN_OUTCOME, name="a.csv", log=log, on_retry=self.count, deadline=deadline
        )

    def count(self) -> None:
        self.retries += 1

    async def run(self, max_retries: int = 3, deadline: float | None = None) -> str:
        async for attempt in self.attempts(max_retries, deadline):
            async with attempt:
                result = self.step()
        return result


@pytest.mark.asyncio
async def test_a_block_runs_again_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(ConnectionLostError("cut"), StalledError("silent"))
    assert await work.run() == "done"
    assert (work.tried, work.retries) == (3, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "a.csv: retry 1 in 0.0 s (cut)",
        "a.csv: retry 2 in 0.0 s (silent)",
    ]


@pytest.mark.asyncio
async def test_the_error_of_the_last_attempt_is_raised() -> None:
    work = Work(*[ConnectionLostError(f"cut {n}") for n in range(9)])
    with pytest.raises(ConnectionLostError, match="cut 2"):
        await work.run(max_retries=2)
    assert (work.tried, work.retries) == (3, 2)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error",
    [
        RemoteNotFoundError("gone"),
        StalledError("silent", retryable=False),
        SFTPAsyncError("no such kind", retryable=True),
        ValueError("a bug"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
async def test_what_is_not_worth_a_retry_is_raised_at_once(error: BaseException) -> None:
    work = Work(error)
    with pytest.raises(type(error)):
        await work.run()
    assert work.tried == 1


@pytest.mark.asyncio
async def test_progress_forgets_the_failures_before_it() -> None:
    work = Work(*[ConnectionLostError("cut") for _ in range(9)])
    async for attempt in work.attempts(max_retries=1):
        async with attempt:
            attempt.progress()
            work.step()
    assert work.tried == 10


@pytest.mark.asyncio(loop_factories=["clock"])
async def test_every_retry_begins_before_the_deadline() -> None:
    for deadline, tries in ((Clock.now + 1, 3), (Clock.now, 1)):
        work = Work(*[ConnectionLostError("cut") for _ in range(9)])
        with pytest.raises(ConnectionLostError):
            await work.run(max_retries=2, deadline=deadline)
        assert work.tried == tries
