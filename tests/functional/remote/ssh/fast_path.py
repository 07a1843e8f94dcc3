"""What tests of the fast path share: its ciphers, both event loops, and files of any size."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from sftp_async.remote.ssh import Connection

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
)
#: On both kinds of event loop: their transports differ in what they do with a buffer.
on_both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
RANDOM = random.Random(10)


def inside(connection: Connection) -> Any:
    """asyncssh's connection in one of ours."""
    return connection._guard._ssh


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def write_all(connection: Connection, sizes: tuple[int, ...]) -> dict[str, str]:
    """Write a file of each size, all at once, in pieces that are in flight together."""
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
