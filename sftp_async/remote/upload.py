"""One file's way onto the server: chunks at explicit offsets, several in flight, resumable.

The ledger of unacknowledged chunks is the heart of it. A chunk's memory goes back to the budget
only when the server has acknowledged it; until then it can be written again at its offset, over a
new connection, as often as it takes. Nothing is ever resumed by size alone: pipelined writes leave
holes.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
from collections import deque
from typing import TYPE_CHECKING

from sftp_async.errors import (
    AcknowledgedDataLostError,
    ConnectError,
    ConnectionLostError,
    RemoteExistsError,
    RemoteNotFoundError,
    SFTPAsyncError,
    StalledError,
    TransferError,
)
from sftp_async.remote import preopen
from sftp_async.remote.channel_group import ChannelGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection, SFTPFile

log = logging.getLogger("sftp_async.remote.upload")

#: Bytes that are handed to a lane at a time; larger chunks are cut, so that all lanes get some.
#: Four of the largest requests that OpenSSH takes.
MAX_PIECE = 4 * 255 * 1024


class FileUpload:
    """The upload of one file that nobody else writes. Lives on the runtime's loop.

    Args:
        path: where to; must not exist yet.
        pool: where connections come from.
        retry: waits between attempts without progress.
        on_acknowledged: told the size of each chunk, in bytes, that the server has for good.
        lanes: SFTP channels to write it through; None finds out how many are of use.
        any_name: a file that was opened ahead in the same directory will do as well (see
            `sftp_async.remote.preopen`), and one may be opened for the next.

    Attributes:
        path: where to, in the end.

    """

    def __init__(
        self,
        path: str,
        pool: ConnectionPool,
        retry: RetryPolicy,
        on_acknowledged: Callable[[int], None],
        lanes: int | None = None,
        *,
        any_name: bool = False,
    ) -> None:
        self.path = path
        self._pool = pool
        self._retry = retry
        self._on_acknowledged = on_acknowledged
        self._lanes = lanes
        self._any_name = any_name
        self._unacknowledged: dict[int, memoryview] = {}
        self._to_send: deque[int] = deque()
        self._acknowledged_end = 0
        # Bytes; unlike the end, it grows with every answer: what counts as progress.
        self._acknowledged = 0
        self._size = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._opened_before = False

    def feed(self, data: memoryview) -> None:
        """Append a chunk; it must not change until it is acknowledged."""
        for start in range(0, len(data), MAX_PIECE):
            piece = data[start : start + MAX_PIECE]
            self._unacknowledged[self._size] = piece
            self._to_send.append(self._size)
            self._size += len(piece)
        self._changed.set()

    def end(self) -> None:
        """Say that no further chunk comes."""
        self._ended = True
        self._changed.set()

    async def run(self) -> int:
        """Upload until `end`, close, and compare sizes.

        Returns:
            The size in bytes that the server confirmed.

        Raises:
            AcknowledgedDataLostError: the server no longer has what it acknowledged.
            TransferError, ConnectError: it could not be done, retries included.

        """
        failures = 0
        while True:
            before = self._acknowledged
            try:
                async with self._pool.lease() as connection:
                    while not await self._upload(connection):
                        pass
                    return self._size
            except (ConnectionLostError, StalledError, ConnectError) as error:
                if not error.retryable:
                    raise
                if self._acknowledged != before:
                    failures = 0
                failures += 1
                delay = self._retry.delay(failures)
                if delay is None:
                    raise
                log.warning(
                    "%s: %s; %d chunks to send again, retry in %.1f s",
                    self.path,
                    error.message,
                    len(self._unacknowledged),
                    delay,
                )
                self._pool.note_retry()
                await asyncio.sleep(delay)

    async def _upload(self, connection: Connection) -> bool:
        """Write all there is and confirm it; False: the server wants it slower, call again."""
        file = await self._open(connection)
        lanes = ChannelGroup(connection, file, self._lanes, self._changed)
        next_one = asyncio.create_task(self._prepare_next(connection))
        self._to_send = deque(self._unacknowledged)
        try:
            await self._send_all(lanes)
            if connection.in_order:
                return await self._finish_at_once(connection, lanes)
            await lanes.close()
        finally:
            await lanes.abandon()
            await next_one
        # A close on a connection that has just died succeeds in silence: only the size tells.
        await self._expect(connection, self._size)
        return True

    async def _prepare_next(self, connection: Connection) -> None:
        if self._any_name:
            await preopen.prepare(connection, posixpath.dirname(self.path))

    async def _finish_at_once(self, connection: Connection, lanes: ChannelGroup) -> bool:
        try:
            size = await lanes.close_at_once()
        except TransferError as error:
            if type(error) is not TransferError or not self._unacknowledged:
                raise
            # SFTP asks for order within a file, but a close that overtook a write would look like
            # this. If it is no such thing, the next write will fail as well, and say why.
            connection.in_order = False
            log.warning("%s: %s; once more, one by one", self.path, error.message)
            return False
        if size != self._size:
            connection.in_order = False
            await self._expect(connection, self._size)
        return True

    async def _open(self, connection: Connection) -> SFTPFile:
        if not self._opened_before:
            self._opened_before = True
            if self._any_name and (file := preopen.take(connection, posixpath.dirname(self.path))):
                self.path = file.path
                return file
            try:
                return await connection.open_new(self.path)
            except (ConnectionLostError, StalledError):
                raise
            except SFTPAsyncError:
                self._opened_before = False
                raise
        # The path is this attempt's own: whatever is there, an open whose reply was lost put there.
        if self._acknowledged_end:
            await self._expect(connection, None)
            return await self._reopen(connection)
        try:
            return await connection.open_new(self.path)
        except RemoteExistsError:
            return await self._reopen(connection)

    async def _reopen(self, connection: Connection) -> SFTPFile:
        try:
            return await connection.open_existing(self.path)
        except (ConnectionLostError, StalledError):
            raise
        except SFTPAsyncError as error:
            raise self._lost(connection, f"cannot be reopened: {error.message}") from error

    async def _expect(self, connection: Connection, size: int | None) -> None:
        """Compare the server's size: with `size`, or with the end of what it acknowledged."""
        try:
            found = (await connection.stat(self.path)).size
        except RemoteNotFoundError as error:
            raise self._lost(connection, "the file is gone") from error
        if found < self._acknowledged_end or (size is not None and found != size):
            wanted = self._acknowledged_end if size is None else size
            raise self._lost(connection, f"it has {found:,} of {wanted:,} bytes")

    def _lost(self, connection: Connection, what: str) -> AcknowledgedDataLostError:
        return AcknowledgedDataLostError(
            f"The server lost data that it had acknowledged ({what})",
            host=connection.address,
            path=self.path,
            hint="Spark runs the task anew where task retries are on (not in local mode)",
        )

    async def _send_all(self, lanes: ChannelGroup) -> None:
        """Hand everything to the lanes; returns when they have it, not when the server does."""
        while True:
            self._changed.clear()
            lanes.check()
            while self._to_send and lanes.has_room:
                offset = self._to_send.popleft()
                lanes.write(self._unacknowledged[offset], offset, self._acknowledged_at)
            if self._ended and not self._to_send:
                return
            lanes.grow(waiting=bool(self._to_send))
            await self._changed.wait()

    def _acknowledged_at(self, offset: int) -> None:
        size = len(self._unacknowledged.pop(offset))
        self._acknowledged += size
        self._acknowledged_end = max(self._acknowledged_end, offset + size)
        self._on_acknowledged(size)
