"""Reads ranges of remote files in order, with several requests in flight."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from sftp_async.errors import ShortReadError, TransferError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

    from sftp_async.remote.filesystem import RemoteFile, RemoteFileSystem

#: Bytes of a file that `read_range` has in flight or holds for its consumer: the most memory that
#: one takes. Sixteen of the largest requests that OpenSSH serves.
IN_FLIGHT_BYTES = 4 * 1024 * 1024


async def read_ahead(
    file: RemoteFile,
    start: int,
    stop: int,
    *,
    block: int,
    in_flight: int,
    behind: Callable[[], object] | None = None,
) -> AsyncGenerator[bytes]:
    """Yield a range of an open file in order, with several requests in flight.

    Consume it within `contextlib.aclosing`: closing it waits for the requests that are in flight,
    because a request that is cancelled costs the connection. A cancelled consumer waits, too.

    Args:
        file: the file; it stays open.
        start: first byte of the range.
        stop: the byte behind its last one.
        block: bytes of each piece that is yielded; the last one may be shorter.
        in_flight: pieces that are asked for, or held, ahead of the consumer.
        behind: called when the last piece has been asked for; what it sends comes behind that.

    Raises:
        ShortReadError: the file ended before `stop`.
        TransferError: a request failed.

    """
    pieces = ((offset, min(block, stop - offset)) for offset in range(start, stop, block))
    async with aclosing(read_pieces(file, pieces, in_flight, behind)) as read:
        async for data in read:
            yield data


async def read_range(
    filesystem: RemoteFileSystem, path: str, start: int, stop: int
) -> AsyncGenerator[bytes]:
    """Open a file, yield a range of it as `read_ahead` does, and close it.

    Each piece is one request, as large as the server serves; `IN_FLIGHT_BYTES` bounds the memory.
    """
    block = filesystem.capabilities.max_read
    in_flight = max(1, IN_FLIGHT_BYTES // block)
    file = await filesystem.open_read(path)
    try:
        async with aclosing(
            read_ahead(file, start, stop, block=block, in_flight=in_flight)
        ) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        with suppress(TransferError):
            await file.close()


async def read_pieces(
    file: RemoteFile,
    pieces: Iterable[tuple[int, int]],
    in_flight: int,
    behind: Callable[[], object] | None = None,
) -> AsyncGenerator[bytes]:
    """Yield pieces `(offset, size)` of an open file in their order; see `read_ahead`."""
    coming: deque[asyncio.Task[bytes]] = deque()
    pace = file.pace
    to_ask = _and_then(pieces, behind)
    following = next(to_ask, None)
    try:
        while True:
            # A task for each piece: workers that take one offset after the other measure no faster.
            while len(coming) < in_flight and following is not None:
                if pace is not None:
                    if coming and coming[0].done():
                        break  # what has come waits for no pace
                    await pace.take(following[1])
                coming.append(asyncio.create_task(_read(file, *following)))
                following = next(to_ask, None)
            if not coming:
                return
            data = await asyncio.shield(coming[0])
            coming.popleft()
            yield data
    finally:
        await asyncio.gather(*coming, return_exceptions=True)


def _and_then(
    pieces: Iterable[tuple[int, int]], behind: Callable[[], object] | None
) -> Iterator[tuple[int, int]]:
    yield from pieces
    if behind is not None:
        behind()


async def _read(file: RemoteFile, offset: int, size: int) -> bytes:
    data = await file.read(size, offset)
    if len(data) != size:
        error = ShortReadError(
            f"The file ended after {offset + len(data):,} bytes, {offset + size:,} or more were "
            "expected",
            host=file.address,
            path=file.path,
            hint="Another program may have changed it meanwhile: try again when it is complete",
        )
        error.end = offset + len(data)
        raise error
    return data
