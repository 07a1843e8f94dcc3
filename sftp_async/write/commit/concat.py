"""Joins part files into one exact file: on the server by copy-data, else through this process."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing, suppress
from itertools import accumulate
from typing import TYPE_CHECKING

from sftp_async.errors import CommitError, RemoteUnsupportedError, ShortReadError, TransferError
from sftp_async.remote.concurrency import each
from sftp_async.remote.download import IN_FLIGHT_BYTES, read_range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sftp_async.remote.filesystem import RemoteFile, RemoteFileSystem

#: One copy-data request: small enough that its answer comes well within `operation_timeout`.
COPY_RANGE = 64 * 1024 * 1024
#: Part files that the server is asked to copy at once; hides the round trips of small ones.
COPIES_AT_ONCE = 8


async def join(
    connection: RemoteFileSystem,
    sources: Sequence[tuple[str, int]],
    target: str,
    *,
    check_size: bool = True,
) -> int:
    """Concatenate files into `target`, which is created or emptied first.

    Args:
        connection: to the server that has them all.
        sources: path and size in bytes of each file, in order.
        target: path of the joined file.
        check_size: compare its size once it is closed; else it may be gone by then.

    Returns:
        Its size in bytes.

    Raises:
        CommitError: a part, or the joined file, has another size than it should.
        RemoteNotFoundError: a part is not there.

    """
    # First: a part that is too short would leave a hole, and the total would still be right.
    await each(sources, lambda source: expect_size(connection, *source))
    output = await connection.open_truncated(target)
    try:
        await _copy(connection, sources, output)
    except BaseException:
        with suppress(TransferError):
            await output.close()
        raise
    await output.close()
    total = sum(size for _, size in sources)
    if check_size:
        await expect_size(connection, target, total)
    return total


async def _copy(
    connection: RemoteFileSystem, sources: Sequence[tuple[str, int]], output: RemoteFile
) -> None:
    if connection.capabilities.copy_data:
        starts = accumulate((size for _, size in sources), initial=0)
        pieces = [(path, size, start) for (path, size), start in zip(sources, starts, strict=False)]
        # Where plain files are not known to be underneath, the next byte may be all it takes.
        at_once = COPIES_AT_ONCE if connection.capabilities.plain_files else 1
        with suppress(RemoteUnsupportedError):  # advertised, yet refused
            await each(
                pieces,
                lambda piece: _copy_on_server(connection, output, *piece),
                at_once=at_once,
            )
            return
    await _copy_through_here(connection, sources, output)


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
    connection: RemoteFileSystem, sources: Sequence[tuple[str, int]], output: RemoteFile
) -> None:
    """Read the files and write them back, in order and without gaps.

    As many bytes are being written as are read ahead, so that memory is bounded by twice
    `IN_FLIGHT_BYTES`.
    """

    async def blocks() -> AsyncGenerator[bytes]:
        for path, size in sources:
            async with aclosing(read_file(connection, path, size)) as some:
                async for block in some:
                    yield block

    at_once = max(1, IN_FLIGHT_BYTES // connection.capabilities.max_read)
    await write_in_order(output, blocks(), at_once)


async def read_file(connection: RemoteFileSystem, path: str, size: int) -> AsyncGenerator[bytes]:
    """Yield a file that is joined into one, in blocks.

    Raises:
        CommitError: it is shorter.

    """
    try:
        async with aclosing(read_range(connection, path, 0, size)) as blocks:
            async for block in blocks:
                yield block
    except ShortReadError as error:
        raise _wrong_size(connection, path, error.end, size) from error


async def write_in_order(output: RemoteFile, blocks: AsyncGenerator[bytes], at_once: int) -> None:
    """Write blocks one behind the other.

    Args:
        output: an empty file.
        blocks: closed at the end.
        at_once: blocks that the server has not acknowledged, at most.

    """
    writes: deque[asyncio.Task[None]] = deque()
    offset = 0
    try:
        async with aclosing(blocks):
            async for block in blocks:
                # Their requests are sent in the order in which the tasks are made.
                writes.append(asyncio.create_task(output.write(block, offset)))
                offset += len(block)
                if len(writes) == at_once:
                    await writes.popleft()
        while writes:
            await writes.popleft()
    finally:
        await asyncio.gather(*writes, return_exceptions=True)


async def expect_size(connection: RemoteFileSystem, path: str, size: int) -> None:
    """Ensure that a file has a size.

    Raises:
        CommitError: it has another one.

    """
    found = (await connection.stat(path)).size
    if found != size:
        raise _wrong_size(connection, path, found, size)


def _wrong_size(connection: RemoteFileSystem, path: str, found: int, size: int) -> CommitError:
    return CommitError(
        f"A file that is joined into one has {found:,} bytes instead of {size:,}",
        host=connection.address,
        path=path,
    )
