"""Requests against the embedded server: as it is, with less on offer, and misbehaving."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import (
    ConnectionLostError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteSpaceError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.server import EmbeddedServer, FolderServer
from sftp_async.transport import Connection, capabilities
from tests.functional.transport.scenes import SCENES
from tests.functional.transport.wire import using


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_on_the_embedded_server(embedded_server: EmbeddedServer, scene: Any) -> None:
    (embedded_server.root / "out").mkdir()
    using(embedded_server.options(), lambda connection: scene(connection, "/out"))


@pytest.mark.parametrize(
    "scene",
    [s for s in SCENES if s.__name__ != "a_server_says_what_it_offers"],
    ids=lambda scene: scene.__name__,
)
def test_without_asyncssh_telling_what_the_server_offers(
    embedded_server: EmbeddedServer, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "_advertises", lambda *_: None)
    (embedded_server.root / "out").mkdir()

    async def blind(connection: Connection) -> None:
        assert connection.capabilities.posix_rename is None
        assert connection.capabilities.max_write > 32 * 1024
        await scene(connection, "/out")

    using(embedded_server.options(), blind)


def test_flags_that_asyncssh_no_longer_has_mean_not_known() -> None:
    class Bare:
        """An SFTP client as a later asyncssh may have it."""

    assert capabilities._advertises(Bare(), "posix_rename") is None  # type: ignore[arg-type]


EXTENSIONS = (
    "posix-rename@openssh.com",
    "limits@openssh.com",
    "copy-data",
    "statvfs@openssh.com",
    "fsync@openssh.com",
)


def test_a_server_without_extensions_still_serves_files(tmp_path: Path) -> None:
    data = os.urandom(300_000)

    async def scene(connection: Connection) -> None:
        offers = connection.capabilities
        assert not offers.limits
        assert offers.max_write == offers.max_read == 32 * 1024
        assert (offers.posix_rename, offers.statvfs, offers.fsync) == (False, False, False)
        assert not offers.copy_data
        await connection.write_file("/a", data, new=True)
        assert await connection.read_file("/a", len(data)) == data
        await connection.rename("/a", "/b")
        with pytest.raises(RemoteExistsError):
            await connection.mkdir("/b")
        with pytest.raises(RemoteUnsupportedError, match="does not offer this operation"):
            await connection.replace("/b", "/c")
        source, target = await connection.open_read("/b"), await connection.open_new("/c")
        with pytest.raises(RemoteUnsupportedError):
            await connection.copy_data(source, 0, 1, target, 0)
        assert await connection.free_bytes("/") is None
        assert connection.usable

    with EmbeddedServer(tmp_path / "served", without=EXTENSIONS) as server:
        using(server.options(), scene)


def serving(tmp_path: Path, factory: Any, scene: Callable[[Connection], Any], **more: Any) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory, **more) as server:
        using(server.options(), scene)


def test_names_that_no_listing_may_hold_are_left_out(tmp_path: Path) -> None:
    hostile = [b"../../etc/passwd", b"/etc/passwd", b"a/b", b"nul\0", b"", b".", b".."]
    good = [b"part-0.csv", b"\xff\xfe.csv", b"...", "ü".encode()]

    class Hostile(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for name in [*hostile, *good]:
                yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(size=1))

    async def scene(connection: Connection) -> None:
        names = [entry.name for entry in await connection.listdir("/")]
        assert names == ["part-0.csv", "\udcff\udcfe.csv", "...", "ü"]
        assert [name.encode("utf-8", "surrogateescape") for name in names] == good

    serving(tmp_path, Hostile, scene)


def test_what_a_server_leaves_out_of_an_entry_is_taken_as_nothing(tmp_path: Path) -> None:
    class Terse(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            yield asyncssh.SFTPName(b"a", attrs=asyncssh.SFTPAttrs())

    async def scene(connection: Connection) -> None:
        (entry,) = await connection.listdir("/")
        assert (entry.size, entry.is_dir, entry.mtime) == (0, False, 0.0)

    serving(tmp_path, Terse, scene)


class Full(FolderServer):
    """A disk that takes nothing more."""

    free = 0

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def statvfs(self, path: bytes) -> Any:
        return asyncssh.SFTPVFSAttrs(bsize=4096, frsize=4096, bavail=self.free // 4096)


class FullWithCode(Full):
    """A server that has a word for it: status 14, of later SFTP versions."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        # Version 3 has no such code, and asyncssh's server translates it; some servers do not.
        error = asyncssh.SFTPError(14, "No space")
        error.encode = lambda version: asyncssh.SFTPNoSpaceOnFilesystem("Full").encode(6)  # type: ignore[method-assign]
        raise error


