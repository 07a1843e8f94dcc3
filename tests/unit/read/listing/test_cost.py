"""What a listing costs: round trips, memory, open directories, and how refusals end."""

from __future__ import annotations

import tracemalloc

import pytest

from sftp_async.errors import (
    RemoteFailureError,
    RemotePermissionError,
)
from sftp_async.read.left_out import KEPT, LeftOutFiles
from sftp_async.read.listing import list_files
from sftp_async.remote.filesystem import RemoteEntry
from tests.support.listings import NOW, listed, names
from tests.support.memory_server import (
    MemoryConnection,
    MemoryServer,
    Operation,
    denied,
)
from tests.support.readable import read_options
from tests.support.round_trips import RoundTrips

# What it costs


class Wide(MemoryConnection):
    """A directory of 1,000 directories with 100 files each."""

    async def stat(self, path: str) -> RemoteEntry:
        return await self.request("stat", path, lambda: RemoteEntry("in", 0, True, NOW))

    async def listdir(self, path: str) -> list[RemoteEntry]:
        def entries() -> list[RemoteEntry]:
            if path == "/in":
                return [RemoteEntry(f"day={day:04}", 0, True, NOW) for day in range(1000)]
            return [
                RemoteEntry(f"part-{number:05}-0123456789abcdef-c000.csv", 1, False, NOW)
                for number in range(100)
            ]

        return await self.request("listdir", path, entries)


@pytest.mark.asyncio
@pytest.mark.once
@pytest.mark.parametrize("path", ["/in", "/in/day=*", "/in/**/*.csv"])
async def test_a_thousand_directories_take_one_round_trip_for_thirty_two(path: str) -> None:
    server, trips = MemoryServer(), RoundTrips()
    server.turn = trips.turn
    options = read_options(base_path="/in")
    found = await list_files(Wide(server), [path], options)
    assert len(found.files) == 100_000
    assert found.partition_by == ("day",)
    # A look at the path, the list of its directories, and these: 1,000 by 32.
    assert trips.count <= 2 + 32 + 1
    assert trips.most == 32


@pytest.mark.asyncio
@pytest.mark.once
async def test_a_hundred_thousand_files_take_little_memory() -> None:
    options = read_options()
    tracemalloc.start()
    try:
        found = await list_files(Wide(MemoryServer()), ["/in"], options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.files) == 100_000
    assert peak < 100 * 1024**2


@pytest.mark.asyncio
async def test_a_server_with_few_handles_is_asked_for_one_directory_at_a_time(
    server: MemoryServer,
) -> None:
    for number in range(50):
        server.put(f"/in/{number}/a.csv", b"x")
    trips = RoundTrips()
    server.turn = trips.turn
    round_trip, listings = 0, 0

    def refuse(operation: Operation) -> None:
        nonlocal round_trip, listings
        if operation.name != "listdir":
            return
        if trips.count != round_trip:
            round_trip, listings = trips.count, 0
        listings += 1
        if listings > 1:
            raise RemoteFailureError("Cannot list: too many handles", path=operation.path)

    server.refuse = refuse
    found = await listed(server, "/in", recursive_file_lookup=True)
    assert len(found.files) == 50


@pytest.mark.asyncio
async def test_a_refusal_without_a_reason_is_an_error_when_it_comes_again(
    server: MemoryServer,
) -> None:
    for number in range(5):
        server.put(f"/in/{number}/a.csv", b"x")

    def refuse(operation: Operation) -> None:
        if operation.name == "listdir" and operation.path == "/in/3":
            raise RemoteFailureError("Cannot list: Failure", path=operation.path)

    server.refuse = refuse
    with pytest.raises(RemoteFailureError):
        await listed(server, "/in")


def test_the_names_of_files_that_are_left_out_are_bounded_and_their_number_is_exact() -> None:
    left_out = LeftOutFiles()
    left_out.add_all((f"/in/{number}" for number in range(5000)), "it is empty")
    left_out.add("/in/rare", "its name is odd")
    assert left_out.counts == {"it is empty": 5000, "its name is odd": 1}
    assert len(left_out.first) == KEPT + 1
    assert left_out.summary() == "5,001 left out (5,000: it is empty; 1: its name is odd)"


@pytest.mark.asyncio
async def test_a_directory_that_may_not_be_listed_is_an_error_that_says_what_to_do(
    server: MemoryServer,
) -> None:
    server.put("/in/a.csv", b"1")
    server.put("/in/closed/b.csv", b"2")

    def refuse(operation: Operation) -> None:
        if operation.name == "listdir" and operation.path == "/in/closed":
            raise denied(operation.path)

    server.refuse = refuse
    with pytest.raises(RemotePermissionError, match=r"/in/closed.*a pattern that leaves it out"):
        await listed(server, "/in")
    assert names(await listed(server, "/in/*.csv")) == ["/in/a.csv"]
