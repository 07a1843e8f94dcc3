"""A write from its plan to its end, without Spark: plan, prepare, write, commit or abort.

A `Job` is planned on the driver, pickled to the tasks and to whoever commits. Every method is
synchronous and does its work on the process's runtime.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sftp_async.errors import OptionsError
from sftp_async.formats import open_format
from sftp_async.formats.base import RowFiles
from sftp_async.humanize import readable_target
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.name_template import fields_of
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.target import infer_format, name_exactly
from sftp_async.progress.messages import TaskProgress
from sftp_async.progress.reporter import Reporter
from sftp_async.progress.summary import WriteStats
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.stats import UNSPENT, ConnectionStats
from sftp_async.write.commit import ControlRecords, JobCommitter
from sftp_async.write.partitioner import Partitioning
from sftp_async.write.task import TaskWriter
from sftp_async.write.validation import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Address, TaskState
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.write.job")

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One write to one target."""

    layout: Layout
    options: SFTPOptions
    file_format: Format
    schema: pa.Schema
    #: A job of the same key was committed before, or its file is there: this one writes nothing.
    committed: bool = False
    #: When it was planned, in seconds since 1970.
    started: float = field(default_factory=time.time)
    #: What its preparation took.
    prepared: ConnectionStats = UNSPENT
    #: Who wants to hear of it.
    listener: Address | None = None

    @property
    def age(self) -> float:
        """Seconds since it was planned; less than 0 where this machine's clock is behind."""
        return time.time() - self.started

    @classmethod
    def plan(
        cls,
        options: SFTPOptions,
        schema: pa.Schema,
        *,
        overwrite: bool,
        lineage: str = "",
        stream: bool = False,
    ) -> Self:
        """Check options and schema against each other; no connection is made.

        Args:
            options: as the user gave them; references to secrets are resolved here.
            schema: of the rows to come.
            overwrite: replace what is there.
            lineage: what the attempts of one streaming query have in common.
            stream: whether it is one of a query's micro-batches.

        Raises:
            OptionsError: the options do not make a job.
            EncodeError: a column cannot be written in the format; names it.

        """
        if options.path is None:
            raise OptionsError(
                "path is missing: give the remote target, as in .save('/upload/orders')"
            )
        now = datetime.now().astimezone()
        template = options.file_name_template
        options = infer_format(name_exactly(options.resolve(), now))
        partitioning = Partitioning.plan(options, schema)
        file_format = open_format(options, partitioning.data(schema))
        layout = Layout.new(
            options,
            file_format.extension,
            overwrite=overwrite,
            lineage=lineage,
            now=now,
            row_files=isinstance(file_format, RowFiles),
            template=template,
        )
        check(layout, options, file_format, stream=stream, overwrite=overwrite)
        if layout.file_name is not None:
            file_format = file_format.for_concatenation()
        return cls(layout, options, file_format, schema)

    @classmethod
    def plan_stream(
        cls, options: SFTPOptions, schema: pa.Schema, *, overwrite: bool, checkpoint: str
    ) -> Self:
        """Check options and schema of a streaming query; see `plan`.

        Args:
            options: as the user gave them.
            schema: of the rows to come.
            overwrite: each micro-batch replaces what is there: output mode `complete`.
            checkpoint: the query's checkpoint location, if it is known.

        """
        if options.job_key is not None:
            raise OptionsError(
                "job_key is for batch writes: each batch of a streaming query has a key already"
            )
        if overwrite and "now" in fields_of(options.file_name_template or ""):
            raise OptionsError(
                "file_name_template holds {now}, but each batch of a query in output mode complete "
                "has to find the files of the one before: leave {now} out"
            )
        if "write_empty" not in options.model_fields_set:
            options = options.model_copy(update={"write_empty": False})
        job = cls.plan(
            options,
            schema,
            overwrite=overwrite,
            lineage=f"{checkpoint}\0{options.path}" if checkpoint else "",
            stream=True,
        )
        if job.layout.file_name is not None and not job.layout.overwrite:
            raise OptionsError(
                f"The path {job.layout.target} names one exact file, to which a streaming query "
                'cannot append: give a directory, or use outputMode("complete")'
            )
        return job

    def of_batch(self, job_id: str, query_id: str, batch_id: int) -> Self:
        """Return an attempt at a micro-batch, as its tasks and their driver made it."""
        once = IdempotencyKey.of_batch(query_id, batch_id)
        return replace(self, layout=self.layout.of_attempt(job_id, once))

    def prepare(self) -> Self:
        """Check server and target, make the staging directory: the one preflight connection.

        Returns:
            The job with the verified host keys of the server and of the bastions pinned: tasks
            need no known_hosts file.

        Raises:
            ConnectError, CommitError: nothing was written, and no task needs to start.

        """

        async def step(connection: Connection) -> Self:
            if not await self._committer().prepare(connection):
                log.warning("%s: %s; this write changes nothing", self.layout.target, self._why())
                return replace(self, committed=True)
            if self.options.host_key_policy == "insecure":
                log.warning("%s: its host key is not checked (insecure)", connection.address)
            if self.options.legacy_algorithms:
                log.warning("%s: outdated algorithms are offered (legacy)", connection.address)
            if connection.host_key_line is None or self.options.host_key_policy == "insecure":
                return self
            pinned = {
                "known_hosts": connection.host_key_line,
                "host_key_fingerprint": (),
                "proxy_jump_host_key_fingerprint": connection.bastion_host_keys,
            }
            return replace(self, options=self.options.model_copy(update=pinned))

        before = self.connection_stats()
        job: Self = self._run(step)
        return replace(job, prepared=self.prepared + self.connection_stats() - before)

    def write(
        self,
        partition: int,
        batches: Iterable[pa.RecordBatch],
        *,
        live: bool = False,
    ) -> tuple[PartFile, ...]:
        """Write one partition; see `TaskWriter.write`. `live`: tell how far it is."""
        if self.committed:
            return ()
        runtime = get_runtime()
        task = TaskWriter(self.layout, self.options, self.file_format, partition, runtime)
        job, target = self.layout.job_id, readable_target(self.layout.target)

        def news(state: TaskState) -> TaskProgress:
            return TaskProgress(
                "task", job, target, self.age, partition, state, **asdict(task.counters)
            )

        try:
            with Reporter(self.listener if live else None, runtime.loop, news):
                return task.write(batches)
        finally:
            self._free_connection()

    def connection_stats(self) -> ConnectionStats:
        """Return what the connections of this process took so far, for whatever job."""
        return get_runtime().pool(self.options).connection_stats()

    def commit(self, parts: Sequence[PartFile], line: ConnectionStats = UNSPENT) -> WriteStats:
        """Make all parts visible, in one commit; see `JobCommitter.commit`.

        Args:
            parts: of the successful attempts, in partition order.
            line: what the job took until now, for the manifest.

        """
        if self.committed:
            return WriteStats(0, 0, 0)
        committer = self._committer(line)
        # All tasks are done: a server that restarts just now is worth an upload's patience.
        return self._run(lambda connection: committer.commit(connection, parts), retry_connect=True)

    def abort(self) -> None:
        """Remove whatever this job left on the server; see `JobCommitter.abort`."""
        committer = self._committer()
        self._run(committer.abort)

    def abandon(self) -> None:
        """Remove what a micro-batch's attempt left; see `JobCommitter.abandon`."""
        committer = self._committer()
        self._run(committer.abandon)

    def check(self) -> Self:
        """See that the server lets us in.

        Returns:
            The job, which knows what that took.

        Raises:
            ConnectError: it does not.

        """

        async def step(connection: Connection) -> None:
            log.debug("%s: logged in", connection.address)

        before = self.connection_stats()
        self._run(step, retry_connect=True)
        return replace(self, prepared=self.prepared + self.connection_stats() - before)

    def _committer(self, line: ConnectionStats = UNSPENT) -> JobCommitter:
        return JobCommitter(
            self.layout,
            self.options,
            manifest=self._manifest(line),
            control=ControlRecords.of(self.options, self.file_format.footer),
        )

    def _why(self) -> str:
        """Tell why there is nothing to do."""
        if self.options.if_exists == "ignore":
            return "the file is there already (if_exists=ignore)"
        return f"job_key={self.options.job_key} was committed before"

    def _manifest(self, line: ConnectionStats) -> dict[str, Any] | None:
        if not self.options.manifest:
            return None
        once = self.layout.once
        said: dict[str, Any] = {}
        if self.options.job_key is not None:
            said["job_key"] = self.options.job_key
        elif once is not None:
            said |= {"query": once.scope, "batch": int(once.name)}
        said["format"] = self.options.format
        if self.options.partition_by:
            said["partition_by"] = list(self.options.partition_by)
        said["schema"] = [
            {"name": column.name, "type": str(column.type), "nullable": column.nullable}
            for column in self.schema
        ]
        # Until here: a manifest is complete before the commit is.
        said["seconds"] = round(max(0.0, self.age), 3)
        return said | asdict(line)

    def _run(self, step: Callable[[Connection], Awaitable[T]], *, retry_connect: bool = False) -> T:
        runtime = get_runtime()
        options = self.options
        retry = RetryPolicy.of(options)
        try:
            return runtime.run(
                run_operation(runtime.pool(options), retry, step, retry_connect=retry_connect)
            )
        finally:
            self._free_connection()

    def _free_connection(self) -> None:
        """Close the connection if the server allows but one.

        Preparation, tasks and commit are in different processes of Spark, and a connection that
        waits in one of them for `idle_timeout` keeps out the next one.
        """
        if self.options.max_connections == 1:
            runtime = get_runtime()
            runtime.run(runtime.pool(self.options).close_idle())