class OverQuota(FullWithCode):
    """A full quota on a disk that has space."""

    free = 1 << 40

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        error = asyncssh.SFTPError(15, "Quota")
        error.encode = lambda version: asyncssh.SFTPQuotaExceeded("Over").encode(6)  # type: ignore[method-assign]
        raise error


@pytest.mark.parametrize("server", [Full, FullWithCode, OverQuota])
def test_a_full_disk_is_an_error_of_its_own_with_the_free_bytes(
    tmp_path: Path, server: type[Full]
) -> None:
    async def scene(connection: Connection) -> None:
        with pytest.raises(
            RemoteSpaceError, match=r"disk or quota is full: [\d,]+ bytes"
        ) as caught:
            await connection.write_file("/a.csv", b"x" * 1000)
        assert caught.value.free_bytes == server.free
        assert caught.value.path == "/a.csv"
        assert caught.value.hint
        assert connection.usable

    serving(tmp_path, server, scene)


@pytest.mark.parametrize("server", [FullWithCode, OverQuota])
def test_a_full_disk_is_told_without_free_bytes_where_the_server_does_not_tell_them(
    tmp_path: Path, server: type[Full]
) -> None:
    async def scene(connection: Connection) -> None:
        with pytest.raises(RemoteSpaceError) as caught:
            await connection.write_file("/a.csv", b"x" * 1000)
        assert caught.value.free_bytes is None

    serving(tmp_path, server, scene, without=["statvfs@openssh.com"])


