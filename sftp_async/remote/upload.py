"""`FileUpload`: uploads one file in chunks at explicit offsets, several in flight, and resumes it.

The ledger of unacknowledged chunks is the heart of it. A chunk's memory is returned to the budget
only when the server has acknowledged it; until then it can be written again at its offset, over a
new connection, as often as it takes. Nothing is ever resumed by size alone: pipelined writes leave
holes.

Chunks are sent in the order of their offsets, without gaps. With a single channel, and that is what
`channels_per_file=auto` keeps to where plain files are not known to be underneath, they also reach
the server in that order: some servers accept a write only at the end of the file.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import (
    NO_CONNECTION,
    UNKNOWN_OUTCOME,
    AcknowledgedDataLostError,
    RemoteExistsError,
    RemoteFailureError,
    RemoteNotFoundError,
    SFTPAsyncError,
)
from sftp_async.remote import preopen
from sftp_async.remote.channel_group import ChannelGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import RetryPolicy
    from sftp_async.remote.ssh import Connection, SFTPFile

log = logging.getLogger("sftp_async.remote.upload")

#: Most bytes that a channel is given at a time; larger chunks are cut, so that every channel gets
#: some. Four of the largest requests that OpenSSH accepts.
MAX_PIECE = 4 * 255 * 1024
#: The hint where a file is gone right after its close.
TAKEN_AWAY = (
    "If a program takes files away as soon as they are closed, this one may have been delivered, "
    "and each retry delivers it again: look there first. For such a server set "
    "commit_mode=direct, verify=none and a staging_dir where files stay"
)


@dataclass(frozen=True)
class UploadedFile:
    """A file that was uploaded completely: its path, and its size as the server confirmed it."""

    path: str
    size: int


class FileUpload:
    """The upload of one file that nothing else writes. Lives on the runtime's loop.

    Args:
        path: where to; must not exist yet.
        pool: where connections come from.
        retry: waits between attempts without progress.
        on_acknowledged: called with the size of each chunk, in bytes, that the server has for good.
        channels: SFTP channels to write it through; None finds out how many are of use.
        any_name: a file that was opened before in the same directory serves as well (see
            `sftp_async.remote.preopen`), and one may be opened for the next upload.
        check_size: compare the size once the file is closed; else it may be gone by then.
        permissions: permission bits to create the file with; None: those of the server.

    """

    def __init__(
        self,
        path: str,
        pool: ConnectionPool,
        retry: RetryPolicy,
        on_acknowledged: Callable[[int], None],
        channels: int | None = None,
        *,
        any_name: bool = False,
        check_size: bool = True,
        permissions: int | None = None,
    ) -> None:
        self._path = path
        self._pool = pool
        self._retry = retry
        self._on_acknowledged = on_acknowledged
        self._channels = channels
        self._any_name = any_name
        self._check_size = check_size
        self._permissions = permissions
        self._unacknowledged: dict[int, memoryview] = {}
        self._to_send: deque[int] = deque()
        self._acknowledged_end = 0
        # Bytes; unlike the end, it grows with every answer: what counts as progress.
        self._acknowledged = 0
        self._size = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._opened_before = False
        self._piece = MAX_PIECE
        self._resumable = True

    def feed(self, data: memoryview) -> None:
        """Append a chunk; it must not change until it is acknowledged."""
        for start in range(0, len(data), self._piece):
            piece = data[start : start + self._piece]
            self._unacknowledged[self._size] = piece
            self._to_send.append(self._size)
            self._size += len(piece)
        self._changed.set()

    def end(self) -> None:
        """Declare that no further chunk comes."""
        self._ended = True
        self._changed.set()

    async def run(self) -> UploadedFile:
        """Upload until `end`, close, and compare sizes (with `check_size`).

        Returns:
            Where the file is, which with `any_name` may be another path than the one given.

        Raises:
            AcknowledgedDataLostError: the server no longer has what it acknowledged.
            TransferError, ConnectError, PoolError: it could not be done, retries included.

        """
        async for attempt in self._retry.attempts(
            on=(*UNKNOWN_OUTCOME, *NO_CONNECTION),
            name=self._path,
            log=log,
            on_retry=self._pool.note_retry,
        ):
            before = self._acknowledged
            async with attempt:
                try:
                    async with self._pool.lease(self._must_keep) as connection:
                        self._resumable = connection.capabilities.plain_files
                        while not await self._upload(connection):
                            pass
                finally:
                    if self._acknowledged != before:
                        attempt.progress()
        return UploadedFile(self._path, self._size)

    def _must_keep(self) -> bool:
        """Whether the file cannot be resumed over another connection."""
        return bool(self._acknowledged_end) and not self._resumable

    async def _upload(self, connection: Connection) -> bool:
        """Write all there is and confirm it; False: the server needs it one by one, call again."""
        if await self._was_taken(connection):
            return True
        file = await self._open(connection)
        # A server that takes only the next byte refuses what is already in the file.
        may_refuse = bool(self._acknowledged_end) and not connection.capabilities.plain_files
        channels = ChannelGroup(connection, file, self._channels, self._changed)
        next_file = asyncio.create_task(self._open_next(connection))
        self._to_send = deque(self._unacknowledged)
        try:
            await self._send_all(channels)
            if connection.in_order and self._check_size:
                return await self._finish_at_once(connection, channels)
            await channels.close()
        except RemoteFailureError as error:
            if may_refuse:
                raise self._lost(connection, f"it cannot be resumed: {error.message}") from error
            raise
        finally:
            await channels.abandon()
            await next_file
        if self._check_size:
            # A close on a connection that has just died succeeds silently: only the size proves it.
            await self._expect(connection, self._size)
        else:
            await connection.exists(self._path)  # the answer proves that the close was served
        return True

    async def _was_taken(self, connection: Connection) -> bool:
        """Whether a file was taken away that was complete, but for the answer to its close."""
        complete = self._ended and self._acknowledged_end == self._size and not self._unacknowledged
        if self._check_size or not self._opened_before or not complete:
            return False
        try:
            await connection.stat(self._path)
        except RemoteNotFoundError:
            log.info("%s: it was taken away once it was closed", self._path)
            return True
        return False

    async def _open_next(self, connection: Connection) -> None:
        if self._any_name:
            await preopen.prepare(connection, posixpath.dirname(self._path))

    async def _finish_at_once(self, connection: Connection, channels: ChannelGroup) -> bool:
        try:
            size = await channels.close_at_once()
        except RemoteFailureError as error:
            if not self._unacknowledged:
                raise
            # SFTP asks for order within a file, but a close that overtook a write would look like
            # this. If it is no such thing, the next write fails as well, and its error is raised.
            connection.in_order = False
            log.warning("%s: %s; writing it again, one by one", self._path, error.message)
            return False
        if size != self._size:
            connection.in_order = False
            await self._expect(connection, self._size)
        return True

    async def _open(self, connection: Connection) -> SFTPFile:
        if not self._opened_before:
            self._opened_before = True
            directory = posixpath.dirname(self._path)
            if self._any_name and (file := preopen.take(connection, directory)):
                self._path = file.path
                return file
            try:
                return await connection.open_new(self._path, self._permissions)
            except UNKNOWN_OUTCOME:
                raise
            except SFTPAsyncError:
                self._opened_before = False
                raise
        # The path is this attempt's own: what is there was put there by an open whose reply was
        # lost.
        if self._unacknowledged:
            log.info("%s: %d chunks to send again", self._path, len(self._unacknowledged))
        if self._acknowledged_end:
            await self._expect(connection, None)
            return await self._reopen(connection)
        try:
            return await connection.open_new(self._path, self._permissions)
        except RemoteExistsError:
            if not connection.capabilities.plain_files:
                return await connection.open_truncated(self._path)  # to write at its end
            return await self._reopen(connection)

    async def _reopen(self, connection: Connection) -> SFTPFile:
        try:
            return await connection.open_existing(self._path)
        except UNKNOWN_OUTCOME:
            raise
        except SFTPAsyncError as error:
            raise self._lost(connection, f"it cannot be reopened: {error.message}") from error

    async def _expect(self, connection: Connection, size: int | None) -> None:
        """Compare the server's size: with `size`, or with the end of what it acknowledged."""
        try:
            found = (await connection.stat(self._path)).size
        except RemoteNotFoundError as error:
            taken = "" if size is None else TAKEN_AWAY
            raise self._lost(connection, "the file is gone", taken) from error
        if found < self._acknowledged_end or (size is not None and found != size):
            wanted = self._acknowledged_end if size is None else size
            raise self._lost(connection, f"it has {found:,} of {wanted:,} bytes")

    def _lost(self, connection: Connection, what: str, hint: str = "") -> AcknowledgedDataLostError:
        return AcknowledgedDataLostError(
            f"The server lost data that it had acknowledged: {what}",
            host=connection.address,
            path=self._path,
            hint=hint or "Spark retries the task if task retries are enabled (not in local mode)",
        )

    async def _send_all(self, channels: ChannelGroup) -> None:
        """Give every chunk to the channels; return when they have it, not when the server does."""
        pace = channels.pace
        while True:
            self._changed.clear()
            channels.check()
            while self._to_send and channels.has_capacity:
                if pace is not None:
                    self._piece = min(MAX_PIECE, pace.piece)
                    await pace.take(len(self._unacknowledged[self._to_send[0]]))
                    channels.check()
                offset = self._to_send.popleft()
                channels.write(self._unacknowledged[offset], offset, self._acknowledged_at)
            if self._ended and not self._to_send:
                return
            channels.grow(waiting=bool(self._to_send))
            await self._changed.wait()

    def _acknowledged_at(self, offset: int) -> None:
        size = len(self._unacknowledged.pop(offset))
        self._acknowledged += size
        self._acknowledged_end = max(self._acknowledged_end, offset + size)
        self._on_acknowledged(size)
