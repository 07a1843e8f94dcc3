"""Words for tests of the cheaper way to the wire: a loop of either kind, and files of any size."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import Connection, connect

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
)
#: Both kinds of event loop: their transports differ in what they do with a buffer.
LOOPS = ("asyncio", "uvloop")
RANDOM = random.Random(10)


def using(
    options: Mapping[str, Any],
    scene: Callable[[Connection], Awaitable[None]],
    loop: str = "asyncio",
) -> None:
    """Run `scene` on a fresh connection, on a loop of this kind."""

    async def main() -> None:
        connection = await connect(SFTPOptions(**options))
        try:
            await scene(connection)
        finally:
            await connection.close()

    kind = asyncio if loop == "asyncio" else pytest.importorskip(loop, reason=loop)
    with asyncio.Runner(loop_factory=kind.new_event_loop) as runner:
        runner.run(main())


def inside(connection: Connection) -> Any:
    """asyncssh's connection in one of ours."""
    return connection._guard._ssh


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def write_all(connection: Connection, sizes: tuple[int, ...]) -> dict[str, str]:
    """Write a file of each size, all at once, in pieces that are under way together."""
    digests = {}

    async def write(number: int, size: int) -> None:
        data, name = RANDOM.randbytes(size), f"{number}.bin"
        digests[name] = digest(data)
        file = await connection.open_new(f"/{name}")
        cuts = sorted({0, size, *(RANDOM.randrange(size) for _ in range(3))})
        await asyncio.gather(
            *(
                file.write(memoryview(data)[start:end], start)
                for start, end in itertools.pairwise(cuts)
            )
        )
        await file.close()

    await asyncio.gather(*(write(number, size) for number, size in enumerate(sizes)))
    return digests


def digests_in(folder: Path) -> dict[str, str]:
    return {file.name: digest(file.read_bytes()) for file in folder.iterdir()}
