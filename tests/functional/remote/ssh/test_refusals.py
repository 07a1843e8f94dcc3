"""Requests that the server refuses: full disks, failed writes, denied permission, and the words."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import (
    RemoteExistsError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteSpaceError,
    TransferError,
)
from sftp_async.remote.ssh import error_mapping
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connections import connected, serving


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


@pytest.mark.asyncio
@pytest.mark.parametrize("server", [Full, FullWithCode, OverQuota])
async def test_a_full_disk_is_an_error_of_its_own_with_the_free_bytes(
    tmp_path: Path, server: type[Full]
) -> None:
    async with serving(tmp_path, server) as connection:
        with pytest.raises(
            RemoteSpaceError, match=r"disk or quota is full: [\d,]+ bytes"
        ) as caught:
            await connection.write_file("/a.csv", b"x" * 1000)
        assert caught.value.free_bytes == server.free
        assert caught.value.path == "/a.csv"
        assert caught.value.hint
        assert connection.usable


@pytest.mark.asyncio
@pytest.mark.parametrize("server", [FullWithCode, OverQuota])
async def test_a_full_disk_is_reported_without_free_bytes_where_the_server_sends_none(
    tmp_path: Path, server: type[Full]
) -> None:
    async with serving(tmp_path, server, without=["statvfs@openssh.com"]) as connection:
        with pytest.raises(RemoteSpaceError) as caught:
            await connection.write_file("/a.csv", b"x" * 1000)
        assert caught.value.free_bytes is None


@pytest.mark.asyncio
async def test_a_failure_with_space_left_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    class Broken(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            raise OSError(errno.EIO, "Input/output error")

    async with serving(tmp_path, Broken) as connection:
        with pytest.raises(TransferError, match="Input/output error") as caught:
            await connection.write_file("/a.csv", b"x")
        assert type(caught.value) is RemoteFailureError


@pytest.mark.asyncio
async def test_a_subclass_of_the_servers_failure_is_treated_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OddError(RemoteFailureError):
        """A failure that some later version knows more about."""

    monkeypatch.setitem(error_mapping._BY_TYPE, asyncssh.SFTPFailure, OddError)
    async with serving(tmp_path, Full) as connection:
        await connection.mkdir("/taken")
        with pytest.raises(RemoteExistsError):
            await connection.mkdir("/taken")
        with pytest.raises(RemoteSpaceError):
            await connection.write_file("/a", b"x")


@pytest.mark.asyncio
async def test_a_write_that_failed_leaves_nothing_of_it_in_flight(tmp_path: Path) -> None:
    written = []

    class OnePieceFails(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if offset == 0:
                raise OSError(errno.EIO, "Input/output error")
            written.append(len(data))
            return super().write(file_obj, offset, data)

    async with serving(tmp_path, OnePieceFails) as connection:
        file = await connection.open_new("/a")
        size = connection.capabilities.max_write * 4
        with pytest.raises(TransferError, match="Input/output error"):
            await file.write(bytes(size), 0)
        assert sum(written) == size * 3 // 4


@pytest.mark.asyncio
async def test_a_file_that_could_not_be_written_is_closed(tmp_path: Path) -> None:
    closed = []

    class Watched(Full):
        def close(self, file_obj: object) -> None:
            closed.append(file_obj)
            super().close(file_obj)

    async with serving(tmp_path, Watched) as connection:
        with pytest.raises(RemoteSpaceError):
            await connection.write_file("/a", b"x")
        assert len(closed) == 1


@pytest.mark.asyncio
async def test_permission_denied_is_distinguished_from_all_else(tmp_path: Path) -> None:
    class Guarded(FolderServer):
        def _deny(self, *_: object) -> Any:
            raise OSError(errno.EACCES, "Permission denied")

        open: Any = _deny
        mkdir: Any = _deny
        rmdir: Any = _deny
        remove: Any = _deny
        rename: Any = _deny
        posix_rename: Any = _deny

    async with serving(tmp_path, Guarded) as connection:
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


@pytest.mark.asyncio
async def test_an_error_names_host_and_path_and_survives_in_words(
    embedded_server: EmbeddedServer,
) -> None:
    async with connected(embedded_server.options()) as connection:
        with pytest.raises(RemoteNotFoundError) as caught:
            await connection.remove("/x")
        assert str(caught.value) == (
            "Cannot remove: No such file or directory "
            f"(host {embedded_server.username}@127.0.0.1:{embedded_server.port}, path /x)"
        )
