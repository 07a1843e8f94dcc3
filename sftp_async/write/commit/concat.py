"""Joins part files into one exact file: on the server by copy-data, else through this process."""

from __future__ import annotations

from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING

from sftp_async.errors import CommitError, RemoteUnsupportedError, TransferError
from sftp_async.remote.concurrency import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.remote.filesystem import RemoteFile, RemoteFileSystem

#: One copy-data request: small enough that its answer comes well within `operation_timeout`.
COPY_RANGE = 64 * 1024 * 1024
#: Part files that the server is asked to copy at once; hides the round trips of small ones.
COPIES_AT_ONCE = 8
#: Blocks read and written back when the server cannot copy, and how many are in flight: the most
#: memory that joining takes is their product.
BLOCK = 1024 * 1024
BLOCKS_IN_FLIGHT = 8


async def join(
    connection: RemoteFileSystem, sources: Sequence[tuple[str, int]], target: str
) -> int:
    """Concatenate files into `target`, which is created or emptied first.

    Args:
        connection: to the server that has them all.
        sources: path and size in bytes of each file, in order.
        target: path of the joined file.

    Returns:
        Its size in bytes, as the server confirms it.

    Raises:
        CommitError: a part, or the joined file, has another size than it should.
        RemoteNotFoundError: a part is not there.

    """
    # First: a part that is too short would leave a hole, and the total would still be right.
    await each(sources, lambda source: _expect(connection, *source))
    output = await connection.open_truncated(target)
    try:
        await _copy(connection, sources, output)
    except BaseException:
        with suppress(TransferError):
            await output.close()
        raise
    await output.close()
    total = sum(size for _, size in sources)
    await _expect(connection, target, total)
    return total


async def _copy(
    connection: RemoteFileSystem, sources: Sequence[tuple[str, int]], output: RemoteFile
) -> None:
    starts = accumulate((size for _, size in sources), initial=0)
    pieces = [(path, size, start) for (path, size), start in zip(sources, starts, strict=False)]
    if connection.capabilities.copy_data:
        with suppress(RemoteUnsupportedError):  # advertised, yet refused
            await each(
                pieces,
                lambda piece: _copy_on_server(connection, output, *piece),
                at_once=COPIES_AT_ONCE,
            )
            return
    for piece in pieces:
        await _copy_through_here(connection, output, *piece)


async def _copy_on_server(
    connection: RemoteFileSystem, output: RemoteFile, path: str, size: int, offset: int
) -> None:
    source = await connection.open_read(path)
    try:
        for start in range(0, size, COPY_RANGE):
            length = min(COPY_RANGE, size - start)
            await connection.copy_data(source, start, length, output, offset + start)
    finally:
        with suppress(TransferError):
            await source.close()


async def _copy_through_here(
    connection: RemoteFileSystem, output: RemoteFile, path: str, size: int, offset: int
) -> None:
    source = await connection.open_read(path)

    async def carry(start: int) -> None:
        wanted = min(BLOCK, size - start)
        block = await source.read(wanted, start)
        if len(block) != wanted:
            raise _wrong_size(connection, path, start + len(block), size)
        await output.write(block, offset + start)

    try:
        await each(range(0, size, BLOCK), carry, at_once=BLOCKS_IN_FLIGHT)
    finally:
        with suppress(TransferError):
            await source.close()


async def _expect(connection: RemoteFileSystem, path: str, size: int) -> None:
    found = (await connection.stat(path)).size
    if found != size:
        raise _wrong_size(connection, path, found, size)


def _wrong_size(connection: RemoteFileSystem, path: str, found: int, size: int) -> CommitError:
    return CommitError(
        f"A file that is joined into one has {found:,} bytes instead of {size:,}",
        host=connection.address,
        path=path,
    )
