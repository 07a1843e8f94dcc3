"""One file's way onto the server: chunks at explicit offsets, several in flight, resumable.

The ledger of unacknowledged chunks is the heart of it. A chunk's memory goes back to the budget
only when the server has acknowledged it; until then it can be written again at its offset, over a
new connection, as often as it takes. Nothing is ever resumed by size alone: pipelined writes leave
holes.
"""

from __future__ import annotations

import asyncio
import logging
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
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.pool import ConnectionPool
    from sftp_async.retry import RetryPolicy
    from sftp_async.transport import Connection, RemoteFile

log = logging.getLogger("sftp_async.transfer")

#: Chunks of one file under way at once. With chunks of 1 MiB this covers OpenSSH's channel window
#: of 2 MiB twice over, so the window, not we, decides how much is on the wire.
IN_FLIGHT = 4


class FileTransfer:
    """The upload of one file that nobody else writes. Lives on the runtime's loop.

    Args:
        path: where to; must not exist yet.
        pool: where connections come from.
        retry: waits between attempts without progress.
        on_acknowledged: told the size of each chunk, in bytes, that the server has for good.

    """

    def __init__(
        self,
        path: str,
        pool: ConnectionPool,
        retry: RetryPolicy,
        on_acknowledged: Callable[[int], None],
    ) -> None:
        self.path = path
        self._pool = pool
        self._retry = retry
        self._on_acknowledged = on_acknowledged
        self._unacknowledged: dict[int, memoryview] = {}
        self._to_send: deque[int] = deque()
        self._acknowledged_end = 0
        # Bytes; unlike the end, it grows with every answer: what counts as progress.
        self._acknowledged = 0
        self._size = 0
        self._ended = False
        self._more = asyncio.Event()
        self._opened_before = False

    def feed(self, data: memoryview) -> None:
        """Append a chunk; it must not change until it is acknowledged."""
        self._unacknowledged[self._size] = data
        self._to_send.append(self._size)
        self._size += len(data)
        self._more.set()

    def end(self) -> None:
        """Say that no further chunk comes."""
        self._ended = True
        self._more.set()

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
                    await self._upload(connection)
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
                await asyncio.sleep(delay)

    async def _upload(self, connection: Connection) -> None:
        file = await self._open(connection)
        self._to_send = deque(self._unacknowledged)
        await self._send_all(file)
        await file.close()
        # A close on a connection that has just died succeeds in silence: only the size tells.
        await self._expect(connection, self._size)

    async def _open(self, connection: Connection) -> RemoteFile:
        if not self._opened_before:
            self._opened_before = True
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

    async def _reopen(self, connection: Connection) -> RemoteFile:
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

    async def _send_all(self, file: RemoteFile) -> None:
        senders = [asyncio.create_task(self._send(file)) for _ in range(IN_FLIGHT)]
        try:
            await asyncio.gather(*senders)
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _send(self, file: RemoteFile) -> None:
        while True:
            while not self._to_send:
                if self._ended:
                    return
                self._more.clear()
                await self._more.wait()
            offset = self._to_send.popleft()
            data = self._unacknowledged[offset]
            await file.write(data, offset)
            del self._unacknowledged[offset]
            self._acknowledged += len(data)
            self._acknowledged_end = max(self._acknowledged_end, offset + len(data))
            self._on_acknowledged(len(data))
