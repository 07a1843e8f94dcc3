"""Actions side by side: how many at once, which error is raised, and when all have ended."""

from __future__ import annotations

import asyncio

import pytest

from sftp_async.remote.concurrency import each


@pytest.mark.asyncio
async def test_no_more_are_in_flight_than_allowed() -> None:
    now = most = 0

    async def action(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    await each(range(20), action, at_once=3)
    assert (now, most) == (0, 3)
    await each([], action)


@pytest.mark.asyncio
async def test_the_first_error_is_raised_when_what_is_in_flight_has_ended() -> None:
    begun: list[int] = []
    ended: list[int] = []
    failed = asyncio.Event()

    async def action(item: int) -> None:
        begun.append(item)
        if item == 1:
            failed.set()
            raise ValueError("the second")
        await failed.wait()
        await asyncio.sleep(0)
        ended.append(item)

    with pytest.raises(ValueError, match="the second"):
        await each(range(10), action, at_once=3)
    assert begun == [0, 1]
    assert ended == [0]


@pytest.mark.asyncio
async def test_a_cancellation_waits_for_the_clean_up_of_every_action() -> None:
    all_begun = asyncio.Barrier(4)
    cleaned: list[int] = []

    async def action(item: int) -> None:
        try:
            await all_begun.wait()
            await asyncio.Event().wait()
        finally:
            for _ in range(20 * item):  # the clean-ups take unequally long
                await asyncio.sleep(0)
            cleaned.append(item)

    running = asyncio.create_task(each(range(3), action, at_once=3))
    await all_begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(cleaned) == [0, 1, 2]


class Ends(BaseException):
    """Ends more than an action, as `SystemExit` does."""


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [asyncio.CancelledError, Ends])
async def test_what_is_no_exception_is_raised_too(kind: type[BaseException]) -> None:
    """An action that was cancelled by itself has not been done."""
    begun: list[int] = []

    async def action(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise kind
        await asyncio.sleep(0)

    with pytest.raises(kind):
        await each(range(10), action, at_once=2)
    assert begun == [0, 1]
