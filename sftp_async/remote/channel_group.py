"""The lanes of one file: SFTP channels of one connection that take its chunks in turn.

A channel's window bounds what is on its way, so on a distant server one channel gives a window a
round trip, however wide the line. Several channels write one file at its offsets that many times as
fast. They belong to the connection: what one file has opened, the next one finds open.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectionLostError, StalledError, TransferError
from sftp_async.options.parsing import MAX_CHANNELS
from sftp_async.remote.ssh.sftp_channels import HALF_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.remote.ssh import Connection, SFTPFile

log = logging.getLogger("sftp_async.remote.channel_group")

#: Bytes of one file under way on one lane: OpenSSH's window of 2 MiB and half as much behind it, so
#: that the window, not we, decides how much is on the wire.
LANE_BYTES = 3 * 1024 * 1024
#: Most lanes of a file. With `LANE_BYTES` each they hold less than the default byte budget.
MAX_LANES = MAX_CHANNELS
#: Bytes a second that the lanes shall carry together: about what one process can send. As many
#: as that takes come in one step: on a new connection a step takes five round trips.
ENOUGH = 250 * 1024 * 1024
#: Seconds of round trip from which a server is far. Below, a window a round trip is 200 MiB/s and
#: more, about what one process can send.
FAR = 0.01
#: Round trips that half a window may take where the window holds the upload back: it comes in one
#: if the line is wide, and in two and more if the line itself is full.
HELD_BACK = 1.5


@dataclass(eq=False)
class _Lane:
    """The file, open on one channel."""

    file: SFTPFile
    under_way: int = 0


class ChannelGroup:
    """The channels that one file is written through; they grow while the window holds it back.

    Args:
        connection: that all of them are on.
        first: the file, open on the connection's first channel.
        wanted: how many; None finds out.
        changed: set whenever there may be something to do.

    """

    def __init__(
        self,
        connection: Connection,
        first: SFTPFile,
        wanted: int | None,
        changed: asyncio.Event,
    ) -> None:
        self._connection = connection
        self._path = first.path
        self._wanted = wanted
        self._changed = changed
        self._lanes = [_Lane(first)]
        self._limit = MAX_LANES
        self._writes: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def has_room(self) -> bool:
        """Whether a lane can take a chunk."""
        return any(lane.under_way < LANE_BYTES for lane in self._lanes)

    def write(self, data: memoryview, offset: int, acknowledged: Callable[[int], None]) -> None:
        """Start to write a chunk on the lane that has the least to do.

        Args:
            data: the chunk.
            offset: where it belongs, in bytes; `acknowledged` is told it when the server has it.

        """
        lane = min(self._lanes, key=lambda each: each.under_way)
        lane.under_way += len(data)

        def answered(write: asyncio.Task[None]) -> None:
            self._writes.discard(write)
            lane.under_way -= len(data)
            if self._succeeded(write):
                acknowledged(offset)

        write = lane.file.begin_write(data, offset)
        self._writes.add(write)
        write.add_done_callback(answered)

    def grow(self, *, waiting: bool) -> None:
        """Open more lanes in the background if they are of use.

        Args:
            waiting: there are chunks that no lane has room for.

        """
        wanted = min(self._useful(waiting), self._limit)
        have = len(self._lanes) + len(self._opening)
        if wanted <= have:
            return
        self._connection.widen(wanted)
        for channel in range(have, min(wanted, self._connection.channels)):
            opening = asyncio.create_task(self._open(channel))
            self._opening.add(opening)
            opening.add_done_callback(self._opened)

    def check(self) -> None:
        """Raise what failed first, if anything did."""
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Wait for every answer, then close the file on every lane."""
        await self._settle()
        await asyncio.gather(*(lane.file.close() for lane in self._lanes))

    async def close_at_once(self) -> int | None:
        """Close the file, and ask for its size behind that, in one round trip.

        With one lane both go out behind the writes whose answers are still due, so that the end of
        a file, or all of a small one, takes a single round trip.

        Returns:
            The file's size in bytes; None if the server refused to tell. Either may be wrong on a
            server that does not keep the order of requests.

        Raises:
            TransferError: a write or the close failed. On a server that does not keep the order,
                a write may have failed only because the close came first.

        """
        if len(self._lanes) > 1 or self._opening:
            await self._settle()
        closes = [asyncio.create_task(lane.file.close()) for lane in self._lanes]
        stat = asyncio.create_task(self._connection.stat(self._path))
        await asyncio.gather(*self._writes, *closes, stat, return_exceptions=True)
        self.check()
        for close in closes:
            close.result()
        try:
            return stat.result().size
        except (ConnectionLostError, StalledError):
            raise
        except TransferError:
            return None

    async def abandon(self) -> None:
        """Give up whatever is under way; the connection is of no more use if anything is."""
        tasks = self._writes | self._opening
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _useful(self, waiting: bool) -> int:
        """Return how many lanes are worth having, as far as is known now."""
        have = len(self._lanes)
        if self._wanted is not None:
            return self._wanted if waiting or len(self._writes) > 1 else have
        connection = self._connection
        if not waiting or not connection.capabilities.plain_files or connection.round_trip < FAR:
            return have
        half = self._lanes[-1].file.half_turn
        if half is None or half > HELD_BACK * connection.round_trip:
            return have
        # What other files have opened is there to be used.
        enough = math.ceil(ENOUGH * connection.round_trip / (2 * HALF_WINDOW))
        return max(enough, connection.channels)

    async def _open(self, channel: int) -> None:
        try:
            file = await self._connection.open_on_channel(self._path, channel)
        except (ConnectionLostError, StalledError):
            raise
        except TransferError as error:
            self._limit = len(self._lanes)
            log.info("%s: going on with %d lanes (%s)", self._path, self._limit, error)
        else:
            self._lanes.append(_Lane(file))

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._opening.discard(opening)
        self._succeeded(opening)

    def _succeeded(self, task: asyncio.Task[None]) -> bool:
        self._changed.set()
        if task.cancelled():
            return False
        self._failure = self._failure or task.exception()
        return task.exception() is None

    async def _settle(self) -> None:
        while tasks := self._writes | self._opening:
            await asyncio.wait(tasks)
        self.check()
