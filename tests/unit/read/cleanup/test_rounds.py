"""Archiving and deleting, on a server in memory: every fault at every request, and other writers.

The stream has read one version of each file. Whatever happens, that version ends in the archive or
is deleted, what came later is there to be read, and nothing is left hidden.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sftp_async.layout.cleanup_names import SetAside, Way
from sftp_async.read.cleanup import steps as clean_steps
from sftp_async.read.cleanup.rounds import FIRST_FAILURES, CleanResult, Cleanup
from sftp_async.read.cleanup.steps import Outcome
from sftp_async.read.listing import FoundFile
from sftp_async.remote.concurrency import AT_ONCE
from tests.support.cleanup_model import (
    ACTS,
    NOW,
    SERVERS,
    STREAM,
    Play,
    cleaned,
    cleanup_of,
    clocks,
    copying,
    disturbed,
    explored,
    found,
    listed,
    openssh,
    rewrite,
    start,
)
from tests.support.memory_server import MemoryServer, Operation, denied
from tests.support.round_trips import RoundTrips

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pauses take no time here."""

    async def pause(seconds: float) -> None:
        for server in clocks:
            server.now += seconds

    monkeypatch.setattr(clean_steps, "_pause", pause)
    monkeypatch.setattr(logging.getLogger("sftp_async"), "disabled", True)
    yield
    clocks.clear()


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["archive", "delete"])
@pytest.mark.parametrize("make", SERVERS.values(), ids=SERVERS)
async def test_every_fault_at_every_request_leaves_nothing_undone(
    make: Callable[[], MemoryServer], way: Way
) -> None:
    # Where a rename changes times there are many more requests.
    depth = 1 if make is copying else 2
    alone, bad = await explored(lambda faults: Play(make, way, faults, files=1), depth)
    assert bad == []
    together, bad = await explored(lambda faults: Play(make, way, faults), 1)
    assert bad == []
    assert alone > 20
    assert together > 30


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["archive", "delete"])
@pytest.mark.parametrize("make", SERVERS.values(), ids=SERVERS)
async def test_another_writer_between_any_two_requests_loses_nothing(
    make: Callable[[], MemoryServer], way: Way
) -> None:
    for act in ACTS:
        if make is copying and act is rewrite:
            continue  # where a rename changes times, a file that keeps its size shows nothing
        played, bad = await disturbed(make, way, act)
        assert bad == []
        assert played > 5


# What a look at the server after the rename, a name that is looked at before it is used, and the
# completion of what is set aside are for: without any of them the plays end badly.


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["archive", "delete"])
async def test_without_a_look_at_the_renamed_file_a_new_version_is_lost(
    monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    async def whatever(*arguments: object) -> bool:
        return True

    monkeypatch.setattr(clean_steps.CleanSteps, "_is_read", whatever)
    assert (await disturbed(openssh, way, rewrite))[1]


@pytest.mark.asyncio
async def test_without_a_look_at_the_name_a_rename_may_replace_the_file_of_the_archive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def rename(self: Any, old: str, new: str) -> None:
        await self._files.rename(old, new)

    monkeypatch.setattr(clean_steps.CleanSteps, "_rename", rename)
    assert await Play(SERVERS["rename replaces"], "archive").run()
    assert not await Play(openssh, "archive").run()


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["archive", "delete"])
async def test_without_what_the_listing_found_set_aside_a_crash_leaves_it_there(
    monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.setattr(SetAside, "of", lambda path: None)
    assert (await explored(lambda faults: Play(openssh, way, faults, files=1), 1))[1]


# Limits, refusals and results


@pytest.mark.asyncio
async def test_many_files_are_cleaned_with_a_bounded_number_in_flight() -> None:
    server = openssh()
    for number in range(3000):
        server.put(f"/in/{number % 7}/{number}.csv", b"x")
    trips = RoundTrips()
    server.turn = trips.turn
    files = [found(server, path) for path, node in server.nodes.items() if not node.is_dir]
    result = await cleaned(server, cleanup_of("archive"), files, [])
    assert result == CleanResult(cleaned=3000)
    assert trips.most == AT_ONCE
    assert len(server.files("/done/3")) == len(range(3, 3000, 7))
    # Look, rename, look, rename; and once for each directory of the archive.
    assert len(server.log) < 4.1 * 3000


@pytest.mark.asyncio
async def test_an_archive_that_refuses_files_leaves_all_but_a_few_as_they_are() -> None:
    server = openssh()
    for number in range(100):
        server.put(f"/in/{number:02}.csv", b"x")
    files = listed(server)[0]

    def refuse(operation: Operation) -> None:
        if operation.target.startswith("/done/"):
            raise denied(operation.path)

    server.refuse = refuse
    cleanup = cleanup_of("archive")
    result = await cleaned(server, cleanup, files, [])
    assert (result.cleaned, result.failed) == (0, FIRST_FAILURES)
    assert result.waiting == 100 - FIRST_FAILURES
    assert "denied" in result.failures[0].reason
    files, aside = listed(server)
    assert (len(files), len(aside)) == (100 - FIRST_FAILURES, FIRST_FAILURES)
    # The next look changes nothing, and once the archive takes files, all go there.
    result = await cleaned(server, cleanup, *listed(server))
    assert listed(server) == (files, aside)
    server.refuse = lambda operation: None
    result = await cleaned(server, cleanup, *listed(server))
    assert result == CleanResult(cleaned=100)
    assert len(server.files("/done")) == 100
    assert server.files("/in") == {}


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["archive", "delete"])
async def test_a_file_that_is_refused_does_not_hold_the_others_up(way: Way) -> None:
    server = start(openssh, 50)
    files, _ = listed(server)

    def refuse(operation: Operation) -> None:
        if operation.path in ("/in/0.csv", "/in/7.csv") and operation.name == "rename":
            raise denied(operation.path)

    server.refuse = refuse
    result = await cleaned(server, cleanup_of(way), files, [])
    assert (result.cleaned, result.failed, result.waiting) == (48, 2, 0)
    assert sorted(server.files("/in")) == ["0.csv", "7.csv"]


