"""Which version of a remote file is read, and the request that compares it while data comes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@dataclass(frozen=True)
class FileVersion:
    """Which version of a file is to be read.

    Args:
        path: on the server.
        size: bytes.
        mtime: time of last change, in seconds since 1970; 0 if the server sends none.

    """

    path: str
    size: int
    mtime: float = 0.0

    def __str__(self) -> str:
        size = f"{self.size:,} bytes"
        if not self.mtime:
            return size
        changed = datetime.fromtimestamp(self.mtime, UTC)
        return f"{size}, modified {changed:%Y-%m-%d %H:%M:%S} UTC"


class VersionCheck:
    """A comparison of an open file's version that runs while data comes.

    Args:
        compare: sends the request, and raises if it is another version.
        in_order: whether it may be sent behind the last read, before that is answered.

    """

    def __init__(
        self, compare: Callable[[], Coroutine[None, None, None]], *, in_order: bool = False
    ) -> None:
        self._compare = compare
        self._task: asyncio.Task[None] | None = None
        #: To be called when the last piece is asked for.
        self.behind = self.ask if in_order else None

    def ask(self) -> None:
        """Send the request, if it is not sent yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._compare())

    async def done(self) -> None:
        """Wait for the answer; raises if it is another version."""
        self.ask()
        assert self._task is not None
        if not self._task.done():
            await asyncio.wait([self._task])
        self._task.result()

    async def settle(self) -> None:
        """Wait until nothing is in flight."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


async def nothing_to_compare() -> None:
    """Compare nothing: the end of the range is not that of the file."""
