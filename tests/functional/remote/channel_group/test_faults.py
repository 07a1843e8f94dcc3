"""What may go wrong on the channels of one file: refusals, cut connections, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from sftp_async.errors import TransferError
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.channels import MIB, CountingServer, Upload, carried, digest_of, pool_to, upload
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD


@pytest.mark.asyncio
async def test_a_server_of_one_session_is_written_to_over_one_channel_and_asked_once(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    server = start_sshd(MaxSessions=1)

    async with pool_to(server.options()) as pool:
        refused = "no more sessions"
        one = Upload(pool, str(remote_dir / "a"), 2)
        while server.log_text().count(refused) < 1:
            await one.feed(1)
        assert await one.end() == digest_of(remote_dir / "a")
        for name in "bc":
            path = remote_dir / name
            assert await upload(pool, str(path), 2, 16) == digest_of(path)
        assert pool.get_stats().channels == 1
        assert server.log_text().count(refused) == 1
    assert server.logins() == 1


class OneHandle(CountingServer):
    """Opens files on the first channel only."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self.number:
            raise asyncssh.SFTPPermissionDenied("The file is in use")
        return super().open(path, pflags, attrs)


@pytest.mark.asyncio
async def test_a_server_that_opens_a_file_only_once_is_written_to_over_one_channel(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve(OneHandle)

    async with pool_to(server.options()) as pool:
        one = Upload(pool, "a", 4)
        while len(CountingServer.all) < 4:
            await one.feed(1)
        await one.feed(8)
        assert await one.end() == digest_of(server.root / "a")
    assert carried() == 1
    assert server.logins == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("after", [3 * MIB, 9 * MIB])
async def test_channels_cut_in_the_middle_resume_over_a_new_connection(
    serve: Callable[..., EmbeddedServer], proxy: Callable[..., FaultProxy], after: int
) -> None:
    server = serve()
    line = proxy(server)
    line.cut_after(after)

    async with pool_to(server.options(), line) as pool:
        assert await upload(pool, "a", 4, 24) == digest_of(server.root / "a")
    assert line.cuts == 1
    assert server.logins == 2


class DyingChannel(CountingServer):
    """The second channel of the first connection ends in the middle of a write."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.number == 1:
            self.channel.close()
        return super().write(file_obj, offset, data)


@pytest.mark.asyncio
async def test_a_channel_that_dies_alone_is_noticed_and_the_file_resumed(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve(DyingChannel)

    async with pool_to(server.options()) as pool:
        one = Upload(pool, "a", 2)
        while len(CountingServer.all) < 2 or not CountingServer.all[1].writes:
            await one.feed(1)
        assert await one.end() == digest_of(server.root / "a")
    assert server.logins == 2


class Strict(CountingServer):
    """Refuses what other channels carry."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.number:
            raise asyncssh.SFTPFailure("the quota is used up")
        return super().write(file_obj, offset, data)


@pytest.mark.asyncio
async def test_an_error_on_any_channel_is_raised_as_itself(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve(Strict)

    async with pool_to(server.options()) as pool:
        one = Upload(pool, "a", 3)
        while not one.done.done():
            await one.feed(1)
        with pytest.raises(TransferError, match="The server answered: the quota is used up"):
            await one.end()


@pytest.mark.asyncio
async def test_a_cancelled_upload_ends_all_its_channels(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        one = Upload(pool, "a", 4)
        while carried() < 4:
            await one.feed(1)
        await one.feed(4)
        one.done.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.done
        assert await upload(pool, "b", 4, 8) == digest_of(server.root / "b")
