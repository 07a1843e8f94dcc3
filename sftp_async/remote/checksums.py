"""Whether the server holds the bytes that were sent: read back, or summed up by the server."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from sftp_async.errors import (
    TransferError,
    VerificationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from sftp_async.remote.filesystem import RemoteFileSystem

How = Literal["size", "readback", "server"]

#: Bytes read at a time, one request each on OpenSSH, and how many are under way: their product is
#: what reading back takes of memory.
BLOCK = 255 * 1024
BLOCKS_IN_FLIGHT = 16


async def verify(
    connection: RemoteFileSystem, path: str, start: int, size: int, digest: str, how: How
) -> None:
    """Compare a range of a closed remote file with what was sent.

    Args:
        connection: to the server.
        path: the file.
        start: first byte of the range.
        size: bytes in it.
        digest: SHA-256 of what was sent, in hex.
        how: `readback` reads the bytes, `server` asks for the file's sum (check-file); with `size`
            there is nothing to do: sizes are always compared.

    Raises:
        VerificationError: it holds something else.
        RemoteUnsupportedError: the server computes no sums.

    """
    if how == "size" or not size:
        return
    if how == "server":
        found = await connection.sha256_on_server(path)
    else:
        found = (await digests_of(connection, [(path, start, size)], ["sha256"]))["sha256"]
    if found != digest:
        raise VerificationError(
            f"The file does not hold what was sent: its SHA-256 is {found}, not {digest}",
            host=connection.address,
            path=path,
            hint="Spark runs the task anew where task retries are on (not in local mode); if it "
            "comes back, look at the server's disk",
        )


async def digests_of(
    connection: RemoteFileSystem, ranges: Iterable[tuple[str, int, int]], algorithms: Iterable[str]
) -> dict[str, str]:
    """Read ranges of remote files, once, as if they were one file.

    Args:
        connection: to the server.
        ranges: path, first byte and size of each.
        algorithms: names that `hashlib` knows.

    Returns:
        The digests by algorithm, in hex.

    """
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    for path, start, size in ranges:
        async for block in _blocks(connection, path, start, size):
            for digest in digests.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in digests.items()}


async def _blocks(
    connection: RemoteFileSystem, path: str, start: int, size: int
) -> AsyncIterator[bytes]:
    file = await connection.open_read(path)
    coming: deque[asyncio.Task[bytes]] = deque()
    try:
        for offset in range(start, start + size, BLOCK):
            wanted = min(BLOCK, start + size - offset)
            coming.append(asyncio.create_task(file.read(wanted, offset)))
            if len(coming) == BLOCKS_IN_FLIGHT:
                yield await coming.popleft()
        while coming:
            yield await coming.popleft()
    finally:
        # A request that is cancelled would cost the connection.
        await asyncio.gather(*coming, return_exceptions=True)
        with suppress(TransferError):
            await file.close()
