"""What every request of a `Connection` must do, on any server; each check gets an empty folder."""

from __future__ import annotations

import posixpath
import time

import pytest

from sftp_async.errors import (
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteSpaceError,
    TransferError,
)
from sftp_async.remote.ssh import Connection


async def a_new_file_must_not_exist(connection: Connection, folder: str) -> None:
    path = f"{folder}/a.csv"
    await connection.write_file(path, b"first", new=True)
    with pytest.raises(RemoteExistsError, match="Cannot create: It exists already") as caught:
        await connection.write_file(path, b"second", new=True)
    assert caught.value.path == path
    assert await connection.read_file(path, 100) == b"first"


async def a_new_file_is_not_made_over_a_dangling_link_or_directory(
    connection: Connection, folder: str
) -> None:
    await connection.mkdir(f"{folder}/taken")
    with pytest.raises(RemoteExistsError):
        await connection.open_new(f"{folder}/taken")


async def a_file_in_a_missing_directory_is_not_found(connection: Connection, folder: str) -> None:
    for attempt in (
        connection.open_new(f"{folder}/nowhere/a"),
        connection.open_truncated(f"{folder}/nowhere/a"),
        connection.open_existing(f"{folder}/a"),
        connection.open_read(f"{folder}/a"),
        connection.stat(f"{folder}/a"),
        connection.remove(f"{folder}/a"),
        connection.rmdir(f"{folder}/a"),
        connection.listdir(f"{folder}/a"),
        connection.mkdir(f"{folder}/nowhere/a"),
    ):
        with pytest.raises(RemoteNotFoundError, match="No such file or directory") as caught:
            await attempt
        assert caught.value.path is not None
        assert caught.value.path.startswith(folder)
        assert caught.value.host == connection.address
        assert not caught.value.retryable


async def chunks_may_be_written_in_any_order(connection: Connection, folder: str) -> None:
    path = f"{folder}/a.bin"
    data = bytes(range(256)) * 8192  # 2 MiB: several requests
    half = len(data) // 2
    file = await connection.open_new(path)
    await file.write(memoryview(data)[half:], half)
    await file.write(bytearray(data[:half]), 0)
    await file.write(b"", 7)
    await file.close()
    assert (await connection.stat(path)).size == len(data)
    assert await connection.read_file(path, len(data)) == data


async def an_existing_file_keeps_its_content_when_reopened(
    connection: Connection, folder: str
) -> None:
    path = f"{folder}/a"
    await connection.write_file(path, b"0123456789")
    file = await connection.open_existing(path)
    await file.write(b"XY", 3)
    await file.close()
    assert await connection.read_file(path, 100) == b"012XY56789"


async def a_truncated_file_starts_empty(connection: Connection, folder: str) -> None:
    path = f"{folder}/a"
    await connection.write_file(path, b"0123456789")
    await connection.write_file(path, b"ab")
    assert await connection.read_file(path, 100) == b"ab"


