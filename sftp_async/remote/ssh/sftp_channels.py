"""The SFTP channels of one connection: opened when they are of use, shared by all its files."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncssh

from sftp_async.errors import SFTPAsyncError
from sftp_async.options.parsing import MAX_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.remote.ssh.request_guard import RequestGuard

log = logging.getLogger("sftp_async.remote.ssh")

#: Half of the bytes that OpenSSH lets a client have in flight on one channel: its channels.h has 64
#: packets of 32 KiB (CHAN_SES_WINDOW_DEFAULT). A whole window of data never fits, with its headers.
HALF_WINDOW = 1024 * 1024


class Channel:
    """One SFTP channel, and how fast its window is acknowledged.

    Attributes:
        half_window_time: seconds that the server took to acknowledge the last half of a window;
            None: not known yet.

    """

    def __init__(self, sftp: asyncssh.SFTPClient) -> None:
        self.sftp = sftp
        self.half_window_time: float | None = None
        self._in_flight = 0
        self._answered = 0
        self._since = 0.0

    @contextmanager
    def writing(self, size: int) -> Iterator[None]:
        """Count these bytes as in flight while the block runs."""
        if not self._in_flight:
            self._answered, self._since = 0, time.monotonic()
        self._in_flight += size
        try:
            yield
        finally:
            self._in_flight -= size
            self._answered += size
            if self._answered >= HALF_WINDOW:
                now = time.monotonic()
                self.half_window_time = (now - self._since) * HALF_WINDOW / self._answered
                self._answered, self._since = 0, now


class Channels:
    """All SFTP channels of one SSH connection.

    Args:
        ssh: the connection.
        sftp: its first channel, for everything but the further channels of a file.
        guard: watches the requests.

    """

    def __init__(
        self, ssh: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient, guard: RequestGuard
    ) -> None:
        self._ssh = ssh
        self._guard = guard
        self._open = [Channel(sftp)]
        self._limit = MAX_CHANNELS
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> Sequence[Channel]:
        """The channels that are open, the first one first."""
        return self._open

    def widen(self, count: int) -> None:
        """Open channels in the background, up to `count` or as many as the server allows."""
        missing = min(count, self._limit) - len(self._open) - len(self._opening)
        for _ in range(missing):
            task = asyncio.create_task(self._open_one())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def settle(self) -> None:
        """Wait for channels that are being opened."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def _open_one(self) -> None:
        try:
            async with self._guard.request("open another SFTP channel", "."):
                try:
                    sftp = await self._ssh.start_sftp_client(path_errors="surrogateescape")
                except (asyncssh.ChannelOpenError, asyncssh.SFTPError) as error:
                    # MaxSessions, or a server of one channel: the connection stays usable.
                    self._limit = len(self._open) + len(self._opening) - 1
                    log.info(
                        "%s: no more than %d SFTP channels on one connection (%s)",
                        self._guard.address,
                        self._limit,
                        error.reason,
                    )
                    return
        except SFTPAsyncError:
            return  # the connection is lost, as every upload on it finds out by itself
        self._open.append(Channel(sftp))
