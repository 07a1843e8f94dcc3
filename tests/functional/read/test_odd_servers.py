"""Reads of servers that leave out what others send: kinds, sizes, times, requests, long replies."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from sftp_async.errors import TransferError
from sftp_async.options import SFTPOptions
from sftp_async.read.listing import Listing, list_files
from sftp_async.read.scan import plan_scan
from sftp_async.read.task import read_task
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connections import connected

LINES = {
    True: b"drwxr-xr-x 1 me me 4096 Nov 23 10:00 x",
    False: b"-rw-r--r-- 1 me me 2 Nov 23 10:00 x",
}


class Terse(FolderServer):
    """Sends of a listed file what `sent` keeps of it, and no line of `ls -l`."""

    line = b" "

    def sent(self, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        return attrs

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        with os.scandir(self.map_path(path)) as there:
            for one in there:
                attrs = asyncssh.SFTPAttrs.from_local(one.stat(follow_symlinks=False))
                yield asyncssh.SFTPName(one.name, self.line_of(one), self.sent(attrs))

    def line_of(self, entry: Any) -> bytes:
        return self.line


class OnlyLines(Terse):
    """Sends kinds in the lines of `ls -l` alone."""

    def line_of(self, entry: Any) -> bytes:
        return LINES[entry.is_dir()]

    def sent(self, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(size=attrs.size, atime=attrs.atime, mtime=attrs.mtime)


class OnlyRights(Terse):
    """Sends permissions without the bits for the kind."""

    def sent(self, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(size=attrs.size, permissions=(attrs.permissions or 0) & 0o777)


class OnlyNames(Terse):
    """Sends nothing but names; `stat` answers in full, and there is no `lstat`."""

    def sent(self, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs()

    def lstat(self, path: bytes) -> Any:
        raise asyncssh.SFTPOpUnsupported("no lstat here")


class NoKinds(OnlyNames):
    """Sends no kinds for `stat` either."""

    def stat(self, path: bytes) -> Any:
        found = Path(os.fsdecode(self.map_path(path))).stat()
        return asyncssh.SFTPAttrs(size=found.st_size)


class NoSizes(NoKinds):
    """Sends no sizes at all."""

    def stat(self, path: bytes) -> Any:
        Path(os.fsdecode(self.map_path(path))).stat()
        return asyncssh.SFTPAttrs()


class NoTimes(Terse):
    """Sends no times."""

    def sent(self, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(size=attrs.size, permissions=attrs.permissions)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "served"
    for name in ("in/k=1/a.txt", "in/k=2/b.txt", "in/k=2/_c.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    return root


async def listed(root: Path, factory: Any, *paths: str, **options: Any) -> Listing:
    with EmbeddedServer(root, sftp_factory=factory) as server:
        async with connected(server.options()) as connection:
            given = SFTPOptions(**server.options(), **options)
            return await list_files(connection, paths, given)


@pytest.mark.asyncio
@pytest.mark.parametrize("factory", [OnlyLines, OnlyRights, OnlyNames, NoKinds, NoTimes])
@pytest.mark.parametrize("path", ["/in", "/in/*/*.txt"])
async def test_what_a_server_does_not_send_is_found_out_otherwise(
    root: Path, factory: type[Terse], path: str
) -> None:
    found = await listed(root, factory, path, base_path="/in")
    assert [(file.path, file.size, file.partition) for file in found.files] == [
        ("/in/k=1/a.txt", 2, ("1",)),
        ("/in/k=2/b.txt", 2, ("2",)),
    ]


@pytest.mark.asyncio
async def test_a_server_that_sends_no_sizes_is_refused_with_the_reason(root: Path) -> None:
    with pytest.raises(TransferError, match="does not tell the size") as caught:
        await listed(root, NoSizes, "/in")
    assert caught.value.path in ("/in/k=1/a.txt", "/in/k=2/b.txt")


@pytest.mark.asyncio
async def test_a_file_of_no_bytes_is_empty_where_sizes_are_sent(root: Path) -> None:
    (root / "in" / "k=1" / "empty.txt").touch()
    found = await listed(root, OnlyNames, "/in")
    assert found.left_out_by_reason["it is empty"] == 1


@pytest.mark.asyncio
async def test_a_listing_that_fails_in_its_middle_is_an_error(root: Path) -> None:
    class Fails(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            if path.endswith(b"k=2"):
                for number in range(150):
                    yield asyncssh.SFTPName(b"%d" % number, attrs=asyncssh.SFTPAttrs(size=1))
                raise asyncssh.SFTPFailure("disk error")
            async for name in super().scandir(path):
                yield name

    with pytest.raises(TransferError, match="disk error"):
        await listed(root, Fails, "/in")


# All of a read, of files that take several requests.

ROWS = 60_000
COLUMNS = pa.schema([("n", pa.int64()), ("k", pa.int32())])


class ShortReplies(FolderServer):
    """Sends at most 32 KiB for a request, whatever it asks for."""

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return super().read(file_obj, offset, min(size, 32 * 1024))


class OddReplies(FolderServer):
    """Sends less than a request asks for, each time another number of bytes."""

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return super().read(file_obj, offset, 1 + (offset * 7 + size) % min(size, 30_000))


class NoSeeking(FolderServer):
    """Serves each file in one go, from its start."""

    def __init__(self, chan: Any, root: bytes) -> None:
        super().__init__(chan, root)
        self._next: dict[int, int] = {}

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if offset > self._next.get(id(file_obj), 0):
            raise asyncssh.SFTPOpUnsupported("no seeking here")
        data = super().read(file_obj, offset, size)
        self._next[id(file_obj)] = max(self._next.get(id(file_obj), 0), offset + len(data))
        return data


class NoStat(FolderServer):
    """Says nothing about a file that is open."""

    def fstat(self, file_obj: object) -> Any:
        raise asyncssh.SFTPOpUnsupported("no fstat here")


class OneFile(FolderServer):
    """Opens one file at a time for a connection."""

    open_now = 0

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self.open_now:
            raise asyncssh.SFTPFailure("too many open files")
        file = super().open(path, pflags, attrs)
        self.open_now += 1
        return file

    def close(self, file_obj: Any) -> Any:
        self.open_now -= 1
        return super().close(file_obj)


def rows_of(server: EmbeddedServer, **options: Any) -> dict[int, int]:
    """Return how many rows each partition directory has; the rows themselves are checked."""
    given = SFTPOptions(**server.options(), path="/in", **options)
    scan, tasks, _ = plan_scan(given, COLUMNS, parallelism=2)
    batches = [batch for task in tasks for batch in read_task(scan, task)]
    table = pa.Table.from_batches(batches, COLUMNS)
    found: dict[int, int] = {}
    for key in (1, 2):
        numbers = table.filter(pc.equal(table["k"], key))["n"].to_pylist()
        assert sorted(numbers) == list(range(len(numbers)))
        found[key] = len(numbers)
    return found


@pytest.mark.parametrize(
    ("factory", "options"),
    [
        (OnlyLines, {}),
        (OnlyRights, {}),
        (OnlyNames, {}),
        (NoKinds, {}),
        (NoTimes, {}),
        (ShortReplies, {}),
        (OddReplies, {}),
        (NoStat, {}),
        (NoSeeking, {"access": "sequential", "max_connections": 1}),
        (OneFile, {"max_connections": 4}),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_can_be_read_of_an_odd_server_is_read(
    tmp_path: Path, factory: type[FolderServer], options: dict[str, Any], form: str
) -> None:
    table = pa.table({"n": pa.array(range(ROWS), pa.int64())})
    for key in (1, 2):
        folder = tmp_path / "served" / "in" / f"k={key}"
        folder.mkdir(parents=True)
        if form == "csv":
            (folder / "a.csv").write_text("".join(f"{number}\n" for number in range(ROWS)))
        else:
            parquet.write_table(
                table, folder / "a.parquet", compression="none", row_group_size=9000
            )
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory) as server:
        assert rows_of(server, format=form, **options) == {1: ROWS, 2: ROWS}
        small = {"max_partition_bytes": "50000"} | options
        assert rows_of(server, format=form, **small) == {1: ROWS, 2: ROWS}
