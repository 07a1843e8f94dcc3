"""Connections for tests of `remote.ssh`: one that is closed in the end, a login, a refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import ConnectError
from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import Connection, connect
from sftp_async.tools.testing.embedded_server import EmbeddedServer

CREDENTIALS = {
    "username": "me",
    "password": "hunter2-secret",
    "host_key_fingerprint": "SHA256:" + "A" * 43,
}


@asynccontextmanager
async def connected(options: Mapping[str, Any]) -> AsyncIterator[Connection]:
    """A fresh connection, closed in the end."""
    connection = await connect(SFTPOptions(**options))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def serving(tmp_path: Path, factory: Any, **more: Any) -> AsyncIterator[Connection]:
    """A connection to an embedded server made of `factory`."""
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory, **more) as server:
        async with connected(server.options()) as connection:
            yield connection


async def login(options: Mapping[str, Any]) -> str | None:
    """Connect and disconnect; return the verified host key's known_hosts line."""
    async with connected(options) as connection:
        await connection.realpath(".")
        return connection.host_key_line


async def refused(options: dict[str, Any], kind: type[ConnectError], words: str) -> ConnectError:
    """Fail to connect, with an error of this kind that says so and shows no secret."""
    with pytest.raises(ConnectError, match=words) as caught:
        await login(options)
    assert type(caught.value) is kind
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.host == SFTPOptions(**options).address
    assert caught.value.hint
    return caught.value