def test_a_failure_with_space_left_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    class Broken(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            raise OSError(errno.EIO, "Input/output error")

    async def scene(connection: Connection) -> None:
        with pytest.raises(TransferError, match="Input/output error") as caught:
            await connection.write_file("/a.csv", b"x")
        assert type(caught.value) is TransferError

    serving(tmp_path, Broken, scene)


def test_a_write_that_failed_leaves_nothing_of_it_under_way(tmp_path: Path) -> None:
    written = []

    class OnePieceFails(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if offset == 0:
                raise OSError(errno.EIO, "Input/output error")
            written.append(len(data))
            return super().write(file_obj, offset, data)

    async def scene(connection: Connection) -> None:
        file = await connection.open_new("/a")
        size = connection.capabilities.max_write * 4
        with pytest.raises(TransferError, match="Input/output error"):
            await file.write(bytes(size), 0)
        assert sum(written) == size * 3 // 4

    serving(tmp_path, OnePieceFails, scene)


def test_a_file_that_could_not_be_written_is_closed(tmp_path: Path) -> None:
    closed = []

    class Watched(Full):
        def close(self, file_obj: object) -> None:
            closed.append(file_obj)
            super().close(file_obj)

    async def scene(connection: Connection) -> None:
        with pytest.raises(RemoteSpaceError):
            await connection.write_file("/a", b"x")
        assert len(closed) == 1

    serving(tmp_path, Watched, scene)


def test_permission_denied_is_told_apart_from_all_else(tmp_path: Path) -> None:
    class Guarded(FolderServer):
        def _deny(self, *_: object) -> Any:
            raise OSError(errno.EACCES, "Permission denied")

        open: Any = _deny
        mkdir: Any = _deny
        rmdir: Any = _deny
        remove: Any = _deny
        rename: Any = _deny
        posix_rename: Any = _deny

    async def scene(connection: Connection) -> None:
        for attempt in (
            connection.open_new("/a"),
            connection.open_read("/a"),
            connection.mkdir("/a"),
            connection.makedirs("/a"),
            connection.rmdir("/a"),
            connection.remove("/a"),
            connection.rename("/a", "/b"),
            connection.replace("/a", "/b"),
        ):
            with pytest.raises(RemotePermissionError, match="The server denied permission"):
                await attempt
        # Above the user's own folder a server may deny what is there already.
        await connection.makedirs("/")

    serving(tmp_path, Guarded, scene)


def test_an_answer_that_makes_no_sense_is_an_error_of_ours(tmp_path: Path) -> None:
    class Confused(FolderServer):
        def statvfs(self, path: bytes) -> Any:
            attrs: Any = asyncssh.SFTPVFSAttrs()
            attrs.encode = lambda version: b"\x00\x00"
            return attrs

    async def scene(connection: Connection) -> None:
        assert await connection.free_bytes("/") is None

    serving(tmp_path, Confused, scene)


class Dying(FolderServer):
    """Drops the line in the middle of a request."""

    def stat(self, path: bytes) -> Any:
        self.connection.abort()
        return super().stat(path)


def test_a_line_that_drops_makes_every_pending_request_fail(tmp_path: Path) -> None:
    everyone = 20

    class Drops(FolderServer):
        def lstat(self, path: bytes) -> Any:
            self.connection.abort()
            return super().lstat(path)

    async def scene(connection: Connection) -> None:
        outcomes = await asyncio.gather(
            *(connection.exists(f"/{number}") for number in range(everyone)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {ConnectionLostError}
        assert all(outcome.retryable for outcome in outcomes)  # type: ignore[union-attr]
        assert not connection.usable

    serving(tmp_path, Drops, scene)


def test_a_lost_connection_is_never_used_again(tmp_path: Path) -> None:
    async def scene(connection: Connection) -> None:
        assert "usable" in repr(connection)
        with pytest.raises(ConnectionLostError, match="The connection was lost"):
            await connection.stat("/")
        assert not connection.usable
        assert "closed" in repr(connection)
        with pytest.raises(ConnectionLostError, match="the connection is closed"):
            await connection.exists("/")

    serving(tmp_path, Dying, scene)


def test_closing_after_the_line_was_lost_returns(tmp_path: Path) -> None:
    async def scene(connection: Connection) -> None:
        with pytest.raises(ConnectionLostError):
            await connection.stat("/")
        await connection.close()
        connection.abort()
        await connection.close()

    serving(tmp_path, Dying, scene)


class Arrival:
    """Makes servers that answer no stat, and tells the client's loop when one has arrived."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.event = asyncio.Event()

    async def wait(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self.event.wait()

    def server(self) -> Any:
        arrival = self

        class Silent(FolderServer):
            async def stat(self, path: bytes) -> Any:
                assert arrival.loop is not None
                arrival.loop.call_soon_threadsafe(arrival.event.set)
                await asyncio.Event().wait()

        return Silent


def test_closing_while_requests_are_under_way_fails_them(tmp_path: Path) -> None:
    arrival = Arrival()

    async def scene(connection: Connection) -> None:
        pending = asyncio.ensure_future(connection.stat("/"))
        await arrival.wait()
        await connection.close()
        with pytest.raises(ConnectionLostError):
            await pending

    serving(tmp_path, arrival.server(), scene)


def test_a_cancelled_request_ends_the_connection_for_good(tmp_path: Path) -> None:
    arrival = Arrival()

    async def scene(connection: Connection) -> None:
        pending = asyncio.ensure_future(connection.stat("/"))
        await arrival.wait()
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        assert not connection.usable
        with pytest.raises(ConnectionLostError):
            await connection.exists("/")

    serving(tmp_path, arrival.server(), scene)


def test_an_aborted_connection_leaves_the_server(embedded_server: EmbeddedServer) -> None:
    async def scene(connection: Connection) -> None:
        connection.abort()
        assert not connection.usable
        with pytest.raises(ConnectionLostError):
            await connection.stat("/")

    using(embedded_server.options(), scene)
    embedded_server.stop()
    assert embedded_server.connections == set()


def test_an_error_names_host_and_path_and_survives_in_words(
    embedded_server: EmbeddedServer,
) -> None:
    async def scene(connection: Connection) -> None:
        with pytest.raises(RemoteNotFoundError) as caught:
            await connection.remove("/x")
        assert str(caught.value) == (
            "Cannot remove: No such file or directory "
            f"(host {embedded_server.username}@127.0.0.1:{embedded_server.port}, path /x)"
        )

    using(embedded_server.options(), scene)
