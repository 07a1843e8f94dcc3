"""Short words for tests of the transport: connect, run a scene, hang up; or be refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sftp_async.errors import ConnectError
from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import Connection, connect
from sftp_async.tools.testing.embedded_server import EmbeddedServer

T = TypeVar("T")

NOBODY = {
    "username": "me",
    "password": "hunter2-secret",
    "host_key_fingerprint": "SHA256:" + "A" * 43,
}


def using(options: Mapping[str, Any], scene: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `scene` on a fresh connection."""

    async def main() -> T:
        connection = await connect(SFTPOptions(**options))
        try:
            return await scene(connection)
        finally:
            await connection.close()

    return asyncio.run(main())


def serving(tmp_path: Path, factory: Any, scene: Callable[[Connection], Any], **more: Any) -> None:
    """Run `scene` on a connection to an embedded server made of `factory`."""
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory, **more) as server:
        using(server.options(), scene)


def login(options: Mapping[str, Any]) -> str | None:
    """Connect and hang up; return the verified host key's known_hosts line."""

    async def scene(connection: Connection) -> str | None:
        await connection.realpath(".")
        return connection.host_key_line

    return using(options, scene)


def refused(options: dict[str, Any], kind: type[ConnectError], words: str) -> ConnectError:
    """Fail to connect, with an error of this kind that says so and shows no secret."""
    with pytest.raises(ConnectError, match=words) as caught:
        login(options)
    assert type(caught.value) is kind
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.host == SFTPOptions(**options).address
    assert caught.value.hint
    return caught.value
