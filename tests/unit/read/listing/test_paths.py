"""Which files a read takes: by path, pattern, filter and partition directory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sftp_async.errors import (
    OptionsError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.read.root_paths import asked_paths
from tests.support.listings import NOW, listed, names, reasons
from tests.support.memory_server import (
    MemoryServer,
    Operation,
    denied,
)
from tests.support.readable import read_options

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
