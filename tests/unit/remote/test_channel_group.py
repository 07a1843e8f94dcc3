"""When a further channel is of use, decided with a fake connection and its files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from sftp_async.errors import OptionsError, RemotePermissionError
from sftp_async.options.parsing import MAX_CHANNELS
from sftp_async.options.write import TransferOptions
from sftp_async.remote.channel_group import CHANNEL_BYTES, FAR, HELD_BACK, ChannelGroup


class FakeFile:
    """Takes everything and acknowledges nothing."""

    path = "out/part"

    def __init__(self, half_window_time: float | None) -> None:
        self.half_window_time = half_window_time

    def begin_write(self, data: memoryview, offset: int) -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]


class FakeConnection:
    """A connection whose channels open at once, up to what the server allows."""

    def __init__(
        self, *, round_trip: float, half_window_time: float | None, plain_files: bool = True
    ):
        self.round_trip = round_trip
        self.half_window_time = half_window_time
        self.capabilities = SimpleNamespace(plain_files=plain_files)
        self.channels = 1
        self.most = 10
        self.refuses = False

    def widen(self, channels: int) -> None:
        self.channels = max(self.channels, min(channels, self.most))

    async def open_on_channel(self, path: str, channel: int) -> FakeFile:
        assert 0 < channel < self.channels
        if self.refuses:
            raise RemotePermissionError("no")
        return FakeFile(self.half_window_time)


@asynccontextmanager
async def channels_of(
    connection: FakeConnection, wanted: int | None = None
) -> AsyncIterator[ChannelGroup]:
    """The channels of one file, given up in the end; none of them may have failed."""
    first: Any = FakeFile(connection.half_window_time)
    pretender: Any = connection
    channels = ChannelGroup(pretender, first, wanted, asyncio.Event())
    try:
        yield channels
        channels.check()
    finally:
        await channels.abandon()


async def grown(channels: ChannelGroup, *, waiting: bool = True) -> int:
    channels.grow(waiting=waiting)
    await asyncio.gather(*channels._opening)
    return len(channels)


def held_back(**more: Any) -> FakeConnection:
    return FakeConnection(**{"round_trip": 0.05, "half_window_time": 0.03, **more})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("round_trip", "channels"),
    # 250 MiB/s takes a window of 2 MiB for each 8 ms.
    [(0.012, 2), (0.03, 4), (0.05, 7), (0.2, MAX_CHANNELS)],
)
async def test_channels_come_in_one_step_while_the_window_holds_back(
    round_trip: float, channels: int
) -> None:
    async with channels_of(held_back(round_trip=round_trip, half_window_time=round_trip)) as grows:
        assert [await grown(grows) for _ in range(3)] == [channels] * 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "connection",
    [
        FakeConnection(round_trip=FAR * 0.9, half_window_time=FAR * 0.5),
        FakeConnection(round_trip=0.05, half_window_time=None),
        FakeConnection(round_trip=0.05, half_window_time=0.05 * HELD_BACK * 1.01),
        FakeConnection(round_trip=0.05, half_window_time=0.03, plain_files=False),
    ],
    ids=["near", "not known yet", "the line is full", "no plain files"],
)
async def test_one_channel_is_enough(connection: FakeConnection) -> None:
    async with channels_of(connection) as channels:
        assert await grown(channels) == 1


@pytest.mark.asyncio
async def test_one_channel_is_enough_while_no_chunk_waits() -> None:
    async with channels_of(held_back()) as channels:
        assert await grown(channels, waiting=False) == 1


@pytest.mark.asyncio
async def test_channels_that_another_file_has_opened_are_used_at_once() -> None:
    connection = held_back()
    connection.channels = 7

    async with channels_of(connection) as channels:
        assert await grown(channels) == 7


@pytest.mark.asyncio
async def test_a_number_of_channels_that_was_asked_for_is_no_guess() -> None:
    async with channels_of(
        FakeConnection(round_trip=0.001, half_window_time=None, plain_files=False), wanted=3
    ) as channels:
        assert await grown(channels, waiting=False) == 1
        for offset in range(2):
            channels.write(memoryview(b"x"), offset, lambda offset: None)
        assert await grown(channels, waiting=False) == 3


@pytest.mark.asyncio
async def test_channels_go_as_far_as_the_server_lets_them() -> None:
    connection = held_back()
    connection.most = 3

    async with channels_of(connection) as channels:
        assert [await grown(channels) for _ in range(2)] == [3, 3]


@pytest.mark.asyncio
async def test_a_file_that_opens_only_once_asks_for_no_channel_again() -> None:
    connection = held_back()
    connection.refuses = True

    async with channels_of(connection) as channels:
        assert await grown(channels) == 1
        connection.refuses = False
        assert await grown(channels) == 1


@pytest.mark.asyncio
async def test_chunks_go_to_the_channel_with_the_fewest_bytes_until_all_are_full() -> None:
    async with channels_of(held_back()) as channels:
        await grown(channels)
        chunk = memoryview(bytes(CHANNEL_BYTES // 3))
        sent = 0
        while channels.has_capacity:
            channels.write(chunk, sent, lambda offset: None)
            sent += 1
        assert sent == 3 * len(channels)
        assert [channel.in_flight for channel in channels._channels] == [CHANNEL_BYTES] * len(
            channels
        )


def test_the_option_takes_as_many_channels_as_there_can_be_and_no_more() -> None:
    assert TransferOptions(channels_per_file=MAX_CHANNELS).channels_per_file == MAX_CHANNELS
    with pytest.raises(OptionsError, match="from 1 to 8"):
        TransferOptions(channels_per_file=MAX_CHANNELS + 1)
