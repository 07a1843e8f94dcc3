"""Runs an action on many items, with a bounded number in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection


T = TypeVar("T")


#: Requests of one kind in flight on one channel; hides the round trip without flooding.
AT_ONCE = 32


async def each(
    items: Collection[T], action: Callable[[T], Awaitable[object]], *, at_once: int = AT_ONCE
) -> None:
    """Run an action on every item, several at a time.

    After an error no further item is begun, and the first error is raised when what is in flight
    has ended: a request that is cancelled would cost the connection. Of whatever kind the error is,
    an action that was cancelled by itself among them, it is raised. A cancellation of the whole
    waits for the clean-up of every action.
    """
    waiting = iter(items)
    errors: list[BaseException] = []

    async def work() -> None:
        for item in waiting:
            if errors:
                return
            try:
                await action(item)
            except BaseException as error:  # noqa: BLE001 - raised below, when the others have ended
                errors.append(error)

    tasks = [asyncio.create_task(work()) for _ in range(min(at_once, len(items)))]
    if not tasks:
        return
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    if errors:
        raise errors[0]