@pytest.mark.asyncio
async def test_files_that_are_refused_again_and_again_come_last() -> None:
    server = openssh()
    for number in range(100):
        server.put(f"/in/{number:02}.csv", b"x")

    def refuse(operation: Operation) -> None:
        if operation.name == "rename" and operation.path < "/in/20":
            raise denied(operation.path)

    server.refuse = refuse
    cleanup = cleanup_of("delete")
    results = [await cleaned(server, cleanup, *listed(server)) for _ in range(9)]
    assert [result.cleaned for result in results] == [0] * 6 + [80, 0, 0]
    assert sorted(server.files("/in")) == [f"{number:02}.csv" for number in range(20)]


@pytest.mark.asyncio
async def test_a_directory_that_refuses_files_does_not_hold_another_one_up() -> None:
    server = openssh()
    for number in range(50):
        server.put(f"/in/a/{number:02}.csv", b"x")
        server.put(f"/in/b/{number:02}.csv", b"x")

    def refuse(operation: Operation) -> None:
        if operation.target.startswith("/done/a/"):
            raise denied(operation.path)

    server.refuse = refuse

    async def look(cleanup: Cleanup) -> CleanResult:
        found = [listed(server, directory) for directory in ("/in/a", "/in/b")]
        files, aside = ([one for each in pair for one in each] for pair in zip(*found, strict=True))
        return await cleaned(server, cleanup, files, aside)

    cleanup = cleanup_of("archive")
    for _ in range(2):
        await look(cleanup)
    assert len(server.files("/done/b")) == 50
    # The same for the next process, which finds some set aside.
    await look(cleanup_of("archive"))
    aside = listed(server, "/in/a")[1]
    assert len(aside) == FIRST_FAILURES


@pytest.mark.asyncio
async def test_what_another_stream_has_set_aside_is_left_to_it() -> None:
    server = openssh()
    theirs = SetAside("/in/a.csv", 1, int(NOW), "ffffffff", "delete").hidden_path
    server.put(theirs, b"x")
    assert await cleaned(server, cleanup_of("delete"), *listed(server)) == CleanResult()
    assert list(server.files("/in")) == [theirs.removeprefix("/in/")]


@pytest.mark.asyncio
async def test_what_is_set_aside_to_be_deleted_is_not_archived() -> None:
    server = openssh()
    server.now = NOW
    server.put(SetAside("/in/a.csv", 1, int(NOW), STREAM[:8], "delete").hidden_path, b"x")
    server.make("/done")
    result = await cleaned(server, cleanup_of("archive"), *listed(server))
    assert result == CleanResult(cleaned=1)
    assert server.files("/in") == {}
    assert server.files("/done") == {}


@pytest.mark.asyncio
async def test_what_is_set_aside_for_an_archive_stays_if_there_is_none_any_more() -> None:
    server = openssh()
    server.now = NOW
    server.put(SetAside("/in/a.csv", 1, int(NOW), STREAM[:8], "archive").hidden_path, b"x")
    result = await cleaned(server, cleanup_of("delete"), *listed(server))
    assert result == CleanResult(left={Outcome.NO_ARCHIVE.value: 1})
    assert list(server.files("/in").values()) == [b"x"]


@pytest.mark.asyncio
async def test_a_directory_of_the_archive_that_vanishes_is_made_again() -> None:
    server = openssh()
    server.put("/in/k=1/a.csv", b"1")
    server.put("/in/k=1/b.csv", b"2")
    cleanup = cleanup_of("archive")
    for name in "ab":
        await cleaned(server, cleanup, [found(server, f"/in/k=1/{name}.csv")], [])
        assert list(server.files("/done/k=1")) == [f"{name}.csv"]
        server.drop(f"/done/k=1/{name}.csv")
        server.drop("/done/k=1")


@pytest.mark.asyncio
async def test_files_of_one_name_from_two_directories_are_both_in_the_archive() -> None:
    server = MemoryServer(rename_replaces=True)
    for place in ("/a", "/b"):
        server.put(f"{place}/x.csv", place.encode(), age=1000)
    cleanup = cleanup_of("archive", "/a", "/b")
    files = [found(server, "/a/x.csv"), found(server, "/b/x.csv")]
    assert (await cleaned(server, cleanup, files, [])).cleaned == 2
    assert sorted(server.files("/done").values()) == [b"/a", b"/b"]


@pytest.mark.asyncio
async def test_without_times_a_version_is_its_size() -> None:
    server = openssh()
    server.put("/in/a.csv", b"same")
    server.put("/in/b.csv", b"longer")
    files = [FoundFile("/in/a.csv", 4, 0.0), FoundFile("/in/b.csv", 4, 0.0)]
    result = await cleaned(server, cleanup_of("archive"), files, [])
    assert result == CleanResult(cleaned=1, left={Outcome.CHANGED.value: 1})
    assert (server.files("/done"), server.files("/in")) == (
        {"a.csv": b"same"},
        {"b.csv": b"longer"},
    )
