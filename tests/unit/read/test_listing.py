"""Which files a read takes, on a server in memory, and why others are left out."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from sftp_async.errors import (
    OptionsError,
    RemoteChangedError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.read import listing as listing_module
from sftp_async.read import selection
from sftp_async.read.left_out import KEPT, LeftOutFiles
from sftp_async.read.listing import Listing, list_files
from sftp_async.read.root_paths import asked_paths
from sftp_async.remote.filesystem import RemoteEntry
from tests.support.memory_server import (
    MemoryConnection,
    MemoryServer,
    Operation,
    denied,
)
from tests.support.readable import read_options
from tests.support.round_trips import RoundTrips

NOW = 1_764_000_000.0


@pytest.fixture
def server() -> MemoryServer:
    server = MemoryServer()
    server.now = NOW
    return server


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection.time, "time", lambda: NOW)


async def listed(server: MemoryServer, *paths: str, **options: Any) -> Listing:
    given = read_options(**options)
    return await list_files(server.connect(), asked_paths(given, paths), given)


def names(listing: Listing) -> list[str]:
    return [file.path for file in listing.files]


def reasons(listing: Listing) -> dict[str, str]:
    return {left.path: left.reason for left in listing.left_out}


# Paths


@pytest.mark.asyncio
async def test_a_directory_gives_its_files_and_says_why_others_are_left_out(
    server: MemoryServer,
) -> None:
    for name in ("b.csv", "a.csv", "_SUCCESS", ".hidden", "c.csv.part", "sub/d.csv"):
        server.put(f"/in/{name}", b"x")
    server.put("/in/empty.csv")
    listing = await listed(server, "/in")
    assert names(listing) == ["/in/a.csv", "/in/b.csv"]
    assert reasons(listing) == {
        "/in/.hidden": "its name begins with _ or ., which hides it",
        "/in/_SUCCESS": "its name begins with _ or ., which hides it",
        "/in/c.csv.part": "its name ends in .part, as that of an upload (ignore_suffixes)",
        "/in/empty.csv": "it is empty",
        "/in/sub/d.csv": "it is in a subdirectory: set recursive_file_lookup=true to read it",
    }
    assert listing.left_out_count == 5
    assert listing.left_out_summary.startswith("5 left out (2: its name begins with _ or .")


@pytest.mark.asyncio
async def test_what_the_user_names_is_read_whatever_its_name(server: MemoryServer) -> None:
    for name in ("_hidden.csv", "up.part", "x.csv", "x.csv.md5", "_dir/y.csv"):
        server.put(f"/in/{name}", b"x")
    for path in ("/in/_hidden.csv", "/in/up.part", "/in/x.csv.md5"):
        assert names(await listed(server, path)) == [path]
    assert names(await listed(server, "/in/_dir")) == ["/in/_dir/y.csv"]
    assert names(await listed(server, "/in/_*.csv")) == ["/in/_hidden.csv"]
    assert names(await listed(server, "/in/*")) == ["/in/x.csv"]


@pytest.mark.asyncio
async def test_brackets_in_a_name_that_is_there_are_no_pattern(server: MemoryServer) -> None:
    for name in ("a[1].csv", "a1.csv", "{x}/b.csv", "[y]/c.csv"):
        server.put(f"/in/{name}", b"x")
    assert names(await listed(server, "/in/a[1].csv")) == ["/in/a[1].csv"]
    assert names(await listed(server, "/in/a[1-9].csv")) == ["/in/a1.csv"]
    assert names(await listed(server, "/in/{x}")) == ["/in/{x}/b.csv"]
    assert names(await listed(server, "/in/[y]/*.csv")) == ["/in/[y]/c.csv"]
    assert names(await listed(server, "/in/a\\[1\\].csv")) == ["/in/a[1].csv"]


@pytest.mark.asyncio
async def test_a_file_that_is_called_like_a_pattern_does_not_hide_the_others(
    server: MemoryServer,
) -> None:
    for name in ("*.csv", "a.csv", "b.csv"):
        server.put(f"/in/{name}", b"x")
    assert names(await listed(server, "/in/*.csv")) == ["/in/*.csv", "/in/a.csv", "/in/b.csv"]


@pytest.mark.asyncio
async def test_two_stars_are_any_number_of_directories(server: MemoryServer) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/y/d.txt", "x/_h/e.csv", "_h/f.csv"):
        server.put(f"/in/{name}", b"x")
    every = ["/in/a.csv", "/in/x/b.csv", "/in/x/y/c.csv"]
    assert names(await listed(server, "/in/**/*.csv")) == every
    assert names(await listed(server, "/in/**")) == [*every, "/in/x/y/d.txt"]
    assert names(await listed(server, "/in/**/*")) == [*every, "/in/x/y/d.txt"]
    assert names(await listed(server, "/**/y/*.csv")) == ["/in/x/y/c.csv"]
    assert names(await listed(server, "/in/**/y")) == ["/in/x/y/c.csv", "/in/x/y/d.txt"]


@pytest.mark.asyncio
async def test_a_pattern_may_have_names_behind_it(server: MemoryServer) -> None:
    server.put("/in/1/data/a.csv", b"x")
    server.put("/in/2/data/b.csv", b"x")
    server.put("/in/3/other/c.csv", b"x")
    server.put("/in/file", b"x")
    found = ["/in/1/data/a.csv", "/in/2/data/b.csv"]
    assert names(await listed(server, "/in/*/data")) == found
    assert names(await listed(server, "/in/*/data/*.csv")) == found
    assert names(await listed(server, "/in/{1/data,2}/**")) == found


@pytest.mark.asyncio
async def test_a_file_that_two_paths_stand_for_is_read_twice_as_in_spark(
    server: MemoryServer,
) -> None:
    server.put("/in/a.csv", b"x")
    assert names(await listed(server, "/in", "/in/a.csv")) == ["/in/a.csv"] * 2
    once = await listed(server, "/in", "/in/a.csv", recursive_file_lookup=True)
    assert names(once) == ["/in/a.csv"]


def test_urls_must_name_the_server_of_the_options() -> None:
    options = read_options()
    paths = ["sftp://me@sftp.example.com:22/in/a", "sftp://SFTP.example.com/~/b", "~/c", "d/../e"]
    assert asked_paths(options, paths) == ("/in/a", "b", "c", "e")
    with pytest.raises(OptionsError, match="one server, me@"):
        asked_paths(options, ["/in", "sftp://me@other.example.com/in"])
    with pytest.raises(OptionsError, match="one server"):
        asked_paths(options, ["sftp://you@sftp.example.com/in"])
    with pytest.raises(OptionsError, match="path is missing"):
        asked_paths(options, [])
    with pytest.raises(OptionsError, match=r"path: the pattern '\*\[a' has a \[ without its \]"):
        asked_paths(options, ["/in/*[a"])
    with pytest.raises(OptionsError, match="no job has committed"):
        asked_paths(options, ["/out/_temporary/0123"])


# Nothing there


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/in/nope", "/in/nope/deeper", "/in/*.zip", "/in/nope/*"])
async def test_a_path_that_stands_for_nothing_is_an_error_that_says_what_is_there(
    server: MemoryServer, path: str
) -> None:
    for name in "abcdefg":
        server.put(f"/in/{name}.csv", b"x")
    with pytest.raises(RemoteNotFoundError) as caught:
        await listed(server, "/in/a.csv", path)
    assert caught.value.path == path
    assert "/in has 7 entries: 'a.csv', 'b.csv', 'c.csv', 'd.csv', 'e.csv', …" in str(caught.value)


@pytest.mark.asyncio
async def test_the_error_counts_the_hidden_names_that_a_pattern_passed_over(
    server: MemoryServer,
) -> None:
    server.put("/in/_a.csv", b"x")
    with pytest.raises(RemoteNotFoundError, match=r"1 left out \(1: its name begins with _"):
        await listed(server, "/in/*.csv")


@pytest.mark.asyncio
async def test_a_missing_path_may_be_ignored_but_a_pattern_without_a_match_may_not(
    server: MemoryServer,
) -> None:
    server.put("/in/a.csv", b"x")
    found = await listed(server, "/in/nope", "/in", ignore_missing_files=True)
    assert names(found) == ["/in/a.csv"]
    with pytest.raises(RemoteNotFoundError):
        await listed(server, "/in/*.zip", ignore_missing_files=True)


@pytest.mark.asyncio
async def test_what_is_around_a_missing_path_may_be_refused(server: MemoryServer) -> None:
    server.make("/in")

    def refuse(operation: Operation) -> None:
        if operation.name == "listdir":
            raise denied(operation.path)

    server.refuse = refuse
    with pytest.raises(RemoteNotFoundError, match="no such file or directory"):
        await listed(server, "/in/nope")


@pytest.mark.asyncio
async def test_relative_paths_start_in_the_login_directory(server: MemoryServer) -> None:
    server.put("in/k=1/a.csv", b"x")
    found = await listed(server, "~/in", base_path="sftp://me@sftp.example.com/~/in")
    assert [(file.path, file.partition) for file in found.files] == [("in/k=1/a.csv", ("1",))]
    assert names(await listed(server, "./in/*/*.csv")) == ["in/k=1/a.csv"]
    assert names(await listed(server, "in/**")) == ["in/k=1/a.csv"]


@pytest.mark.asyncio
async def test_an_empty_directory_is_no_error_as_in_spark(server: MemoryServer) -> None:
    server.make("/in")
    assert names(await listed(server, "/in")) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("refused", ["/in", "/in/sub"])
async def test_a_directory_that_cannot_be_listed_is_an_error(
    server: MemoryServer, refused: str
) -> None:
    server.put("/in/sub/a.csv", b"x")

    def refuse(operation: Operation) -> None:
        if operation.name == "listdir" and operation.path == refused:
            raise denied(refused)

    server.refuse = refuse
    for path in ("/in", "/in/*", "/in/**/*.csv"):
        with pytest.raises(TransferError, match="denied"):
            await listed(server, path, recursive_file_lookup=True)


@pytest.mark.asyncio
async def test_a_directory_that_vanishes_meanwhile_is_an_error_unless_that_is_ignored(
    server: MemoryServer,
) -> None:
    server.put("/in/a.csv", b"x")
    server.put("/in/sub/b.csv", b"x")

    def vanish(operation: Operation) -> None:
        if operation.name == "listdir" and operation.path == "/in":
            server.nodes.pop("/in/sub", None)

    server.meanwhile = vanish
    with pytest.raises(RemoteNotFoundError):
        await listed(server, "/in")
    server.make("/in/sub")
    found = await listed(server, "/in", ignore_missing_files=True)
    assert names(found) == ["/in/a.csv"]
    assert reasons(found) == {
        "/in/sub": "the directory vanished while it was listed (ignore_missing_files)"
    }


# Filters


@pytest.mark.asyncio
async def test_names_are_filtered_by_path_glob_filter(server: MemoryServer) -> None:
    for name in ("a.csv", "b.txt", "k=1/c.csv", "k=1/d.txt"):
        server.put(f"/in/{name}", b"x")
    found = await listed(server, "/in", path_glob_filter="*.csv", recursive_file_lookup=True)
    assert names(found) == ["/in/a.csv", "/in/k=1/c.csv"]
    assert set(reasons(found).values()) == {"its name does not match path_glob_filter"}
    with pytest.raises(OptionsError, match=r"path_glob_filter: the pattern '\[a' has a \["):
        await listed(server, "/in", path_glob_filter="[a")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("after", "before", "zone", "taken"),
    [
        ("2025-01-01T00:29:59", None, "Europe/Berlin", True),
        ("2025-01-01T00:30:00", None, "Europe/Berlin", False),
        ("2024-12-31T23:29:59", None, None, True),
        ("2024-12-31T23:30:00", None, "UTC", False),
        ("2025-01-01T00:29:59+01:00", None, "America/New_York", True),
        (None, "2025-01-01T00:30:01", "Europe/Berlin", True),
        (None, "2025-01-01T00:30:00", "Europe/Berlin", False),
        ("2025-01-01", "2025-01-02", "Europe/Berlin", True),
        (None, "2025-01-01 00:31", "+01:00", True),
    ],
)
async def test_times_of_last_change_are_compared_in_the_session_s_zone(
    server: MemoryServer, after: str | None, before: str | None, zone: str | None, taken: bool
) -> None:
    changed = datetime(2024, 12, 31, 23, 30, tzinfo=UTC).timestamp()
    server.put("/in/a.csv", b"x", age=NOW - changed)
    found = await listed(
        server, "/in", modified_after=after, modified_before=before, time_zone=zone
    )
    assert names(found) == (["/in/a.csv"] if taken else [])
    assert found.left_out_count == (not taken)


@pytest.mark.asyncio
async def test_a_server_without_times_cannot_serve_options_that_need_them(
    server: MemoryServer,
) -> None:
    server.put("/in/a.csv", b"x", age=NOW)
    assert names(await listed(server, "/in")) == ["/in/a.csv"]
    for option, value in (("modified_after", "2024-01-01"), ("min_age", "1s")):
        with pytest.raises(SFTPAsyncError, match=f"no time of last change, which {option} needs"):
            await listed(server, "/in", **{option: value})


# Complete yet?


@pytest.mark.asyncio
async def test_young_files_wait_for_their_age(server: MemoryServer) -> None:
    server.put("/in/old.csv", b"x", age=60)
    server.put("/in/new.csv", b"x", age=59)
    server.put("/in/future.csv", b"x", age=-3600)
    found = await listed(server, "/in", min_age="1min")
    assert names(found) == ["/in/old.csv"]
    assert found.left_out_by_reason == {"it was modified less than min_age ago": 2}


@pytest.mark.asyncio
async def test_files_that_change_between_two_looks_are_left_out(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("still.csv", "grows.csv", "touched.csv", "goes.csv"):
        server.put(f"/in/{name}", b"x")
    waited = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        server.put("/in/grows.csv", b"xx")
        server.put("/in/touched.csv", b"x", age=-1)
        server.put("/in/comes.csv", b"x")
        del server.nodes["/in/goes.csv"]

    monkeypatch.setattr(listing_module, "_pause", pause)
    found = await listed(server, "/in", stable_for="5s")
    assert waited == [5.0]
    assert names(found) == ["/in/still.csv"]
    assert reasons(found) == dict.fromkeys(
        ("/in/comes.csv", "/in/grows.csv", "/in/touched.csv"), "it changed within stable_for"
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("template", ["{name}.done", "{stem}.ok", "done-{name}"])
async def test_a_file_waits_for_its_done_file_which_is_no_data(
    server: MemoryServer, template: str
) -> None:
    done = template.format(name="a.csv", stem="a")
    for name in ("a.csv", done, "b.csv"):
        server.put(f"/in/{name}", b"x")
    found = await listed(server, "/in", done_file_template=template)
    assert names(found) == ["/in/a.csv"]
    assert reasons(found) == {
        "/in/b.csv": "its done file is not there (done_file_template)",
        f"/in/{done}": "it is a checksum file or done file of another file",
    }
    for paths in (["/in/a.csv"], ["/in/*.csv"], ["/in/[a].csv"]):
        assert names(await listed(server, *paths, done_file_template=template)) == ["/in/a.csv"]
    assert names(await listed(server, "/in/b.csv", done_file_template=template)) == []


@pytest.mark.asyncio
async def test_a_done_file_of_the_whole_directory_is_waited_for(server: MemoryServer) -> None:
    server.put("/in/a.csv", b"x")
    assert names(await listed(server, "/in", done_file_template="READY")) == []
    server.put("/in/READY", b"")
    assert names(await listed(server, "/in", done_file_template="READY")) == ["/in/a.csv"]


@pytest.mark.asyncio
async def test_checksum_files_are_no_data_where_their_file_is(server: MemoryServer) -> None:
    for name in ("a.csv", "a.csv.sha256", "a.csv.md5", "alone.sha256"):
        server.put(f"/in/{name}", b"x")
    for path in ("/in", "/in/*"):
        found = await listed(server, path)
        assert names(found) == ["/in/a.csv", "/in/alone.sha256"]
        assert found.left_out_count == 2


@pytest.mark.asyncio
async def test_suffixes_of_uploads_can_be_set(server: MemoryServer) -> None:
    for name in ("a.csv", "b.csv.tmp", "c.csv.uploading"):
        server.put(f"/in/{name}", b"x")
    assert names(await listed(server, "/in", ignore_suffixes=".uploading")) == [
        "/in/a.csv",
        "/in/b.csv.tmp",
    ]
    assert len(names(await listed(server, "/in", ignore_suffixes="none"))) == 3


# Manifests

PART = "part-{:05}-0123456789abcdef-c000.csv"
OTHER = "part-00000-fedcba9876543210-c000.csv"


def put_manifest(server: MemoryServer, directory: str, sizes: dict[str, int]) -> None:
    files = [{"name": name, "bytes": size, "rows": 1} for name, size in sizes.items()]
    document = {"version": 1, "job": "0123456789abcdef", "files": files}
    server.put(f"{directory}/_manifest.json", json.dumps(document).encode())


@pytest.mark.asyncio
async def test_a_directory_is_read_as_its_manifest_says(server: MemoryServer) -> None:
    for name in (PART.format(0), PART.format(1), "foreign.csv", OTHER):
        server.put(f"/in/{name}", b"xy")
    put_manifest(server, "/in", {PART.format(0): 2, PART.format(1): 2})
    ours = [f"/in/{PART.format(number)}" for number in (0, 1)]
    found = await listed(server, "/in")
    # The directory's manifest is of its last job: the parts of earlier ones are data as well.
    assert names(found) == sorted([*ours, f"/in/{OTHER}"])
    assert reasons(found)["/in/foreign.csv"] == "it is not in _manifest.json (use_manifest)"
    assert names(await listed(server, "/in", use_manifest="require")) == ours
    assert len(names(await listed(server, "/in", use_manifest="never"))) == 4


@pytest.mark.asyncio
async def test_a_file_that_differs_from_the_manifest_is_an_error_that_names_it(
    server: MemoryServer,
) -> None:
    server.put(f"/in/k=1/{PART.format(0)}", b"xy")
    put_manifest(server, "/in", {f"k=1/{PART.format(0)}": 3, f"k=1/{PART.format(1)}": 1})
    with pytest.raises(RemoteChangedError, match="2 bytes, and 3 by its manifest") as caught:
        await listed(server, "/in")
    assert caught.value.path == f"/in/k=1/{PART.format(0)}"
    server.put(f"/in/k=1/{PART.format(0)}", b"xyz")
    with pytest.raises(RemoteChangedError, match="names a file that is not there") as caught:
        await listed(server, "/in")
    assert caught.value.path == f"/in/k=1/{PART.format(1)}"
    server.put(f"/in/k=1/{PART.format(1)}", b"x")
    assert len(names(await listed(server, "/in"))) == 2
    assert len(names(await listed(server, "/in", path_glob_filter="*00000-*"))) == 1


@pytest.mark.asyncio
async def test_the_manifest_of_an_exact_file_says_nothing_about_the_files_next_to_it(
    server: MemoryServer,
) -> None:
    server.put("/in/monday.csv", b"x")
    server.put("/in/tuesday.csv", b"xy")
    put_manifest(server, "/in", {"tuesday.csv": 2})
    assert names(await listed(server, "/in")) == ["/in/monday.csv", "/in/tuesday.csv"]
    assert names(await listed(server, "/in", use_manifest="require")) == ["/in/tuesday.csv"]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", [None, b"{}", b"[" * 100_000, b'{"version": 7, "files": []}'])
async def test_a_manifest_of_something_else_is_not_used_unless_one_is_required(
    server: MemoryServer, text: bytes | None
) -> None:
    server.put("/in/a.csv", b"x")
    if text is not None:
        server.put("/in/_manifest.json", text)
    assert names(await listed(server, "/in")) == ["/in/a.csv"]
    with pytest.raises(SFTPAsyncError, match="manifest"):
        await listed(server, "/in", use_manifest="require")


# Partition columns


@pytest.mark.asyncio
async def test_files_above_the_partition_directories_are_reported_as_left_out(
    server: MemoryServer,
) -> None:
    server.put("/in/k=1/a.csv", b"x")
    server.put("/in/b.csv", b"x")
    found = await listed(server, "/in")
    assert [(file.path, file.partition) for file in found.files] == [("/in/k=1/a.csv", ("1",))]
    assert "/in/b.csv" in reasons(found)


@pytest.mark.asyncio
async def test_directories_that_disagree_are_an_error_that_says_what_to_set(
    server: MemoryServer,
) -> None:
    server.put("/in/k=1/a.csv", b"x")
    server.put("/in/sub/b.csv", b"x")
    with pytest.raises(SFTPAsyncError, match="Conflicting directory structures detected") as error:
        await listed(server, "/in")
    assert "recursive_file_lookup=true" in str(error.value)
    server.put("/there/k=1/a.csv", b"x")
    server.put("/there/j=1/b.csv", b"x")
    with pytest.raises(SFTPAsyncError, match="Conflicting partition column names detected: j in"):
        await listed(server, "/there")
    with pytest.raises(OptionsError, match="base_path must be a directory above"):
        await listed(server, "/there", base_path="/the")


@pytest.mark.asyncio
async def test_names_that_are_not_utf_8_reach_the_reader_unchanged(server: MemoryServer) -> None:
    odd = ["\udcff\udcfe.csv", "new\nline.csv", "*?[x].csv", "n" * 251 + ".csv"]
    for name in odd:
        server.put(f"/in/{name}", b"x")
    assert set(names(await listed(server, "/in"))) == {f"/in/{name}" for name in odd}
    assert set(names(await listed(server, "/in/*.csv"))) == {f"/in/{name}" for name in odd}


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
