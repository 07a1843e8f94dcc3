"""Files that a task fetches ahead: side by side, within memory, and one by one if need be."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import pyarrow as pa
import pytest

from sftp_async.errors import RemoteChangedError, RemoteFailureError
from sftp_async.options import SFTPOptions
from sftp_async.read.readable_file import RemoteReadable
from sftp_async.read.scan import Scan, plan_scan
from sftp_async.read.splits import TaskInput
from sftp_async.read.task import read_task
from sftp_async.read.upcoming_files import FILES_AHEAD, SMALL_FILE
from sftp_async.remote.ssh import Connection
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer

TEXT = pa.schema([("value", pa.string())])


class Counting(FolderServer):
    """Counts the files that are opened and open, over all its sessions."""

    opened: ClassVar[int]
    now_open: ClassVar[int]

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        cls = type(self)
        cls.opened += 1
        await self.may_open()
        file = super().open(path, pflags, attrs)
        cls.now_open += 1
        return file

    async def may_open(self) -> None:
        """Wait, or refuse."""

    def close(self, file_obj: object) -> None:
        type(self).now_open -= 1
        super().close(file_obj)


class OneHandle(Counting):
    """Allows one open file."""

    refused: ClassVar[int] = 0

    async def may_open(self) -> None:
        if self.now_open:
            type(self).refused += 1
            raise asyncssh.SFTPFailure("too many open files")


def server_of(kind: type[Counting], folder: Path) -> tuple[EmbeddedServer, type[Counting]]:
    """Return a server, to be started, and its own class, whose counts are its own."""
    fresh = type(kind.__name__, (kind,), {"opened": 0, "now_open": 0})
    return EmbeddedServer(folder, sftp_factory=fresh), fresh


def plan(server: EmbeddedServer, **options: Any) -> tuple[Scan, TaskInput]:
    """Return the one task of a read of the server's folder."""
    given = {**server.options(), "path": "/", "format": "text", "open_cost_bytes": "0", **options}
    scan, (task,), _ = plan_scan(SFTPOptions(**given), TEXT)
    return scan, task


def values(scan: Scan, task: TaskInput) -> list[str]:
    return [value for batch in read_task(scan, task) for value in batch.column(0).to_pylist()]


def fill(folder: Path, count: int, size: int = 3) -> list[str]:
    """Write files of one line each; return the lines, as they are to be read."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{number:0{size}}" for number in range(count)]
    for number, line in enumerate(lines):
        (folder / f"{number:04}.txt").write_text(line)
    return lines


def test_small_files_are_fetched_side_by_side_and_their_rows_come_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = fill(tmp_path / "served", 3 * FILES_AHEAD + 1)
    server, _ = server_of(Counting, tmp_path / "served")
    asked = 0
    all_asked = asyncio.Event()
    open_read = Connection.open_read

    async def gathered(self: Connection, path: str) -> Any:
        nonlocal asked
        asked += 1
        if asked == FILES_AHEAD:
            all_asked.set()
        await all_asked.wait()  # without as many side by side, for ever
        return await open_read(self, path)

    monkeypatch.setattr(Connection, "open_read", gathered)
    with server:
        scan, task = plan(server)
        in_order = sorted(range(len(task.splits)), key=lambda place: task.splits[place].file.path)
        assert values(scan, task) == [lines[place] for place in in_order]


@pytest.mark.parametrize("opened", [1, 2])
def test_a_server_that_allows_one_open_file_is_read_one_file_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: int
) -> None:
    lines = fill(tmp_path / "served", 40)
    server, kind = server_of(OneHandle, tmp_path / "served")
    asked = refused = 0
    one_is_open, others_are_refused = asyncio.Event(), asyncio.Event()
    open_read = Connection.open_read

    async def next_to_an_open_one(self: Connection, path: str) -> Any:
        """Keep one file open until the others that are asked for have been refused."""
        nonlocal asked, refused
        asked += 1
        if asked == opened:
            file = await open_read(self, path)
            one_is_open.set()
            await others_are_refused.wait()
            return file
        await one_is_open.wait()
        try:
            return await open_read(self, path)
        except RemoteFailureError:
            refused += 1
            if refused == FILES_AHEAD - 1:
                others_are_refused.set()
            raise

    monkeypatch.setattr(Connection, "open_read", next_to_an_open_one)
    with server:
        scan, task = plan(server, max_connections=2)
        assert sorted(values(scan, task)) == lines
    # That is found out once: one more file may be asked for in the place of the first.
    assert FILES_AHEAD - 1 <= kind.refused <= FILES_AHEAD  # type: ignore[attr-defined]


def test_a_file_that_stays_open_is_opened_when_those_before_it_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = fill(tmp_path / "served", 3, size=SMALL_FILE + 1)
    server, _ = server_of(Counting, tmp_path / "served")
    begun: list[Future[bool]] = []
    open_ahead = RemoteReadable.open_ahead

    def after_the_others(self: RemoteReadable) -> Future[bool]:
        assert all(other.done() for other in begun)
        begun.append(open_ahead(self))
        return begun[-1]

    monkeypatch.setattr(RemoteReadable, "open_ahead", after_the_others)
    with server:
        scan, task = plan(server, max_connections=2)
        assert sorted(values(scan, task)) == lines
    assert len(begun) == 3


def test_files_that_wait_take_a_share_of_the_buffer(tmp_path: Path) -> None:
    fill(tmp_path / "served", 12, size=900_000)
    server, kind = server_of(Counting, tmp_path / "served")
    with server:
        scan, task = plan(server, max_buffer_bytes="4MiB")
        most = 0
        for done, batch in enumerate(read_task(scan, task)):
            assert len(batch) == 1
            most = max(most, kind.opened - done)
        assert done == 11
    # A quarter of the buffer holds one; the next file never waits for memory.
    assert most <= 2


def test_a_task_that_ends_early_leaves_no_file_open(tmp_path: Path) -> None:
    fill(tmp_path / "served", 80)
    server, kind = server_of(Counting, tmp_path / "served")
    with server:
        scan, task = plan(server)
        rows = read_task(scan, task)
        next(rows)
        rows.close()
        assert kind.now_open == 0


def test_a_file_that_changed_before_it_was_fetched_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "served", 5)
    server, _ = server_of(Counting, tmp_path / "served")
    with server:
        scan, task = plan(server)
        (tmp_path / "served" / "0003.txt").write_text("longer")
        with pytest.raises(RemoteChangedError, match="now it has 6 bytes"):
            values(scan, task)
