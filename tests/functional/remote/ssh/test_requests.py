"""Requests that succeed against the embedded server: as it is, with less on offer, and odd."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import RemoteExistsError, RemoteUnsupportedError
from sftp_async.remote.ssh import capabilities
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connection_contract import CONTRACT
from tests.functional.remote.ssh.connections import connected, serving


@pytest.mark.asyncio
@pytest.mark.parametrize("requirement", CONTRACT, ids=lambda requirement: requirement.__name__)
async def test_on_the_embedded_server(embedded_server: EmbeddedServer, requirement: Any) -> None:
    (embedded_server.root / "out").mkdir()
    async with connected(embedded_server.options()) as connection:
        await requirement(connection, "/out")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "requirement",
    [s for s in CONTRACT if s.__name__ != "a_server_says_what_it_offers"],
    ids=lambda requirement: requirement.__name__,
)
async def test_without_asyncssh_telling_what_the_server_offers(
    embedded_server: EmbeddedServer, requirement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "_advertises", lambda *_: None)
    (embedded_server.root / "out").mkdir()

    async with connected(embedded_server.options()) as connection:
        assert connection.capabilities.posix_rename is None
        assert connection.capabilities.max_write > 32 * 1024
        await requirement(connection, "/out")


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


@pytest.mark.asyncio
async def test_a_server_without_extensions_still_serves_files(tmp_path: Path) -> None:
    data = os.urandom(300_000)

    with EmbeddedServer(tmp_path / "served", without=EXTENSIONS) as server:
        async with connected(server.options()) as connection:
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


@pytest.mark.asyncio
async def test_names_that_no_listing_may_hold_are_left_out(tmp_path: Path) -> None:
    hostile = [b"../../etc/passwd", b"/etc/passwd", b"a/b", b"nul\0", b"", b".", b".."]
    good = [b"part-0.csv", b"\xff\xfe.csv", b"...", "ü".encode()]

    class Hostile(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for name in [*hostile, *good]:
                yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(size=1))

    async with serving(tmp_path, Hostile) as connection:
        names = [entry.name for entry in await connection.listdir("/")]
        assert names == ["part-0.csv", "\udcff\udcfe.csv", "...", "ü"]
        assert [name.encode("utf-8", "surrogateescape") for name in names] == good


@pytest.mark.asyncio
async def test_what_a_server_leaves_out_of_an_entry_is_taken_as_nothing(tmp_path: Path) -> None:
    class Terse(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            yield asyncssh.SFTPName(b"a", attrs=asyncssh.SFTPAttrs())

    async with serving(tmp_path, Terse) as connection:
        (entry,) = await connection.listdir("/")
        assert (entry.size, entry.is_dir, entry.mtime) == (0, False, 0.0)


@pytest.mark.asyncio
async def test_an_answer_that_makes_no_sense_is_an_error_of_ours(tmp_path: Path) -> None:
    class Confused(FolderServer):
        def statvfs(self, path: bytes) -> Any:
            attrs: Any = asyncssh.SFTPVFSAttrs()
            attrs.encode = lambda version: b"\x00\x00"
            return attrs

    async with serving(tmp_path, Confused) as connection:
        assert await connection.free_bytes("/") is None
