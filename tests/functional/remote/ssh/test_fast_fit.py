"""The fast path: not used where asyncssh is not the one it was made for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import asyncssh
import pytest

from sftp_async.remote.ssh.fast import STOCK_VARIABLE, compatibility
from sftp_async.remote.ssh.fast.channel import FastChannel
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import connected
from tests.functional.remote.ssh.fast_path import (
    digests_in,
    inside,
    write_all,
)


@pytest.fixture
def fresh_log() -> Iterator[None]:
    """What is logged once per process is logged once per test."""
    compatibility._warn_once.cache_clear()
    yield
    compatibility._warn_once.cache_clear()


@pytest.mark.asyncio
async def test_the_environment_can_turn_it_off(
    embedded_server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(STOCK_VARIABLE, "1")

    async with connected(embedded_server.options()) as connection:
        assert type(inside(connection)) is asyncssh.SSHClientConnection
        await write_all(connection, (1000,))
    assert not [record for record in caplog.records if record.name == "sftp_async.remote.ssh"]


@pytest.mark.asyncio
@pytest.mark.usefixtures("fresh_log")
async def test_an_unknown_asyncssh_is_left_as_it_is_and_the_log_says_so_once(
    embedded_server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(asyncssh, "__version__", "2.99.0")

    with caplog.at_level(logging.WARNING, "sftp_async.remote.ssh"):
        for _ in range(2):
            async with connected(embedded_server.options()) as connection:
                assert type(inside(connection)) is asyncssh.SSHClientConnection
                await write_all(connection, (1000,))
                (embedded_server.root / "0.bin").unlink()
    (line,) = [entry for entry in caplog.records if entry.name == "sftp_async.remote.ssh"]
    assert "asyncssh 2.99.0 is not a version known to sftp_async" in line.getMessage()


@pytest.mark.asyncio
@pytest.mark.usefixtures("fresh_log")
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("_CONNECTION", "SSHClientConnection has no _gone"),
        ("_GCM", "GCMCipher has no _gone"),
        ("_CHANNEL", "SSHClientChannel has no _gone"),
        ("_HANDLER", "SFTPClientHandler has no _gone"),
        ("_SESSION", "SSHClientStreamSession has no _gone"),
    ],
)
async def test_an_asyncssh_that_lacks_what_is_needed_is_left_as_it_is(
    embedded_server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    names: str,
    reason: str,
) -> None:
    monkeypatch.setattr(compatibility, names, "_gone")

    async with connected(embedded_server.options()) as connection:
        (channel,) = inside(connection)._channels.values()
        assert not isinstance(channel, FastChannel)
        written = await write_all(connection, (1_000_000,))
        assert digests_in(embedded_server.root) == written
    (line,) = [entry for entry in caplog.records if entry.name == "sftp_async.remote.ssh"]
    assert reason in line.getMessage()
