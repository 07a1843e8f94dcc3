"""One exact file from part files: joined on the server by copy-data, else through this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sftp_async.errors import CommitError, RemoteUnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.transport import Connection, RemoteFile

#: One copy-data request: small enough that its answer comes well within `operation_timeout`.
COPY_RANGE = 64 * 1024 * 1024
#: Blocks read and written back when the server cannot copy, and how many are under way.
BLOCK = 1024 * 1024
BLOCKS_IN_FLIGHT = 8


async def join(connection: Connection, sources: Sequence[tuple[str, int]], target: str) -> int:
    """Concatenate files into `target`, which is created or emptied first.

    Args:
        connection: to the server that has them all.
        sources: path and size in bytes of each file, in order.
        target: path of the joined file.

    Returns:
        Its size in bytes, as the server confirms it.

    Raises:
        CommitError: the joined file has another size than its parts together.

    """
    output = await connection.open_truncated(target)
    offset = 0
    on_server = connection.capabilities.copy_data
    for path, size in sources:
        source = await connection.open_read(path)
        if on_server:
            try:
                await _copy_on_server(connection, source, output, size, offset)
            except RemoteUnsupportedError:
                on_server = False
        if not on_server:
            await _copy_through_here(source, output, size, offset)
        await source.close()
        offset += size
    await output.close()
    found = (await connection.stat(target)).size
    if found != offset:
        raise CommitError(
            f"The joined file has {found:,} bytes, its parts have {offset:,}",
            host=connection.address,
            path=target,
        )
    return offset


async def _copy_on_server(
    connection: Connection, source: RemoteFile, output: RemoteFile, size: int, offset: int
) -> None:
    for start in range(0, size, COPY_RANGE):
        length = min(COPY_RANGE, size - start)
        await connection.copy_data(source, start, length, output, offset + start)


async def _copy_through_here(
    source: RemoteFile, output: RemoteFile, size: int, offset: int
) -> None:
    starts = iter(range(0, size, BLOCK))

    async def carry() -> None:
        for start in starts:
            block = await source.read(min(BLOCK, size - start), start)
            await output.write(block, offset + start)

    async with asyncio.TaskGroup() as group:
        for _ in range(BLOCKS_IN_FLIGHT):
            group.create_task(carry())
