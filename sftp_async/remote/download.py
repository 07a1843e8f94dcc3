"""Reads ranges of remote files, with several requests in flight: `read_range`, and `Download`.

`Download` reads one version of a file over the connections of a pool, and resumes after a lost one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sftp_async.errors import (
    NO_CONNECTION,
    UNKNOWN_OUTCOME,
    RemoteChangedError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    ShortReadError,
    TransferError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from sftp_async.remote.filesystem import RemoteEntry, RemoteFile, RemoteFileSystem
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import Attempts, RetryPolicy

log = logging.getLogger("sftp_async.remote.download")

#: Bytes of a file that `read_range` has in flight or holds for its consumer: the most memory that
#: one takes. Sixteen of the largest requests that OpenSSH serves.
IN_FLIGHT_BYTES = 4 * 1024 * 1024


async def read_ahead(
    file: RemoteFile, start: int, stop: int, *, block: int, in_flight: int
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

    Raises:
        ShortReadError: the file ended before `stop`.
        TransferError: a request failed.

    """
    pieces = ((offset, min(block, stop - offset)) for offset in range(start, stop, block))
    async with aclosing(_read_pieces(file, pieces, in_flight)) as read:
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


async def _read_pieces(
    file: RemoteFile, pieces: Iterable[tuple[int, int]], in_flight: int
) -> AsyncGenerator[bytes]:
    """Yield pieces `(offset, size)` of an open file in their order; see `read_ahead`."""
    coming: deque[asyncio.Task[bytes]] = deque()
    to_ask = iter(pieces)
    try:
        while True:
            # A task for each piece: workers that take one offset after the other measure no faster.
            while len(coming) < in_flight and (piece := next(to_ask, None)) is not None:
                coming.append(asyncio.create_task(_read(file, *piece)))
            if not coming:
                return
            data = await asyncio.shield(coming[0])
            coming.popleft()
            yield data
    finally:
        await asyncio.gather(*coming, return_exceptions=True)


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


@dataclass(frozen=True)
class FileVersion:
    """Which version of a file is to be read.

    Args:
        path: on the server.
        size: bytes.
        mtime: time of last change, in seconds since 1970; 0 if the server sends none.

    """

    path: str
    size: int
    mtime: float = 0.0

    def __str__(self) -> str:
        size = f"{self.size:,} bytes"
        if not self.mtime:
            return size
        changed = datetime.fromtimestamp(self.mtime, UTC)
        return f"{size}, modified {changed:%Y-%m-%d %H:%M:%S} UTC"


