"""`Download`: reads one version of a remote file, and resumes after a lost connection."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

from sftp_async.errors import (
    NO_CONNECTION,
    UNKNOWN_OUTCOME,
    RemoteChangedError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
    ShortReadError,
    TransferError,
)
from sftp_async.remote.download import read_ahead, read_pieces
from sftp_async.remote.file_version import FileVersion, VersionCheck, nothing_to_compare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sftp_async.remote.filesystem import RemoteEntry, RemoteFile, RemoteFileSystem
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import Attempts, RetryPolicy

log = logging.getLogger("sftp_async.remote.resumable_download")

#: Bytes a second for which a download keeps enough in flight, at whatever distance: 4 Gbit/s.
_FASTEST = 512 * 1024**2
#: Bytes that it may have in flight from a nearby server. What the consumer does not take waits in
#: the buffers of sshd, which copies them when they grow: with 28 MiB its CPU time was up to four
#: times that with 4 MiB, for a consumer of 80 MiB/s.
_NEARBY_WINDOW = 4 * 1024**2

#: What keeps a file from being opened ahead and is no refusal of that.
_NOT_REFUSED = (*UNKNOWN_OUTCOME, *NO_CONNECTION, RemoteChangedError)
#: What a server allows; the option `access`.
Access = Literal["auto", "random", "sequential", "once"]


class Download:
    """Reads one version of a file, in ranges; the file stays open until `close`.

    When a connection breaks, the file is opened again, checked to be the same version, and reading
    resumes at the next byte. Use it on one event loop; several ranges may be read at once.

    Args:
        pool: where connections come from.
        retry: how often, and with what waits, to go on after a lost connection.
        version: of the file, as it was listed.
        window: bytes that are asked for, or held, ahead of the consumer; fewer from a server that
            answers quickly, which needs no more.
        access: what the server allows. `sequential` reads every range from the start of the file.
            `once` does so, opens the file once and does not read again after its first byte.
            `auto` reads ranges, and goes over to `sequential` if the server refuses that.

    """

    def __init__(
        self,
        pool: ConnectionPool,
        retry: RetryPolicy,
        version: FileVersion,
        *,
        window: int,
        access: Access = "auto",
    ) -> None:
        self.version = version
        self._pool = pool
        self._retry = retry
        self._window = window
        self._access: Access = access
        self._opening = asyncio.Lock()
        self._open: tuple[RemoteFile, RemoteFileSystem, AsyncExitStack] | None = None
        #: Of the open file: asked for together with its first reads, and done before anything of
        #: it is handed on.
        self._opening_check = VersionCheck(nothing_to_compare)
        #: Seconds that the server took to open the file.
        self._response_time = 0.0
        self._received = False
        self._fetching = asyncio.Lock()
        self._content: bytes | None = None

    async def read_range(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Yield a range in order, in pieces of one request each.

        Consume it within `contextlib.aclosing`. Behind the last byte of the file, its version is
        compared once more.

        Raises:
            RemoteChangedError: the file is not the version that is to be read.
            TransferError, ConnectError: it cannot be read, retries included.

        """
        if (content := await self._fetched()) is not None:
            yield content[start:stop]
            return
        position = start
        async for attempt in self._attempts():
            async with attempt:
                file, block = await self._opened()
                end = self._end_check(file, stop)
                try:
                    async with aclosing(
                        self._ahead(file, position, stop, block, end.behind)
                    ) as pieces:
                        async for data in pieces:
                            await self._opening_check.done()
                            position += len(data)
                            self._received = True
                            attempt.progress()
                            yield data
                    await self._opening_check.done()
                    await end.done()
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise
                finally:
                    await end.settle()

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range `(start, stop)`; all of them are asked for at once.

        Raises:
            As `read_range`.

        """
        if (content := await self._fetched()) is not None:
            return [content[start:stop] for start, stop in ranges]
        result: list[bytes] = []
        async for attempt in self._attempts():
            async with attempt:
                file, block = await self._opened()
                try:
                    result = await self._ranges(file, ranges, block)
                except (RemoteFailureError, RemoteUnsupportedError) as error:
                    await self._failed(file, error)
                    raise type(error)(
                        f"The server refuses to read from the middle of a file: {error.message}",
                        host=error.host,
                        path=error.path,
                        hint="If it serves files only from their start, set access=sequential",
                    ) from error
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise
        return result

    async def read_sidecar(self, path: str, limit: int) -> bytes:
        """Return the content of a small other file, of at most `limit` bytes.

        Raises:
            TransferError, ConnectError: it cannot be read, retries included.

        """
        content = b""
        async for attempt in self._attempts():
            async with attempt, self._pool.lease() as connection:
                content = await connection.read_file(path, limit)
        return content

    async def open_ahead(self) -> bool:
        """Open the file, if that works at once; the next read raises why it does not.

        Returns:
            False if the server refused it: it may allow no more open files.

        """
        with suppress(*_NOT_REFUSED):
            try:
                await self._opened()
            except TransferError:
                return False
        return True

    async def fetch_ahead(self) -> bool:
        """Hold the whole file in memory, compared once more, and close it.

        The reads that follow need no request. Else as `open_ahead`.
        """
        with suppress(*_NOT_REFUSED):
            try:
                async with self._fetching:
                    self._content = await self._whole()
            except TransferError:
                return False
            async with self._opening:
                await self._release()
        return True

    async def _whole(self) -> bytes:
        file, block = await self._opened()
        end = self._end_check(file, self.version.size)
        try:
            (content,) = await self._ranges(file, [(0, self.version.size)], block, end.behind)
            await end.done()
        except (Exception, asyncio.CancelledError) as error:
            await self._failed(file, error)
            raise
        finally:
            await end.settle()
        return content

    async def _fetched(self) -> bytes | None:
        """Return the whole file if it was fetched ahead; waits until that has ended."""
        async with self._fetching:
            return self._content

    async def check(self) -> None:
        """Compare the version once more; what was fetched ahead was compared behind its last byte.

        Raises:
            RemoteChangedError: the file has changed.

        """
        if await self._fetched() is not None:
            return
        async for attempt in self._attempts():
            async with attempt:
                file, _ = await self._opened()
                try:
                    await self._opening_check.done()
                    await self._check(file)
                except (Exception, asyncio.CancelledError) as error:
                    await self._failed(file, error)
                    raise

    async def close(self) -> None:
        """Close the file; a connection that is lost meanwhile does not matter."""
        async with self._fetching:
            self._content = None
            async with self._opening:
                await self._release()

    async def _ahead(
        self,
        file: RemoteFile,
        start: int,
        stop: int,
        block: int,
        behind: Callable[[], object] | None,
    ) -> AsyncGenerator[bytes]:
        """Yield a range, from the start of the file where the server serves no other."""
        in_flight = self._in_flight(block)
        if not start or self._access in ("auto", "random"):
            try:
                async with aclosing(
                    read_ahead(file, start, stop, block=block, in_flight=in_flight, behind=behind)
                ) as pieces:
                    async for data in pieces:
                        start += len(data)
                        yield data
                return
            except (RemoteFailureError, RemoteUnsupportedError) as error:
                if self._access != "auto" or not start:
                    raise
                log.info("%s: read from its start from now on: %s", file.path, error)
                self._access = "sequential"
        async with aclosing(read_ahead(file, 0, stop, block=block, in_flight=in_flight)) as pieces:
            offset = 0
            async for data in pieces:
                if offset + len(data) > start:
                    yield data[max(0, start - offset) :]
                offset += len(data)

    async def _ranges(
        self,
        file: RemoteFile,
        ranges: Sequence[tuple[int, int]],
        block: int,
        behind: Callable[[], object] | None = None,
    ) -> list[bytes]:
        pieces = [
            (offset, min(block, stop - offset))
            for start, stop in ranges
            for offset in range(start, stop, block)
        ]
        in_flight = self._in_flight(block)
        async with aclosing(read_pieces(file, pieces, in_flight, behind)) as read:
            parts = [part async for part in read]
        await self._opening_check.done()
        self._received = True
        coming = iter(parts)
        return [b"".join(next(coming) for _ in range(start, stop, block)) for start, stop in ranges]

    def _in_flight(self, block: int) -> int:
        """Return how many pieces are in flight, by the time that the server took for an answer."""
        needed = max(_NEARBY_WINDOW, int(self._response_time * _FASTEST))
        return max(1, min(self._window, needed) // block)

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
            if self._access == "once" and self._received:
                raise TransferError(
                    "The connection was lost while the file was read, and access=once reads no "
                    "file twice",
                    host=self._pool.address,
                    path=self.version.path,
                    hint="Ask the sender for the file again",
                )
            stack = AsyncExitStack()
            try:
                filesystem = await stack.enter_async_context(self._pool.lease(self._must_keep))
                asked = time.monotonic()
                file = await filesystem.open_read(self.version.path)
                self._response_time = time.monotonic() - asked
                self._open = file, filesystem, stack
                self._opening_check = VersionCheck(partial(self._check, file))
                self._opening_check.ask()
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

    def _must_keep(self) -> bool:
        """Whether the file would be read again from its start, or cannot be."""
        return self._access not in ("auto", "random")

    def _end_check(self, file: RemoteFile, stop: int) -> VersionCheck:
        """Return the comparison at the end of a range: of the version, behind the last byte."""
        if stop != self.version.size:
            return VersionCheck(nothing_to_compare)
        in_order = self._open is not None and self._open[1].in_order
        return VersionCheck(partial(self._check, file), in_order=in_order)

    async def _check(self, file: RemoteFile) -> None:
        """Compare the version of the open file."""
        if self._access == "once":
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
        await self._opening_check.settle()
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
