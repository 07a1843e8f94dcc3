"""The pool against a server that refuses connections for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sftp_async import SFTPOptions
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.server_limit import FIRST_PROBE
from sftp_async.remote.ssh import connect
from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import EmbeddedServer


class Busy(EmbeddedServer):
    """Drops a connection before its login while it has as many as it wants."""

    most = 1


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    begin_auth = server_module._Account.begin_auth

    def refuse(self: Any, username: str) -> Any:
        if len(self._server.connections) > self._server.most:
            self._conn.abort()
        return begin_auth(self, username)

    monkeypatch.setattr(server_module._Account, "begin_auth", refuse)
    with Busy(tmp_path / "served") as server:
        yield server


@pytest.mark.asyncio
async def test_a_server_that_refused_connections_for_a_while_gets_them_later(server: Busy) -> None:
    options = SFTPOptions(**server.options())
    now = 0.0
    pool = ConnectionPool(
        lambda: connect(options),
        address=options.address,
        max_size=3,
        max_idle=600,
        timeout=60,
        retry=RetryPolicy(0, 0.0),
        clock=lambda: now,
    )
    async with AsyncExitStack() as leases:

        async def connections_with_one_more_lease() -> int:
            connection = await leases.enter_async_context(pool.lease())
            assert await connection.realpath(".") == "/"
            return pool.get_stats().size

        assert [await connections_with_one_more_lease() for _ in range(3)] == [1, 1, 1]
        assert pool.get_stats().connect_errors_total == 1
        server.most = 3
        assert await connections_with_one_more_lease() == 1
        now += FIRST_PROBE
        assert [await connections_with_one_more_lease() for _ in range(3)] == [2, 3, 3]
        assert pool.get_stats().limit == 3
    await pool.close()
    assert server.logins == 3
