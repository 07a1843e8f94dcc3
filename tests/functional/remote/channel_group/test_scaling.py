"""How many SFTP channels carry one file: as many as asked for, or as auto finds of use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.remote.channel_group import CHANNEL_BYTES, FAR
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.channels import MIB, CountingServer, Upload, carried, digest_of, pool_to, upload
from tests.support.delay import DelayProxy
from tests.support.sshd import SSHD


@pytest.mark.asyncio
async def test_four_channels_are_four_channels_that_carry_one_file(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        one = Upload(pool, "a", 4)
        while carried() < 4:
            await one.feed(1)
        sha256 = await one.end()
        assert sha256 == digest_of(server.root / "a")
        assert pool.get_stats().channels == 4
    assert len(CountingServer.all) == 4
    assert server.logins == 1


@pytest.mark.asyncio
async def test_one_channel_is_one_channel(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        sha256 = await upload(pool, "a", 1, 16)
        assert sha256 == digest_of(server.root / "a")
    assert len(CountingServer.all) == 1


@pytest.mark.asyncio
async def test_a_file_of_one_chunk_asks_for_no_further_channel(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        await upload(pool, "a", 8, 1)
    assert len(CountingServer.all) == 1


@pytest.mark.asyncio
async def test_channels_stay_with_the_connection_and_serve_its_next_file(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        for name in "abc":
            one = Upload(pool, name, 4)
            for line in CountingServer.all:
                line.writes = 0
            while carried() < 4:
                await one.feed(1)
            assert await one.end() == digest_of(server.root / name)
    assert len(CountingServer.all) == 4


@pytest.mark.asyncio
async def test_files_side_by_side_share_the_channels_of_their_connection(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async with pool_to(server.options()) as pool:
        names = [f"file{number}" for number in range(5)]
        found = await asyncio.gather(*(upload(pool, name, 3, 24) for name in names))
        assert found == [digest_of(server.root / name) for name in names]
    assert len(CountingServer.all) == 3


# Auto


@pytest.mark.asyncio
@pytest.mark.usefixtures("as_openssh")
async def test_auto_adds_channels_on_a_high_latency_openssh_server(
    serve: Callable[..., EmbeddedServer], far: Callable[..., DelayProxy]
) -> None:
    server = serve()

    async with pool_to(server.options(), far(server)) as pool:
        one = Upload(pool, "a", None)
        while carried() < 2:
            await one.feed(1)
        assert await one.end() == digest_of(server.root / "a")
        assert pool.get_stats().channels > 1
    assert server.logins == 1


@pytest.mark.asyncio
async def test_auto_adds_channels_before_a_high_latency_sshd(
    sshd: SSHD, remote_dir: Path, far: Callable[..., DelayProxy]
) -> None:
    options = sshd.options()
    del options["known_hosts"]  # it names the port

    pinned = sshd.fingerprints["ed25519"]
    async with pool_to(options, far(sshd), host_key_fingerprint=pinned) as pool:
        one = Upload(pool, str(remote_dir / "a"), None)
        while pool.get_stats().channels < 2:
            await one.feed(1)
        await one.feed(8)
        assert await one.end() == digest_of(remote_dir / "a")


@pytest.mark.asyncio
async def test_auto_stays_at_one_channel_on_a_near_sshd(sshd: SSHD, remote_dir: Path) -> None:
    async with pool_to(sshd.options()) as pool:
        async with pool.lease() as connection:
            while connection.round_trip >= FAR:  # one quick answer shows that it is near
                await connection.stat(str(remote_dir))
        assert await upload(pool, str(remote_dir / "a"), None, 32) == digest_of(remote_dir / "a")
        assert pool.get_stats().channels == 1


@pytest.mark.asyncio
async def test_auto_stays_at_one_channel_where_no_plain_files_are_known_to_be(
    serve: Callable[..., EmbeddedServer], far: Callable[..., DelayProxy]
) -> None:
    server = serve()

    async with pool_to(server.options(), far(server, 0.03)) as pool:
        await upload(pool, "a", None, 3 * CHANNEL_BYTES // MIB)
    assert len(CountingServer.all) == 1
