"""`ChannelGroup`: the SFTP channels of one connection that take the chunks of one file in turn.

A channel's window bounds the bytes in flight, so on a high-latency server one channel carries one
window in each round trip, whatever the bandwidth. Several channels that write one file at its
offsets are that many times as fast. They belong to the connection: what one file has opened, the
next one finds open.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, TransferError, raise_again
from sftp_async.options.parsing import MAX_CHANNELS
from sftp_async.remote.ssh.sftp_channels import HALF_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.remote.ssh import Connection, SFTPFile
    from sftp_async.remote.token_bucket import Paces

log = logging.getLogger("sftp_async.remote.channel_group")

#: Bytes of one file in flight on one channel: OpenSSH's window of 2 MiB and half as much queued
#: behind it, so that the window decides how much is on the network. `MAX_CHANNELS` of them hold
#: less than the default byte budget.
CHANNEL_BYTES = 3 * 1024 * 1024
#: Bytes a second that the channels are to carry together: about what one process can send. As many
#: as that takes are opened in one step: on a new connection a step takes five round trips.
ENOUGH = 250 * 1024 * 1024
#: Seconds of round trip from which latency is high. Below, a window a round trip is 200 MiB/s and
#: more, about what one process can send.
FAR = 0.01
#: Round trips that half a window may take where the window limits the upload: it comes back in one
#: if the bandwidth suffices, and in two and more if the network itself is full.
HELD_BACK = 1.5


@dataclass(eq=False)
class _OpenChannel:
    """The file, open on one channel, and its bytes in flight there."""

    file: SFTPFile
    in_flight: int = 0


class ChannelGroup:
    """The channels that one file is written through; more are opened while the window limits it.

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
        self._channels = [_OpenChannel(first)]
        self._limit = MAX_CHANNELS
        self._writes: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def pace(self) -> Paces | None:
        """What the bytes of the file pass through; None: nothing."""
        return self._channels[0].file.pace

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def has_capacity(self) -> bool:
        """Whether a channel can take a chunk."""
        return any(channel.in_flight < CHANNEL_BYTES for channel in self._channels)

    def write(self, data: memoryview, offset: int, acknowledged: Callable[[int], None]) -> None:
        """Start to write a chunk on the channel that has the fewest bytes in flight.

        Args:
            data: the chunk.
            offset: where it belongs, in bytes.
            acknowledged: called with that offset when the server has acknowledged the chunk.

        """
        channel = min(self._channels, key=lambda each: each.in_flight)
        channel.in_flight += len(data)

        def answered(write: asyncio.Task[None]) -> None:
            self._writes.discard(write)
            channel.in_flight -= len(data)
            if self._succeeded(write):
                acknowledged(offset)

        write = channel.file.begin_write(data, offset)
        self._writes.add(write)
        write.add_done_callback(answered)

    def grow(self, *, waiting: bool) -> None:
        """Open more channels in the background if they are of use.

        Args:
            waiting: there are chunks that no channel has capacity for.

        """
        wanted = min(self._useful(waiting), self._limit)
        have = len(self._channels) + len(self._opening)
        if wanted <= have:
            return
        self._connection.widen(wanted)
        for number in range(have, min(wanted, self._connection.channels)):
            opening = asyncio.create_task(self._open(number))
            self._opening.add(opening)
            opening.add_done_callback(self._opened)

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failure is not None:
            raise_again(self._failure)

    async def close(self) -> None:
        """Wait for every answer, then close the file on every channel."""
        await self._settle()
        await asyncio.gather(*(channel.file.close() for channel in self._channels))

    async def close_at_once(self) -> int | None:
        """Close the file, and ask for its size behind that, in one round trip.

        With one channel both are sent behind the writes whose answers are still due, so that the
        end of a file, or all of a small one, takes a single round trip.

        Returns:
            The file's size in bytes; None if the server refused the question. Either may be wrong
            on a server that does not keep the order of requests.

        Raises:
            TransferError: a write or the close failed. On a server that does not keep the order,
                a write may have failed only because the close came first.

        """
        if len(self._channels) > 1 or self._opening:
            await self._settle()
        closes = [asyncio.create_task(channel.file.close()) for channel in self._channels]
        stat = asyncio.create_task(self._connection.stat(self._path))
        await asyncio.gather(*self._writes, *closes, stat, return_exceptions=True)
        self.check()
        for close in closes:
            close.result()
        try:
            return stat.result().size
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            return None

    async def abandon(self) -> None:
        """Cancel what is in flight; if anything is, the connection is of no more use."""
        tasks = self._writes | self._opening
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _useful(self, waiting: bool) -> int:
        """Return how many channels are worth having, as far as is known now."""
        have = len(self._channels)
        if self._wanted is not None:
            return self._wanted if waiting or len(self._writes) > 1 else have
        connection = self._connection
        if not waiting or not connection.capabilities.plain_files or connection.round_trip < FAR:
            return have
        half = self._channels[-1].file.half_window_time
        if half is None or half > HELD_BACK * connection.round_trip:
            return have
        # What other files have opened is open for this one, too.
        enough = math.ceil(ENOUGH * connection.round_trip / (2 * HALF_WINDOW))
        return max(enough, connection.channels)

    async def _open(self, channel: int) -> None:
        try:
            file = await self._connection.open_on_channel(self._path, channel)
        except UNKNOWN_OUTCOME:
            raise
        except TransferError as error:
            self._limit = len(self._channels)
            log.info("%s: continuing with %d channels (%s)", self._path, self._limit, error)
        else:
            self._channels.append(_OpenChannel(file))

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
