"""Connections that end under requests: dropped, closed, cancelled, aborted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import ConnectionLostError
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connections import connected, serving


class Dying(FolderServer):
    """Drops the connection in the middle of a request."""

    def stat(self, path: bytes) -> Any:
        self.connection.abort()
        return super().stat(path)


@pytest.mark.asyncio
async def test_a_connection_that_drops_makes_every_pending_request_fail(tmp_path: Path) -> None:
    requests = 20

    class Drops(FolderServer):
        def lstat(self, path: bytes) -> Any:
            self.connection.abort()
            return super().lstat(path)

    async with serving(tmp_path, Drops) as connection:
        outcomes = await asyncio.gather(
            *(connection.exists(f"/{number}") for number in range(requests)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {ConnectionLostError}
        assert all(outcome.retryable for outcome in outcomes)  # type: ignore[union-attr]
        assert not connection.usable


@pytest.mark.asyncio
async def test_a_lost_connection_is_never_used_again(tmp_path: Path) -> None:
    async with serving(tmp_path, Dying) as connection:
        assert "usable" in repr(connection)
        with pytest.raises(ConnectionLostError, match="The connection was lost"):
            await connection.stat("/")
        assert not connection.usable
        assert "closed" in repr(connection)
        with pytest.raises(ConnectionLostError, match="the connection is closed"):
            await connection.exists("/")


@pytest.mark.asyncio
async def test_closing_after_the_connection_was_lost_returns(tmp_path: Path) -> None:
    async with serving(tmp_path, Dying) as connection:
        with pytest.raises(ConnectionLostError):
            await connection.stat("/")
        await connection.close()
        connection.abort()
        await connection.close()


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


@pytest.mark.asyncio
async def test_closing_while_requests_are_in_flight_fails_them(tmp_path: Path) -> None:
    arrival = Arrival()

    async with serving(tmp_path, arrival.server()) as connection:
        pending = asyncio.ensure_future(connection.stat("/"))
        await arrival.wait()
        await connection.close()
        with pytest.raises(ConnectionLostError):
            await pending


@pytest.mark.asyncio
async def test_a_cancelled_request_ends_the_connection_for_good(tmp_path: Path) -> None:
    arrival = Arrival()

    async with serving(tmp_path, arrival.server()) as connection:
        pending = asyncio.ensure_future(connection.stat("/"))
        await arrival.wait()
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        assert not connection.usable
        with pytest.raises(ConnectionLostError):
            await connection.exists("/")


@pytest.mark.asyncio
async def test_an_aborted_connection_leaves_the_server(embedded_server: EmbeddedServer) -> None:
    async with connected(embedded_server.options()) as connection:
        connection.abort()
        assert not connection.usable
        with pytest.raises(ConnectionLostError):
            await connection.stat("/")
    embedded_server.stop()
    assert embedded_server.connections == set()
