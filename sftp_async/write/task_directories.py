"""Partition directories that a task makes itself: with `commit_mode=direct` it writes into them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import TransferError
from sftp_async.layout.hive import with_parents
from sftp_async.remote.operation import run_operation

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import RetryPolicy


class TaskDirectories:
    """Makes the directories of one task attempt. Lives on the runtime's loop."""

    def __init__(self, layout: Layout, pool: ConnectionPool, retry: RetryPolicy) -> None:
        self._layout = layout
        self._pool = pool
        self._retry = retry
        self._there: set[str] = set()
        self._made: list[str] = []

    async def make(self, directory: str) -> None:
        """Make a directory of the target, and those above it; what is there is fine.

        Raises:
            RemoteExistsError: a file or a link has its name.

        """

        async def step(connection: RemoteFileSystem) -> None:
            for (name,) in with_parents([directory]):
                path = self._layout.paths.final(name)
                if path in self._there:
                    continue
                self._made.append(path)  # before: a request that is given up may be carried out
                if not await connection.make_directory(path):
                    self._made.remove(path)
                self._there.add(path)

        await run_operation(self._pool, self._retry, step, retry_connect=True)

    async def unmake(self, connection: RemoteFileSystem) -> None:
        """Remove what was made here, as far as it is empty."""
        for path in sorted(self._made, key=len, reverse=True):
            with suppress(TransferError):
                await connection.rmdir(path)
