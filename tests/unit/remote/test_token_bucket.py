"""The pace of bytes, by a clock that only the test moves."""

from __future__ import annotations

import asyncio

import pytest

from sftp_async.remote.token_bucket import BURST, SMALLEST_PIECE, Paces, TokenBucket

pytestmark = pytest.mark.one_python


class Time:
    """Passes only in a sleep; timers are late by `late` seconds."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 50.0
        self.late = late

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late
        await asyncio.sleep(0)


async def seconds_for(total: int, piece: int, bucket: TokenBucket, time: Time) -> float:
    began = time.now
    for _ in range(total // piece):
        await bucket.take(piece)
    return time.now - began


@pytest.mark.asyncio
@pytest.mark.parametrize("late", [0.0, 0.015])
@pytest.mark.parametrize("piece", [1_000, 32_768, 300_000])
async def test_the_mean_rate_holds_whatever_the_pieces_and_however_late_timers_are(
    piece: int, late: float
) -> None:
    time = Time(late)
    bucket = TokenBucket(1_000_000, time, time.sleep)
    total = 30_000_000

    seconds = await seconds_for(total, piece, bucket, time)

    assert total / (seconds + BURST) <= 1_000_000 * 1.01 + piece
    assert total / seconds >= 1_000_000 * 0.97


@pytest.mark.asyncio
async def test_a_pause_lets_no_more_than_a_burst_pass_at_once() -> None:
    time = Time()
    bucket = TokenBucket(1_000, time, time.sleep)
    time.now += 3_600

    assert await seconds_for(2_000, 10, bucket, time) == pytest.approx(2 - BURST, abs=0.02)


@pytest.mark.asyncio
async def test_a_bucket_whose_share_others_have_gains_nothing_until_bytes_are_taken() -> None:
    time = Time()
    bucket = TokenBucket(1_000, time, time.sleep)
    await bucket.take(2_000)
    bucket.fills = False
    time.now += 3_600

    began = time.now
    await bucket.take(1)
    assert time.now - began == pytest.approx(2, abs=0.01)


@pytest.mark.asyncio
async def test_a_new_rate_counts_at_once_also_for_who_waits() -> None:
    time = Time()
    bucket = TokenBucket(1_000, time, time.sleep)
    await bucket.take(10_000)  # nearly ten seconds of it
    waiting = asyncio.create_task(bucket.take(1))
    await asyncio.sleep(0)
    bucket.rate = 1_000_000
    began = time.now
    await waiting
    assert time.now - began <= 1.0


@pytest.mark.asyncio
async def test_bytes_are_served_in_the_order_in_which_they_come() -> None:
    time = Time()
    bucket = TokenBucket(1_000, time, time.sleep)
    order: list[int] = []

    async def take(number: int) -> None:
        await bucket.take(700)
        order.append(number)

    await asyncio.gather(*(take(number) for number in range(9)))
    assert order == list(range(9))


@pytest.mark.asyncio
async def test_the_slowest_of_several_buckets_decides() -> None:
    time = Time()
    slow = TokenBucket(1_000, time, time.sleep)
    waited: list[float] = []
    paces = Paces(TokenBucket(5_000, time, time.sleep), slow, on_wait=waited.append, clock=time)
    began = time.now
    for _ in range(100):
        await paces.take(100)
    assert time.now - began == pytest.approx(10 - BURST, abs=0.2)
    assert sum(waited) == pytest.approx(time.now - began)
    assert paces.piece == slow.piece == SMALLEST_PIECE