class Download:
    """Reads one version of a file, in ranges; the file stays open until `close`.

    When a connection breaks, the file is opened again, checked to be the same version, and reading
    resumes at the next byte. Use it on one event loop; several ranges may be read at once.

    Args:
        pool: where connections come from.
        retry: how often, and with what waits, to go on after a lost connection.
        version: of the file, as it was listed.
        window: bytes that are asked for, or held, ahead of the consumer.
        once: the server may give the file away with its first read: it is opened once, and not
            read again after its first byte.

    """

    def __init__(
        self,
        pool: ConnectionPool,
        retry: RetryPolicy,
        version: FileVersion,
        *,
        window: int,
        once: bool = False,
    ) -> None:
        self.version = version
        self._pool = pool
        self._retry = retry
        self._window = window
        self._once = once
        self._opening = asyncio.Lock()
        self._open: tuple[RemoteFile, RemoteFileSystem, AsyncExitStack] | None = None
        self._received = False

    async def read_range(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Yield a range in order, in pieces of one request each.

        Consume it within `contextlib.aclosing`. Behind the last byte of the file, its version is
        compared once more.

        Raises:
            RemoteChangedError: the file is not the version that is to be read.
            TransferError, ConnectError: it cannot be read, retries included.

        """
        position = start
        async for attempt in self._attempts():
            async with attempt:
                file, block = await self._opened()
                try:
                    ahead = read_ahead(
                        file, position, stop, block=block, in_flight=max(1, self._window // block)
                    )
                    async with aclosing(ahead) as pieces:
                        async for data in pieces:
                            position += len(data)
                            self._received = True
                            attempt.progress()
                            yield data
                    if stop == self.version.size:
                        await self._check(file)
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range `(start, stop)`; all of them are asked for at once.

        Raises:
            As `read_range`.

        """
        result: list[bytes] = []
        async for attempt in self._attempts():
            async with attempt:
                file, block = await self._opened()
                try:
                    result = await self._ranges(file, ranges, block)
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise
        return result

    async def check(self) -> None:
        """Compare the version once more.

        Raises:
            RemoteChangedError: the file has changed.

        """
        async for attempt in self._attempts():
            async with attempt:
                file, _ = await self._opened()
                try:
                    await self._check(file)
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise

    async def close(self) -> None:
        """Close the file; a connection that is lost meanwhile does not matter."""
        async with self._opening:
            await self._release()

    async def _ranges(
        self, file: RemoteFile, ranges: Sequence[tuple[int, int]], block: int
    ) -> list[bytes]:
        pieces = [
            (offset, min(block, stop - offset))
            for start, stop in ranges
            for offset in range(start, stop, block)
        ]
        async with aclosing(_read_pieces(file, pieces, max(1, self._window // block))) as read:
            parts = [part async for part in read]
        self._received = True
        coming = iter(parts)
        return [b"".join(next(coming) for _ in range(start, stop, block)) for start, stop in ranges]

    def _attempts(self) -> Attempts:
        return self._retry.attempts(
            on=(*UNKNOWN_OUTCOME, *NO_CONNECTION),
            name=f"{self._pool.address} {self.version.path}",
            log=log,
            on_retry=self._pool.note_retry,
        )

    async def _opened(self) -> tuple[RemoteFile, int]:
        """Return the open file, and the bytes of one request; opens it if it is not open."""
        async with self._opening:
            if self._open is not None:
                file, filesystem, _ = self._open
                return file, filesystem.capabilities.max_read
            if self._once and self._received:
                raise TransferError(
                    "The connection was lost while the file was read, and access=once reads no "
                    "file twice",
                    host=self._pool.address,
                    path=self.version.path,
                    hint="Ask the sender for the file again",
                )
            stack = AsyncExitStack()
            try:
                filesystem = await stack.enter_async_context(self._pool.lease())
                file = await filesystem.open_read(self.version.path)
                self._open = file, filesystem, stack
                await self._check(file)
            except RemoteNotFoundError as error:
                await stack.aclose()
                changed = self._changed("it is gone")
                changed.gone = True
                raise changed from error
            except BaseException:
                self._open = None
                await stack.aclose()
                raise
            return file, filesystem.capabilities.max_read

    async def _check(self, file: RemoteFile) -> None:
        """Compare the version of the open file."""
        if self._once:
            return
        try:
            found = await file.stat()
        except RemoteUnsupportedError:
            return
        self.compare(found)

    def compare(self, found: RemoteEntry) -> None:
        """Raise `RemoteChangedError` unless what was found is the version that is to be read."""
        version = self.version
        # Servers with seconds in one answer and fractions in another exist: seconds are compared.
        same_time = not (found.mtime and version.mtime) or int(found.mtime) == int(version.mtime)
        if found.size != version.size or not same_time:
            raise self._changed(f"now it has {FileVersion('', found.size, found.mtime)}")

    async def _failed(self, file: RemoteFile, error: BaseException) -> None:
        """Close the file after an error, so that the next attempt opens it again."""
        async with self._opening:
            if self._open is not None and self._open[0] is file:
                await self._release(lost=isinstance(error, UNKNOWN_OUTCOME))
        if isinstance(error, ShortReadError):
            raise self._changed(f"now it has {error.end:,} bytes") from error

    async def _release(self, *, lost: bool = False) -> None:
        if self._open is None:
            return
        file, _, stack = self._open
        self._open = None
        if not lost:
            with suppress(TransferError):
                await file.close()
        await stack.aclose()

    def _changed(self, now: str) -> RemoteChangedError:
        return RemoteChangedError(
            f"The file has changed since it was listed: it had {self.version}; {now}",
            host=self._pool.address,
            path=self.version.path,
            hint="A DataFrame keeps the listing that it was planned with: load again, when the "
            "file is complete",
        )
