"""A write from its plan to its end, without Spark: plan, prepare, write, commit or abort.

A `Job` is planned on the driver, pickled to the tasks and to whoever commits. Every method is
synchronous and does its work on the process's runtime.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

from sftp_async.commit import JobCommitter, on_pool
from sftp_async.encoders import open_format
from sftp_async.errors import OptionsError
from sftp_async.layout import Layout, infer_format
from sftp_async.retry import RetryPolicy
from sftp_async.runtime import get_runtime
from sftp_async.uploader import TaskUploader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    import pyarrow as pa

    from sftp_async.encoders.base import Format
    from sftp_async.layout import PartFile
    from sftp_async.options import SFTPOptions
    from sftp_async.stats import WriteStats
    from sftp_async.transport import Connection

log = logging.getLogger("sftp_async.job")

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One write to one target."""

    layout: Layout
    options: SFTPOptions
    file_format: Format
    overwrite: bool

    @classmethod
    def plan(cls, options: SFTPOptions, schema: pa.Schema, *, overwrite: bool) -> Self:
        """Check options and schema against each other; no connection is made.

        Args:
            options: as the user gave them; references to secrets are resolved here.
            schema: of the rows to come.
            overwrite: replace what is there.

        Raises:
            OptionsError: the options do not make a job.
            EncodeError: a column cannot be written in the format; names it.

        """
        if options.path is None:
            raise OptionsError(
                "path is missing: give the remote target, as in .save('/upload/orders')"
            )
        options = infer_format(options.resolve())
        file_format = open_format(options, schema)
        layout = Layout.mint(options, file_format.extension)
        limits = [n for n in ("max_records_per_file", "max_file_bytes") if getattr(options, n)]
        if layout.file_name is not None and limits:
            raise OptionsError(
                f"{limits[0]} splits the output, but the path {layout.target} names one exact "
                "file: leave it out, or give a directory"
            )
        return cls(layout, options, file_format, overwrite)

    def prepare(self) -> Self:
        """Check server and target, make the staging directory: the one preflight connection.

        Returns:
            The job with the server's verified host key pinned: tasks need no known_hosts file.

        Raises:
            ConnectError, CommitError: nothing was written, and no task needs to start.

        """

        async def step(connection: Connection) -> Self:
            await self._committer().prepare(connection)
            if self.options.host_key_policy == "insecure":
                log.warning("%s: its host key is not checked (insecure)", connection.address)
            if connection.host_key_line is None or self.options.host_key_policy == "insecure":
                return self
            pinned = {"known_hosts": connection.host_key_line, "host_key_fingerprint": ()}
            return replace(self, options=self.options.model_copy(update=pinned))

        return self._run(step)

    def write(self, partition: int, batches: Iterable[pa.RecordBatch]) -> tuple[PartFile, ...]:
        """Write one partition; see `TaskUploader.write`."""
        return TaskUploader(
            self.layout, self.options, self.file_format, partition, get_runtime()
        ).write(batches)

    def commit(self, parts: Sequence[PartFile]) -> WriteStats:
        """Make all parts visible, in one commit; see `JobCommitter.commit`."""
        committer = self._committer()
        # All tasks are done: a server that restarts just now is worth an upload's patience.
        return self._run(lambda connection: committer.commit(connection, parts), patient=True)

    def abort(self) -> None:
        """Remove whatever this job left on the server; see `JobCommitter.abort`."""
        committer = self._committer()
        self._run(committer.abort)

    def _committer(self) -> JobCommitter:
        return JobCommitter(self.layout, self.options, overwrite=self.overwrite)

    def _run(self, step: Callable[[Connection], Awaitable[T]], *, patient: bool = False) -> T:
        runtime = get_runtime()
        options = self.options
        retry = RetryPolicy(options.max_retries, options.retry_delay)
        return runtime.run(on_pool(runtime.pool(options), retry, step, patient=patient))
