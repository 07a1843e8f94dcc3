"""`Download`: one version of a file, resumed after lost connections, or a typed error."""

from __future__ import annotations

from contextlib import aclosing
from itertools import product

import pytest

from sftp_async.errors import (
    ConnectionLostError,
    RemoteChangedError,
    RemoteFailureError,
    TransferError,
)
from sftp_async.remote.file_version import FileVersion
from sftp_async.remote.resumable_download import Access, Download
from sftp_async.remote.retry import RetryPolicy
from tests.support.memory_server import Fault, MemoryPool, MemoryServer
from tests.support.round_trips import RoundTrips

CONTENT = bytes(range(256)) * 400  # 102,400 bytes: four requests of the size that is safe


def served() -> MemoryServer:
    server = MemoryServer()
    server.put("/a", CONTENT)
    return server


def download(
    server: MemoryServer, *, size: int = len(CONTENT), retries: int = 3, access: Access = "auto"
) -> Download:
    version = FileVersion("/a", size, server.now)
    pool = MemoryPool(server)
    retry = RetryPolicy(retries, 0.0)
    return Download(pool, retry, version, window=64 * 1024, access=access)  # type: ignore[arg-type]


async def content(reading: Download, start: int = 0, stop: int = len(CONTENT)) -> bytes:
    async with aclosing(reading.read_range(start, stop)) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["before", "after"])
async def test_whatever_request_loses_the_connection_every_byte_comes_once(when: str) -> None:
    undisturbed = served()
    await content(download(undisturbed))
    for number in range(len(undisturbed.log)):
        server = served()
        server.faults = {number: Fault("lost", when)}  # type: ignore[arg-type]
        reading = download(server)
        assert await content(reading) == CONTENT
        await reading.close()


@pytest.mark.asyncio
async def test_two_lost_connections_do_not_count_together_if_bytes_came_between_them() -> None:
    undisturbed = served()
    await content(download(undisturbed))
    for first, second in product(range(len(undisturbed.log)), repeat=2):
        server = served()
        server.faults = {first: Fault("lost", "before"), first + second + 1: Fault("lost", "after")}
        assert await content(download(server)) == CONTENT


@pytest.mark.asyncio
async def test_the_retries_end_in_the_error_of_the_last_one() -> None:
    server = served()
    server.faults = {number: Fault("lost", "before") for number in range(100)}
    with pytest.raises(ConnectionLostError):
        await content(download(server, retries=2))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
async def test_a_file_of_another_size_is_refused_before_its_first_byte(size: int) -> None:
    with pytest.raises(RemoteChangedError, match=f"{size:,} bytes.*now it has 102,400 bytes"):
        await content(download(served(), size=size), 0, 10)


@pytest.mark.asyncio
async def test_a_file_that_is_rewritten_between_two_connections_is_refused() -> None:
    server = served()
    server.faults = {4: Fault("lost", "after")}

    def rewrite(operation: object) -> None:
        if len(server.log) == 5:
            server.nodes["/a"].mtime += 2

    server.meanwhile = rewrite
    with pytest.raises(RemoteChangedError, match="changed since it was listed"):
        await content(download(server))


@pytest.mark.asyncio
async def test_a_file_that_grows_while_it_is_read_is_refused_at_its_end() -> None:
    server = served()

    def grow(operation: object) -> None:
        if len(server.log) == 5:
            server.nodes["/a"].data += b"more"

    server.meanwhile = grow
    with pytest.raises(RemoteChangedError, match="now it has 102,404 bytes"):
        await content(download(server))


@pytest.mark.asyncio
async def test_a_file_that_shrinks_while_it_is_read_is_refused_and_never_padded() -> None:
    server = served()

    def shrink(operation: object) -> None:
        if len(server.log) == 3:
            del server.nodes["/a"].data[50_000:]

    server.meanwhile = shrink
    with pytest.raises(RemoteChangedError, match="now it has 50,000 bytes"):
        await content(download(server))


@pytest.mark.asyncio
async def test_a_file_that_is_gone_says_so() -> None:
    server = served()
    reading = download(server)
    del server.nodes["/a"]
    with pytest.raises(RemoteChangedError, match="it is gone") as caught:
        await content(reading)
    assert caught.value.gone
    assert not caught.value.retryable


@pytest.mark.asyncio
async def test_ranges_come_in_the_order_in_which_they_were_asked_for() -> None:
    server = served()
    reading = download(server)
    ranges = [(90_000, 102_400), (0, 4), (7, 7), (10, 70_000)]
    assert await reading.read_ranges(ranges) == [CONTENT[start:stop] for start, stop in ranges]
    await reading.close()
    assert [len(server.operations(name)) for name in ("open", "close")] == [1, 1]


@pytest.mark.asyncio
async def test_a_file_is_opened_once_for_all_that_is_read_of_it() -> None:
    server = served()
    reading = download(server)
    await reading.read_ranges([(0, 4)])
    await content(reading, 4, 100)
    await reading.check()
    await reading.close()
    assert [len(server.operations(name)) for name in ("open", "close")] == [1, 1]


@pytest.mark.asyncio
async def test_a_consumer_that_stops_early_leaves_the_file_open_for_the_next_range() -> None:
    server = served()
    reading = download(server)
    async with aclosing(reading.read_range(0, len(CONTENT))) as pieces:
        await anext(pieces)
    assert await content(reading, 0, 3) == CONTENT[:3]
    assert len(server.operations("open")) == 1


@pytest.mark.asyncio
async def test_a_file_that_is_given_away_once_is_neither_looked_at_nor_opened_again() -> None:
    server = served()
    assert await content(download(server, access="once")) == CONTENT
    assert not server.operations("stat")
    server = served()
    server.faults = {3: Fault("lost", "after")}
    with pytest.raises(TransferError, match="access=once reads no file twice"):
        await content(download(server, access="once"))
    assert len(server.operations("open")) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("access", ["auto", "sequential", "once"])
async def test_a_server_that_serves_no_ranges_is_read_from_the_start(access: Access) -> None:
    server = served()
    server.in_order_only = True
    reading = download(server, access=access)
    assert await content(reading, 40_000, 100_000) == CONTENT[40_000:100_000]
    assert await content(reading, 70_000, 100_000) == CONTENT[70_000:100_000]


@pytest.mark.asyncio
async def test_a_refusal_of_ranges_is_raised_where_they_were_asked_for() -> None:
    server = served()
    server.in_order_only = True
    with pytest.raises(RemoteFailureError):
        await content(download(server, access="random"), 40_000, 100_000)


@pytest.mark.asyncio
@pytest.mark.parametrize(("in_order", "behind"), [(True, 0), (False, 1)])
async def test_the_version_is_asked_for_together_with_the_content(
    in_order: bool, behind: int
) -> None:
    server, trips = served(), RoundTrips()
    server.in_order = in_order
    server.turn = trips.turn
    assert await content(download(server)) == CONTENT
    # The file is opened; two of its four pieces are in flight at once.
    assert trips.count == 1 + 2 + behind
    assert len(server.operations("stat")) == 2
