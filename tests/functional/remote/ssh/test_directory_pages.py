"""Directories are listed in full, with few round trips where a server serves in order."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import RemoteFailureError
from sftp_async.remote.ssh import directory_pages
from sftp_async.remote.ssh.directory_pages import FIRST, MOST, name_pages
from sftp_async.tools.testing.embedded_server import FolderServer
from tests.functional.remote.ssh.connections import connected, serving
from tests.support.round_trips import RoundTrips
from tests.support.sshd import SSHD

PAGE = 100


class Handler:
    """asyncssh's handler, of a server that serves `names` in pages, one request after the other."""

    def __init__(self, names: int, trips: RoundTrips) -> None:
        self.pages = -(-names // PAGE)
        self.asked = 0
        self.closed = False
        self._names = iter(range(names))
        self._trips = trips

    async def opendir(self, path: bytes) -> bytes:
        await self._trips.turn()
        return b"handle"

    async def readdir(self, handle: bytes) -> tuple[list[asyncssh.SFTPName], bool]:
        self.asked += 1
        assert not self.closed
        await self._trips.turn()
        page = [
            asyncssh.SFTPName(b"%d" % number)
            for _, number in zip(range(PAGE), self._names, strict=False)
        ]
        if not page:
            raise asyncssh.SFTPEOFError
        return page, False

    async def close(self, handle: bytes) -> None:
        self.closed = True
        await self._trips.turn()


class Client:
    """As much of an SFTP client as a listing needs."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def compose_path(self, path: str) -> bytes:
        return path.encode()


async def listed(handler: Handler, *, ahead: bool) -> list[str]:
    client: Any = Client(handler)
    async with aclosing(name_pages(client, "/in", ahead=ahead)) as pages:
        return [name.filename.decode() async for page in pages for name in page]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("names", "in_order", "one_at_a_time"),
    [(0, 3, 3), (100, 3, 4), (200, 3, 5), (1_000, 5, 13), (100_000, 40, 1003)],
)
async def test_the_round_trips_of_a_listing(names: int, in_order: int, one_at_a_time: int) -> None:
    for ahead, expected in ((True, in_order), (False, one_at_a_time)):
        trips = RoundTrips()
        handler = Handler(names, trips)
        assert await listed(handler, ahead=ahead) == [str(number) for number in range(names)]
        assert handler.closed
        # Open, pages, close.
        assert trips.count <= expected
        # What is asked for in vain is bounded by what has come.
        assert handler.asked <= (2 * handler.pages + FIRST if ahead else handler.pages + 1)
        assert trips.most <= (MOST if ahead else 1)


@pytest.fixture(params=["handler", "scandir"])
def _both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists with asyncssh's handler, and as with a version of asyncssh that is not known."""
    if request.param == "scandir":
        monkeypatch.setattr(directory_pages, "KNOWN_VERSIONS", ("0.1.",))


@pytest.mark.asyncio
@pytest.mark.usefixtures("_both", "implementation")
async def test_openssh_lists_large_directories_in_full(sshd: SSHD, remote_dir: Path) -> None:
    names = {f"{number:05}" for number in range(2_345)}
    for name in names:
        (remote_dir / name).touch()
    async with connected(sshd.options()) as connection:
        assert connection.capabilities.in_order
        found = [entry.name for entry in await connection.listdir(str(remote_dir))]
        assert len(found) == len(names)
        assert set(found) == names
        # No handle stays open, and the connection serves on.
        assert len(await connection.listdir(str(remote_dir))) == len(names)


@pytest.mark.asyncio
@pytest.mark.usefixtures("_both")
async def test_a_server_that_is_not_known_is_asked_for_one_page_at_a_time(tmp_path: Path) -> None:
    asked = 0

    class Counts(FolderServer):
        async def scandir(self, path: bytes) -> Any:
            nonlocal asked
            for number in range(350):
                asked += 1
                yield asyncssh.SFTPName(b"%d" % number, attrs=asyncssh.SFTPAttrs(size=1))

    async with serving(tmp_path, Counts) as connection:
        assert not connection.capabilities.in_order
        assert len(await connection.listdir("/")) == 350
    assert asked == 350


@pytest.mark.asyncio
@pytest.mark.usefixtures("_both")
async def test_an_error_in_the_middle_of_a_listing_is_no_end_of_it(tmp_path: Path) -> None:
    class Fails(FolderServer):
        async def scandir(self, path: bytes) -> Any:
            for number in range(150):
                yield asyncssh.SFTPName(b"%d" % number, attrs=asyncssh.SFTPAttrs(size=1))
            raise asyncssh.SFTPFailure("disk error")

    async with serving(tmp_path, Fails) as connection:
        with pytest.raises(RemoteFailureError, match="disk error"):
            await connection.listdir("/")
        assert connection.usable
