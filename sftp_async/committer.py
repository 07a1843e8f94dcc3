"""One job's commit: staging directory, intent, promotion by rename, abort, recovery.

The promise: every file appears whole or not at all, and a job that ended in an error leaves
nothing. It rests on three rules. What is visible has a name that only this job uses. From the
moment the intent is published the commit is only ever finished, by us or by the next writer. And
every step may be done
twice: a lost reply, a crash and a replay all look the same.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sftp_async import intent as intents
from sftp_async.errors import (
    CommitError,
    ConnectionLostError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    StalledError,
    TransferError,
)
from sftp_async.joining import join
from sftp_async.layout import JOINED, SUCCESS_FILE, PartFile, is_data, is_part, part_tag
from sftp_async.promotion import (
    demote,
    each,
    exact_exists,
    finish,
    is_complete,
    promote_all,
    recover,
    remove_tagged,
    remove_tree,
)
from sftp_async.stats import WriteStats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sftp_async.intent import Intent
    from sftp_async.layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.pool import ConnectionPool
    from sftp_async.retry import RetryPolicy
    from sftp_async.transport import Connection, RemoteEntry

log = logging.getLogger("sftp_async.committer")

T = TypeVar("T")


class JobCommitter:
    """Prepares, commits or aborts one job. Each method may be called again after a lost connection.

    Args:
        layout: where the job writes.
        options: the write options.
        overwrite: replace what is there.

    """

    def __init__(self, layout: Layout, options: WriteOptions, *, overwrite: bool) -> None:
        self._layout = layout
        self._options = options
        self._overwrite = overwrite
        self._intent: Intent | None = None
        self._publishing = False
        self._visible = False

    # Before the tasks

    async def prepare(self, connection: Connection) -> None:
        """Check the target, make the staging directory, finish what an earlier job left.

        Raises:
            CommitError: the target cannot take this job; says why. Nothing was written then.

        """
        layout = self._layout
        shared = await self._make_staging(connection)
        try:
            if layout.file_name is not None:
                await self._check_exact(connection)
            if shared:
                # The directory for staging was there before: other jobs run, or were interrupted.
                await recover(
                    connection,
                    layout.staging_base,
                    layout.directory,
                    ttl=self._options.staging_ttl,
                    own_job=layout.job_id,
                )
        except BaseException:
            # Spark calls no abort for a job that failed before its tasks.
            with suppress(TransferError):
                await remove_tree(connection, layout.staging)
                await connection.rmdir(layout.staging_base)
            raise

    async def _make_staging(self, connection: Connection) -> bool:
        """Make the job's staging directory; returns whether the one above it existed."""
        layout = self._layout
        try:
            with suppress(RemoteExistsError):  # this job's, made by a request whose reply was lost
                await connection.mkdir(layout.staging)
            return True
        except RemoteNotFoundError:
            pass
        except TransferError as error:
            raise await self._unusable(connection, error) from error
        try:
            if layout.directory != "." and not await connection.exists(layout.directory):
                if not self._options.create_dirs:
                    raise CommitError(
                        "The directory does not exist",
                        host=connection.address,
                        path=layout.directory,
                        hint="Make it, or set create_dirs=true",
                    )
                await connection.makedirs(layout.directory)
            elif not (await connection.stat(layout.directory)).is_dir:
                raise self._no_directory(connection)
            # Between these two another job may end and remove the empty directory: go on till it
            # holds.
            for _ in range(10):
                await connection.makedirs(layout.staging_base)
                with suppress(RemoteNotFoundError):
                    await connection.makedirs(layout.staging)
                    return False
        except (ConnectionLostError, StalledError):
            raise
        except TransferError as error:
            raise await self._unusable(connection, error) from error
        raise CommitError(
            "The staging directory keeps disappearing", host=connection.address, path=layout.staging
        )

    async def _unusable(
        self, connection: Connection, error: TransferError
    ) -> TransferError | CommitError:
        if isinstance(error, ConnectionLostError | StalledError):
            return error
        with suppress(TransferError):
            if not (await connection.stat(self._layout.directory)).is_dir:
                return self._no_directory(connection)
        hint = (
            "Give the user write permission there, or choose another path"
            if isinstance(error, RemotePermissionError)
            else "Check the path, and whether the user may make directories there"
        )
        return CommitError(
            f"The target is not writable: {error.message}",
            host=connection.address,
            path=error.path or self._layout.directory,
            hint=hint,
        )

    def _no_directory(self, connection: Connection) -> CommitError:
        return CommitError(
            "A file is where a directory should be",
            host=connection.address,
            path=self._layout.directory,
            hint="Choose another path; for one exact file of that name set single_file=true",
        )

    async def _check_exact(self, connection: Connection) -> None:
        target = self._layout.target
        try:
            found = await connection.stat(target)
        except RemoteNotFoundError:
            return
        if found.is_dir:
            raise CommitError(
                "A directory is where one exact file should be written",
                host=connection.address,
                path=target,
                hint="Remove it, or set single_file=false to write part files into it",
            )
        if not self._overwrite:
            raise exact_exists(connection, target)

    # After the tasks

    async def commit(self, connection: Connection, parts: Sequence[PartFile]) -> WriteStats:
        """Make the job visible.

        Args:
            connection: to the server.
            parts: every part of the successful attempts, in partition order.

        Raises:
            CommitError: a part is missing or a name is taken. `abort` then undoes the job.

        """
        rows = sum(part.rows for part in parts)
        if not rows and not self._options.write_empty:
            parts = ()
        if self._intent is None and self._publishing:
            # The connection was lost while publishing: look whether it got there.
            self._intent = await intents.load(connection, self._layout.intent)
        if self._intent is None:
            self._intent = await self._publish(connection, tuple(parts))
        if not self._visible:
            await promote_all(connection, self._intent)
            self._visible = True
        await finish(connection, self._intent)
        final = self._intent.parts
        stats = WriteStats(len(final), rows, sum(part.size for part in final))
        log.info("%s: wrote %s to %s", connection.address, stats, self._layout.target)
        return stats

    async def _publish(self, connection: Connection, parts: tuple[PartFile, ...]) -> Intent:
        removes: tuple[str, ...] = ()
        if self._overwrite:
            listing = await connection.listdir(self._layout.directory)
            removes = tuple(entry.name for entry in listing if self._is_replaced(entry, parts))
        if self._layout.file_name is not None and parts:
            parts = (await self._joined(connection, parts),)
        intent = intents.intent_for(
            self._layout,
            parts,
            overwrite=self._overwrite,
            removes=removes,
            success_file=self._options.success_file,
            by_copy=self._options.commit_mode == "direct" and self._layout.file_name is not None,
        )
        self._publishing = True
        await intents.publish(connection, intent, by_rename=self._options.commit_mode == "rename")
        return intent

    def _is_replaced(self, entry: RemoteEntry, parts: Sequence[PartFile]) -> bool:
        """Whether an overwrite removes the entry; never another's file, unless asked to."""
        layout = self._layout
        if entry.is_dir:
            return False
        if layout.file_name is not None:
            # The exact file is replaced by rename; with nothing to write it goes.
            return not parts and entry.name == layout.file_name
        if part_tag(entry.name) == layout.tag:
            return False
        if self._options.overwrite_scope == "directory":
            return is_data(entry.name) or entry.name == SUCCESS_FILE
        return is_part(entry.name) or entry.name == SUCCESS_FILE

    async def _joined(self, connection: Connection, parts: tuple[PartFile, ...]) -> PartFile:
        assert self._layout.file_name is not None
        rows = sum(part.rows for part in parts)
        if len(parts) == 1:
            only = parts[0]
            return PartFile(only.staged, self._layout.file_name, rows, only.size, only.sha256)
        sources = [(self._layout.staged_path(part.staged), part.size) for part in parts]
        size = await join(connection, sources, self._layout.staged_path(JOINED))
        return PartFile(JOINED, self._layout.file_name, rows, size, "")

    async def abort(self, connection: Connection) -> None:
        """Remove everything of this job, unless its commit was complete; nobody else's files.

        A commit that made every part visible stands, whatever failed afterwards: an overwrite may
        already have removed the old data.
        """
        layout = self._layout
        intent = self._intent or await intents.load(connection, layout.intent)
        if intent is not None:
            if await is_complete(connection, intent):
                log.warning("%s: the job is complete on the server and stays", layout.target)
                await finish(connection, intent)
                return
            # First the intent, so that nobody finishes what is being undone.
            with suppress(RemoteNotFoundError):
                await connection.remove(intent.path)
            await each(intent.parts, lambda part: demote(connection, intent, part))
        if layout.direct:
            await remove_tagged(connection, layout.directory, layout.tag, keep=())
        await remove_tree(connection, layout.staging)
        with suppress(TransferError):
            await connection.rmdir(layout.staging_base)


async def on_pool(
    pool: ConnectionPool, retry: RetryPolicy, step: Callable[[Connection], Awaitable[T]]
) -> T:
    """Run a step of a commit on a leased connection; again, on another one, if that breaks.

    Raises:
        CommitError: and whatever else the step raises; the last error when retries are used up.

    """
    failures = 0
    while True:
        try:
            async with pool.lease() as connection:
                return await step(connection)
        except (ConnectionLostError, StalledError) as error:
            failures += 1
            delay = retry.delay(failures)
            if delay is None:
                raise
            log.warning("%s; once more in %.1f s", error, delay)
            await asyncio.sleep(delay)
