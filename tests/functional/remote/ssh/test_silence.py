"""A line that falls silent, is slow, or is cut."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import (
    ConnectError,
    ConnectionLostError,
    StalledError,
)
from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import connect
from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import connected, login


@pytest.mark.asyncio
async def test_a_frozen_request_is_given_up_after_operation_timeout(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async with connected(
        {**embedded_server.options(), "port": link.port, "operation_timeout": "0.5"}
    ) as connection:
        link.freeze()
        outcomes = await asyncio.gather(
            connection.stat("/"), connection.listdir("/"), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [StalledError, StalledError]
        assert "no answer from the server for 0.5" in str(outcomes[0])
        assert not connection.usable


@pytest.mark.asyncio
async def test_a_frozen_upload_is_given_up_after_stall_timeout(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async with connected(
        {**embedded_server.options(), "port": link.port, "stall_timeout": "0.5"}
    ) as connection:
        file = await connection.open_new("/a")
        link.freeze_after(1_000_000)
        with pytest.raises(StalledError, match="Cannot write: no answer from the server"):
            await file.write(bytes(8_000_000), 0)
        assert not connection.usable


@pytest.mark.asyncio
async def test_a_slow_connection_that_moves_is_not_taken_for_a_frozen_one(tmp_path: Path) -> None:
    class Slow(server_module.FolderServer):
        async def write(self, file_obj: object, offset: int, data: bytes) -> int:  # type: ignore[override]
            await asyncio.sleep(0.3)
            return super().write(file_obj, offset, data)

    with EmbeddedServer(tmp_path / "slow", sftp_factory=Slow) as server:
        async with connected({**server.options(), "stall_timeout": "2"}) as connection:
            file = await connection.open_new("/a")
            # Eight answers, one every 0.3 s: the last comes after more than stall_timeout.
            size = connection.capabilities.max_write * 8
            await file.write(bytes(size), 0)
            await file.close()
            assert (await connection.stat("/a")).size == size


@pytest.mark.asyncio
async def test_a_connection_cut_in_the_middle_of_an_upload_is_a_lost_connection(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async with connected({**embedded_server.options(), "port": link.port}) as connection:
        file = await connection.open_new("/a")
        link.cut_after(1_000_000)
        with pytest.raises(ConnectionLostError, match="connection was lost"):
            await file.write(bytes(8_000_000), 0)
        assert not connection.usable


@pytest.mark.asyncio
async def test_a_connection_cut_during_the_login_may_be_tried_again(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)
    options = {**embedded_server.options(), "port": link.port}
    errors = []
    # Wherever in the login it is cut: greeting, key exchange, authentication, start of SFTP.
    for count in (1, 30, 1000, 1300, 1600, 1900):
        link.cut_after(count)
        try:
            await login(options)
        except ConnectError as error:
            errors.append(error)
        link.restore()
    assert len(errors) >= 4
    assert [error for error in errors if not error.retryable] == []


@pytest.mark.asyncio
async def test_a_cancelled_connect_leaves_no_connection_behind(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)
    link.freeze()

    options = SFTPOptions(**{**embedded_server.options(), "port": link.port})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await connect(options)
    assert asyncio.all_tasks() == {asyncio.current_task()}
