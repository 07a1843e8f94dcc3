"""Tidies up after tasks of `commit_mode=direct`, which make directories and write final names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError, TransferError
from sftp_async.layout.hive import with_parents
from sftp_async.remote.operation import run_operation

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.remote.pool import ConnectionPool
    from sftp_async.remote.retry import RetryPolicy


class InPlaceCleanup:
    """Removes what a task attempt wrote under final names, if the job has ended meanwhile.

    As long as the job goes on, its commit or abort removes the files of failed attempts. A job has
    ended when its staging directory is gone. Lives on the runtime's loop, but for `add`.
    """

    def __init__(self, layout: Layout, pool: ConnectionPool, retry: RetryPolicy) -> None:
        self._layout = layout
        self._pool = pool
        self._retry = retry
        self._files: list[str] = []
        self._known_directories: set[str] = set()
        self._made_directories: list[str] = []

    def add(self, path: str) -> None:
        """Take note of a file that is about to be written; from any thread."""
        self._files.append(path)

    async def make_directory(self, directory: str) -> None:
        """Make a partition directory of the target and its parents, where they do not exist.

        Raises:
            RemoteExistsError: a file or a link has its name.

        """

        async def step(connection: RemoteFileSystem) -> None:
            for (name,) in with_parents([directory]):
                path = self._layout.paths.final(name)
                if path in self._known_directories:
                    continue
                # Before the request: a cancelled one may still be carried out.
                self._made_directories.append(path)
                if not await connection.make_directory(path):
                    self._made_directories.remove(path)
                self._known_directories.add(path)

        await run_operation(self._pool, self._retry, step, retry_connect=True)

    async def check_job(self, path: str) -> None:
        """Remove a file that is complete, if the job has ended meanwhile.

        A staged file goes with its job; a file with a final name does not.

        Raises:
            RemoteNotFoundError: the job has ended.

        """
        async with self._pool.lease() as connection:
            try:
                await connection.stat(self._layout.staging)
            except RemoteNotFoundError:
                await connection.remove(path)
                await self._remove_directories(connection)
                raise

    async def run(self) -> None:
        """Remove everything that the task has written, if its job has ended."""
        async with self._pool.lease() as connection:
            try:
                await connection.stat(self._layout.staging)
            except RemoteNotFoundError:
                for path in self._files:
                    with suppress(RemoteNotFoundError):
                        await connection.remove(path)
                await self._remove_directories(connection)

    async def _remove_directories(self, connection: RemoteFileSystem) -> None:
        """Remove the directories that were made here, as far as they are empty."""
        for path in sorted(self._made_directories, key=len, reverse=True):
            with suppress(TransferError):
                await connection.rmdir(path)