async def reading_ends_where_the_file_ends(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/a", b"x" * 300_000)
    file = await connection.open_read(f"{folder}/a")
    assert await file.read(1_000_000, 299_990) == b"x" * 10
    assert await file.read(10, 300_000) == b""
    assert await file.read(0, 0) == b""
    assert len(await file.read(290_000, 5)) == 290_000
    await file.close()


async def a_small_file_that_is_large_is_refused(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/a", b"x" * 101)
    assert len(await connection.read_file(f"{folder}/a", 101)) == 101
    with pytest.raises(TransferError, match="larger than 100 bytes"):
        await connection.read_file(f"{folder}/a", 100)


async def an_entry_tells_name_size_kind_and_time(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/a.csv", b"12345")
    await connection.mkdir(f"{folder}/sub")
    listed = {entry.name: entry for entry in await connection.listdir(folder)}
    assert set(listed) == {"a.csv", "sub"}
    assert listed["a.csv"] == await connection.stat(f"{folder}/a.csv")
    assert (listed["a.csv"].size, listed["a.csv"].is_dir) == (5, False)
    assert listed["sub"].is_dir
    assert abs(listed["a.csv"].mtime - time.time()) < 3600


async def a_directory_of_many_files_is_listed_in_full(connection: Connection, folder: str) -> None:
    names = {f"part-{number:05}" for number in range(250)}
    for name in names:
        await connection.write_file(f"{folder}/{name}", b"")
    assert {entry.name for entry in await connection.listdir(folder)} == names


async def any_name_that_a_file_can_have_works(connection: Connection, folder: str) -> None:
    names = {"ä ö 漢字 🦆", "a'b\"c", "-rf", "*?[x]", "tab\tnewline\n", "\udcff\udcfe.bin"}
    for name in names:
        await connection.write_file(f"{folder}/{name}", name.encode("utf-8", "surrogateescape"))
    assert {entry.name for entry in await connection.listdir(folder)} == names
    for name in names:
        await connection.rename(f"{folder}/{name}", f"{folder}/{name}2")
        await connection.remove(f"{folder}/{name}2")
    assert await connection.listdir(folder) == []


async def making_a_directory_that_exists_says_so(connection: Connection, folder: str) -> None:
    await connection.mkdir(f"{folder}/a")
    with pytest.raises(RemoteExistsError, match="Cannot create the directory: It exists already"):
        await connection.mkdir(f"{folder}/a")


async def missing_parents_are_made(connection: Connection, folder: str) -> None:
    await connection.makedirs(f"{folder}/a/b/c")
    await connection.makedirs(f"{folder}/a/b/c")
    assert (await connection.stat(f"{folder}/a/b/c")).is_dir


async def a_file_where_a_parent_should_be_is_named(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/a", b"")
    for path in (f"{folder}/a", f"{folder}/a/b"):
        with pytest.raises(RemoteExistsError, match="directory: a file has its name") as caught:
            await connection.makedirs(path)
        assert caught.value.path == f"{folder}/a"


async def a_directory_goes_only_when_empty(connection: Connection, folder: str) -> None:
    await connection.makedirs(f"{folder}/a/b")
    with pytest.raises(TransferError) as caught:
        await connection.rmdir(f"{folder}/a")
    assert not isinstance(caught.value, RemoteSpaceError)
    await connection.rmdir(f"{folder}/a/b")
    await connection.rmdir(f"{folder}/a")
    assert not await connection.exists(f"{folder}/a")


async def rename_never_replaces(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/old", b"old")
    await connection.write_file(f"{folder}/new", b"new")
    with pytest.raises(RemoteExistsError) as caught:
        await connection.rename(f"{folder}/old", f"{folder}/new")
    assert caught.value.path == f"{folder}/new"
    assert await connection.read_file(f"{folder}/new", 10) == b"new"
    await connection.remove(f"{folder}/new")
    await connection.rename(f"{folder}/old", f"{folder}/new")
    assert await connection.read_file(f"{folder}/new", 10) == b"old"
    assert not await connection.exists(f"{folder}/old")


async def renaming_what_is_not_there_is_not_found(connection: Connection, folder: str) -> None:
    with pytest.raises(RemoteNotFoundError) as caught:
        await connection.rename(f"{folder}/old", f"{folder}/new")
    assert caught.value.path == f"{folder}/old"


async def replace_replaces_in_one_step(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/old", b"old")
    await connection.write_file(f"{folder}/new", b"new")
    await connection.replace(f"{folder}/old", f"{folder}/new")
    assert await connection.read_file(f"{folder}/new", 10) == b"old"


async def the_server_copies_between_its_files(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/a", b"0123456789")
    source = await connection.open_read(f"{folder}/a")
    target = await connection.open_new(f"{folder}/b")
    await connection.copy_data(source, 2, 5, target, 0)
    await connection.copy_data(source, 0, 2, target, 5)
    await source.close()
    await target.close()
    assert await connection.read_file(f"{folder}/b", 100) == b"2345601"


async def a_link_is_a_second_name(connection: Connection, folder: str) -> None:
    await connection.write_file(f"{folder}/one", b"1")
    await connection.link(f"{folder}/one", f"{folder}/two")
    await connection.remove(f"{folder}/one")
    assert await connection.read_file(f"{folder}/two", 10) == b"1"
    await connection.write_file(f"{folder}/one", b"2")
    with pytest.raises(RemoteExistsError):
        await connection.link(f"{folder}/one", f"{folder}/two")
    with pytest.raises(RemoteNotFoundError):
        await connection.link(f"{folder}/nowhere", f"{folder}/three")
    assert await connection.read_file(f"{folder}/two", 10) == b"1"


async def the_free_space_is_reported(connection: Connection, folder: str) -> None:
    free = await connection.free_bytes(folder)
    assert free is not None
    assert free > 0
    assert await connection.free_bytes(f"{folder}/nowhere") is None


async def a_relative_path_is_resolved(connection: Connection, folder: str) -> None:
    assert await connection.realpath(
        f"{folder}/../{posixpath.basename(folder)}/."
    ) == await connection.realpath(folder)


async def a_server_says_what_it_offers(connection: Connection, folder: str) -> None:
    offers = connection.capabilities
    assert offers.limits
    assert offers.posix_rename
    assert offers.statvfs
    assert offers.fsync
    assert offers.copy_data
    assert 32 * 1024 < offers.max_write <= 256 * 1024
    assert 32 * 1024 < offers.max_read <= 256 * 1024
    assert offers.server_version.startswith("SSH-2.0-")


CONTRACT = [
    requirement
    for name, requirement in list(globals().items())
    if getattr(requirement, "__module__", None) == __name__ and not name.startswith("_")
]
