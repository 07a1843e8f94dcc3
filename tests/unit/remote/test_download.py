"""Reading ahead: pieces in order, a bounded number in flight, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from sftp_async.errors import ConnectionLostError, RemoteFailureError, ShortReadError
from sftp_async.remote.download import read_ahead, read_range
from sftp_async.remote.filesystem import RemoteEntry, RemoteFile
from tests.support.memory_server import Fault, MemoryServer

CONTENT = bytes(range(256)) * 40


class Held(RemoteFile):
    """A file whose reads are answered when the test says so."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.address = "user@host:22"
        self.path = "/a"
        self.content = content
        self.asked: list[int] = []
        self.answers: dict[int, asyncio.Future[None]] = {}
        self.cancelled = 0
        self.asked_more = asyncio.Event()

    async def read(self, size: int, offset: int) -> bytes:
        self.asked.append(offset)
        self.answers[offset] = asyncio.get_running_loop().create_future()
        self.asked_more.set()
        try:
            await self.answers[offset]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.content[offset : offset + size]

    async def write(self, data: Any, offset: int) -> None:
        raise NotImplementedError

    async def stat(self) -> RemoteEntry:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def until_asked(self, count: int) -> None:
        while len(self.asked) < count:
            self.asked_more.clear()
            await self.asked_more.wait()

    def answer(self, *offsets: int) -> None:
        for offset in offsets:
            self.answers[offset].set_result(None)


async def consume(file: RemoteFile, start: int, stop: int, taken: list[bytes]) -> None:
    async with aclosing(read_ahead(file, start, stop, block=100, in_flight=3)) as pieces:
        async for piece in pieces:
            taken.append(piece)  # noqa: PERF401 - what was taken before an error counts, too


@pytest.mark.asyncio
async def test_pieces_come_in_order_whatever_the_order_of_the_answers() -> None:
    file, taken = Held(), list[bytes]()
    reading = asyncio.create_task(consume(file, 50, 300, taken))
    await file.until_asked(3)
    file.answer(250, 150)
    await asyncio.sleep(0)
    assert taken == []
    file.answer(50)
    await reading
    assert taken == [CONTENT[50:150], CONTENT[150:250], CONTENT[250:300]]


@pytest.mark.asyncio
async def test_no_more_is_asked_for_than_the_consumer_has_taken() -> None:
    file = Held()
    async with aclosing(read_ahead(file, 0, 1000, block=100, in_flight=3)) as pieces:
        first = asyncio.ensure_future(anext(pieces))
        await file.until_asked(3)
        file.answer(0, 100, 200)
        await first
        assert file.asked == [0, 100, 200]
        await anext(pieces)
        assert len(file.asked) == 3  # sent when the loop turns
        third = asyncio.ensure_future(anext(pieces))
        await file.until_asked(5)
        assert file.asked == [0, 100, 200, 300, 400]
        await third
        file.answer(300, 400)


@pytest.mark.asyncio
@pytest.mark.parametrize("start", [0, 5, 10_240])
async def test_an_empty_range_asks_for_nothing(start: int) -> None:
    file, taken = Held(), list[bytes]()
    await consume(file, start, start, taken)
    assert (file.asked, taken) == ([], [])


@pytest.mark.asyncio
async def test_a_file_that_ends_early_is_an_error_that_tells_where() -> None:
    server = MemoryServer()
    server.put("/a", bytes(250))
    file, taken = await server.connect().open_read("/a"), list[bytes]()
    with pytest.raises(ShortReadError, match="ended after 250 bytes") as caught:
        await consume(file, 0, 400, taken)
    assert caught.value.end == 250
    assert (caught.value.host, caught.value.path) == ("user@memory:22", "/a")
    assert b"".join(taken) == bytes(200)


@pytest.mark.asyncio
async def test_an_error_is_raised_in_its_place_when_what_is_in_flight_has_ended() -> None:
    file, taken = Held(), list[bytes]()
    reading = asyncio.create_task(consume(file, 0, 1000, taken))
    await file.until_asked(3)
    file.answers[100].set_exception(RemoteFailureError("no"))
    file.answer(0)
    await file.until_asked(4)
    assert not reading.done()
    file.answer(200, 300)
    with pytest.raises(RemoteFailureError):
        await reading
    assert taken == [CONTENT[:100]]
    assert file.cancelled == 0


@pytest.mark.asyncio
async def test_closing_waits_for_what_is_in_flight_and_cancels_no_request() -> None:
    file = Held()
    pieces = read_ahead(file, 0, 1000, block=100, in_flight=3)
    first = asyncio.ensure_future(anext(pieces))
    await file.until_asked(3)
    file.answer(0)
    await first
    closing = asyncio.ensure_future(pieces.aclose())
    await asyncio.sleep(0)
    assert not closing.done()
    file.answer(100, 200)
    await closing
    assert (file.asked, file.cancelled) == ([0, 100, 200], 0)


@pytest.mark.asyncio
async def test_a_cancelled_consumer_cancels_no_request() -> None:
    file, taken = Held(), list[bytes]()
    reading = asyncio.create_task(consume(file, 0, 1000, taken))
    await file.until_asked(3)
    reading.cancel()
    await asyncio.sleep(0)
    assert not reading.done()
    file.answer(0, 100, 200)
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert file.cancelled == 0


@pytest.mark.asyncio
async def test_a_range_of_a_file_is_opened_read_and_closed() -> None:
    server = MemoryServer()
    server.put("/a", CONTENT * 20)
    async with aclosing(read_range(server.connect(), "/a", 7, 200_000)) as pieces:
        assert b"".join([piece async for piece in pieces]) == (CONTENT * 20)[7:200_000]
    assert [len(server.operations(name)) for name in ("open", "read", "close")] == [1, 7, 1]


@pytest.mark.asyncio
async def test_a_lost_connection_is_raised_though_the_file_cannot_be_closed() -> None:
    server = MemoryServer()
    server.put("/a", CONTENT * 20)
    server.faults = {3: Fault("lost", "before")}
    async with aclosing(read_range(server.connect(), "/a", 0, 200_000)) as pieces:
        with pytest.raises(ConnectionLostError):
            [piece async for piece in pieces]
