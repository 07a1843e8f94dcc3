"""Backoff: how long, how often."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sftp_async.remote.retry import LONGEST_WAIT, RetryPolicy


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
