"""Short words for tests of the transport: connect, run a scene, hang up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from sftp_async.options import SFTPOptions
from sftp_async.transport import Connection, connect

T = TypeVar("T")


def using(options: Mapping[str, Any], scene: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `scene` on a fresh connection."""

    async def main() -> T:
        connection = await connect(SFTPOptions(**options))
        try:
            return await scene(connection)
        finally:
            await connection.close()

    return asyncio.run(main())


def login(options: Mapping[str, Any]) -> str | None:
    """Connect and hang up; return the verified host key's known_hosts line."""

    async def scene(connection: Connection) -> str | None:
        await connection.realpath(".")
        return connection.host_key_line

    return using(options, scene)
