"""An open remote file: reads and writes at the caller's offsets, several at once."""

from __future__ import annotations

import asyncio
import posixpath
from typing import TYPE_CHECKING, Any

from asyncssh.packet import PacketDecodeError

from sftp_async.errors import TransferError
from sftp_async.remote.filesystem import RemoteFile
from sftp_async.remote.ssh.attributes import entry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncssh
    from typing_extensions import Buffer

    from sftp_async.remote.filesystem import RemoteEntry
    from sftp_async.remote.ssh.request_guard import RequestGuard
    from sftp_async.remote.ssh.sftp_channels import Channel
    from sftp_async.remote.token_bucket import Paces


class SFTPFile(RemoteFile):
    """A file opened by `Connection`.

    Args:
        guard: watches the requests of its connection.
        handle: asyncssh's file, opened so that one call is one request.
        path: for messages.
        max_read: most bytes to ask for in one request.
        max_write: most bytes the server takes in one request.
        on_refusal: maps a write's error to a better one, given the path and the size in bytes.
        channel: that the file is open on.
        pace: what the file's bytes pass through; None: nothing.

    """

    def __init__(
        self,
        guard: RequestGuard,
        handle: asyncssh.SFTPClientFile,
        path: str,
        max_read: int,
        max_write: int,
        on_refusal: Callable[[TransferError, str, int], Awaitable[TransferError]],
        channel: Channel,
        pace: Paces | None = None,
    ) -> None:
        self.pace = pace
        self.address = guard.address
        self.path = path
        # asyncssh's annotations know bytes only; any buffer works.
        self.handle: Any = handle
        self._guard = guard
        self._max_read = max_read
        self._max_write = max_write
        self._on_refusal = on_refusal
        self._channel = channel

    @property
    def half_window_time(self) -> float | None:
        """Seconds in which half of the channel's window was last acknowledged; None: not known."""
        return self._channel.half_window_time

    async def write(self, data: Buffer, offset: int) -> None:
        """Write `data` at `offset`; return when the server has acknowledged all of it.

        Raises:
            RemoteSpaceError: disk or quota full.
            StalledError, ConnectionLostError: not acknowledged; it may or may not be in the file.

        """
        if self.pace is not None:
            await self.pace.take(memoryview(data).nbytes)
        await self.begin_write(data, offset)

    def begin_write(self, data: Buffer, offset: int) -> asyncio.Task[None]:
        """Start what `write` does, and return it as a task.

        Its requests are sent in the order of their offsets, and before those of any task started
        later: an event loop runs tasks in the order in which they were made, and asyncssh sends a
        request before it first waits. The caller waits for the file's `pace`.
        """
        view = memoryview(data).cast("B")
        pieces = max(1, -(-len(view) // self._max_write))
        size = max(1, -(-len(view) // pieces))
        writes = [
            asyncio.create_task(self._write_piece(view[start : start + size], offset + start))
            for start in range(0, max(1, len(view)), size)
        ]
        return writes[0] if len(writes) == 1 else asyncio.create_task(_all(writes))

    async def _write_piece(self, piece: memoryview, offset: int) -> None:
        try:
            with self._channel.writing(len(piece)):
                async with self._guard.request("write", self.path, self._guard.stall_timeout):
                    await self.handle.write(piece, offset)
        except TransferError as error:
            raise await self._on_refusal(error, self.path, len(piece)) from error

    async def read(self, size: int, offset: int) -> bytes:
        """Read up to `size` bytes at `offset`; fewer only at the end of the file."""
        parts: list[bytes] = []
        wanted = size
        while wanted > 0:
            async with self._guard.request("read", self.path):
                asked = min(wanted, self._max_read)
                part = await self.handle.read(asked, offset)
                if len(part) > asked:
                    raise PacketDecodeError(f"{len(part):,} bytes instead of {asked:,}")
            if not part:
                break
            parts.append(part)
            offset += len(part)
            wanted -= len(part)
        return b"".join(parts)

    async def stat(self) -> RemoteEntry:
        """Return the size and time of the open file.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """
        async with self._guard.request("look at", self.path):
            attrs = await self.handle.stat()
        return entry_of(posixpath.basename(self.path), attrs)

    async def close(self) -> None:
        """Close the file. A lost connection may go unnoticed here: compare the size afterwards."""
        async with self._guard.request("close", self.path):
            await self.handle.close()


async def _all(writes: list[asyncio.Task[None]]) -> None:
    # Wait for all, also after a refusal: nothing of a write may be in flight when it is raised.
    for outcome in await asyncio.gather(*writes, return_exceptions=True):
        if outcome is not None:
            raise outcome
