"""Runs an action on many items with a bounded number in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection


T = TypeVar("T")


#: Requests of one kind under way at once on one channel; hides the round trip without flooding.
AT_ONCE = 32


async def each(
    items: Collection[T], action: Callable[[T], Awaitable[None]], *, at_once: int = AT_ONCE
) -> None:
    """Do something to every item, several at a time.

    The first error is raised, once what was under way has come to rest: a request that is cancelled
    would cost the connection.
    """
    waiting = iter(items)
    errors: list[Exception] = []

    async def work() -> None:
        for item in waiting:
            if errors:
                return
            try:
                await action(item)
            except Exception as error:  # noqa: BLE001 - raised below, after the others came to rest
                errors.append(error)

    await asyncio.gather(*(work() for _ in range(min(at_once, len(items)))))
    if errors:
        raise errors[0]
