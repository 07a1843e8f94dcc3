"""Which files a read takes for complete: by age, two looks, done files and manifests."""

from __future__ import annotations

import json

import pytest

from sftp_async.errors import (
    RemoteChangedError,
    RemoteNotFoundError,
    SFTPAsyncError,
)
from sftp_async.read import listing as listing_module
from sftp_async.read.listing import list_files
from tests.support.listings import listed, names, reasons
from tests.support.memory_server import (
    MemoryServer,
)
from tests.support.readable import read_options

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
    found = await list_files(server.connect(), ["/in"], read_options(), of_stream=True)
    assert [error.path for error in found.missing] == [f"/in/k=1/{PART.format(1)}"]
    server.put(f"/in/k=1/{PART.format(1)}", b"x")
    assert len(names(await listed(server, "/in"))) == 2
    assert len(names(await listed(server, "/in", path_glob_filter="*00000-*"))) == 1


@pytest.mark.asyncio
async def test_a_stream_has_the_paths_of_what_is_left_out_and_waits_for_what_matches(
    server: MemoryServer,
) -> None:
    server.put("/in/.hidden", b"x")
    server.put("/in/empty.csv")
    left_out: list[str] = []
    found = await list_files(
        server.connect(),
        ["/in", "/in/*.json"],
        read_options(),
        of_stream=True,
        on_left_out=left_out.append,
    )
    assert names(found) == []
    assert sorted(left_out) == ["/in/.hidden", "/in/empty.csv"]
    with pytest.raises(RemoteNotFoundError, match="Nothing matches the pattern"):
        await listed(server, "/in/*.json")


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
