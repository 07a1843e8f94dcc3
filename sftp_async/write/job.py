"""Runs a planned write without Spark: prepare, write each partition, then commit or abort.

A `Job` is planned on the driver (`sftp_async.write.plan`), and pickled to the tasks and to the
process that commits. Every method is synchronous and does its work on the process's runtime. A job
reports its progress to a listener, if it has one, and counts what its connections took.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sftp_async.humanize import readable_target
from sftp_async.layout.once import IdempotencyKey
from sftp_async.progress.messages import CommitProgress, JobEnded, TaskProgress
from sftp_async.progress.reporter import Reporter, Sender
from sftp_async.progress.summary import WriteStats, WriteSummary
from sftp_async.remote.operation import run_operation
from sftp_async.remote.pinning import with_pinned_keys
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.stats import UNSPENT, ConnectionStats
from sftp_async.write.commit import ControlRecords, JobCommitter
from sftp_async.write.task import TaskWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Address, Message, TaskState
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.write.job")

T = TypeVar("T")


@dataclass(frozen=True)
class Tracking:
    """What a job's progress and summary are made from.

    `started` is when the job was planned, in seconds since 1970; `preparation` is what its
    connections took before the tasks; `listener` is where its progress goes.
    """

    started: float = field(default_factory=time.time)
    preparation: ConnectionStats = UNSPENT
    listener: Address | None = None

    def plus(self, preparation: ConnectionStats) -> Self:
        """Return the same with further preparation."""
        return replace(self, preparation=self.preparation + preparation)


@dataclass(frozen=True)
class TaskMetrics:
    """What a task attempt sends to the commit together with its parts.

    `connection_stats` is what its connections took; `preparation` and `started` are those of the
    job's `Tracking`; `reported` is whether the attempt reported its progress.
    """

    connection_stats: ConnectionStats = UNSPENT
    preparation: ConnectionStats = UNSPENT
    started: float | None = None
    reported: bool = False


@dataclass(frozen=True)
class Job:
    """One write to one target."""

    layout: Layout
    options: SFTPOptions
    file_format: Format
    schema: pa.Schema
    #: A job of the same key was committed before, or its file exists: this one writes nothing.
    committed: bool = False
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def age(self) -> float:
        """Seconds since the job was planned; less than 0 where this machine's clock is behind."""
        return time.time() - self.tracking.started

    def with_listener(self, listener: Address | None) -> Self:
        """Return the job with a listener to report its progress to."""
        return replace(self, tracking=replace(self.tracking, listener=listener))

    def of_batch(
        self, job_id: str, query_id: str, batch_id: int, metrics: TaskMetrics | None = None
    ) -> Self:
        """Return one attempt at a micro-batch, as the process that commits or aborts it needs it.

        Args:
            job_id: of the attempt.
            query_id: of the streaming query.
            batch_id: the number of the batch.
            metrics: of one of the attempt's tasks: another process has planned and prepared it.

        """
        once = IdempotencyKey.of_batch(query_id, batch_id)
        job = replace(self, layout=self.layout.of_attempt(job_id, once))
        if metrics is None:
            return job
        tracking = replace(job.tracking, started=metrics.started or job.tracking.started)
        return replace(job, tracking=tracking.plus(metrics.preparation))

    def check(self) -> Self:
        """Ensure that the server accepts the login.

        Returns:
            The job, with what the login took.

        Raises:
            ConnectError: the server does not.

        """

        async def step(connection: Connection) -> None:
            log.debug("%s: logged in", connection.address)

        before = self.connection_stats()
        self._run(step, retry_connect=True)
        return replace(self, tracking=self.tracking.plus(self.connection_stats() - before))

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
            return replace(self, options=with_pinned_keys(self.options, connection))

        before = self.connection_stats()
        job: Self = self._run(step)
        return replace(job, tracking=job.tracking.plus(self.connection_stats() - before))

    def write(
        self, partition: int, batches: Iterable[pa.RecordBatch], *, report: bool = True
    ) -> tuple[tuple[PartFile, ...], TaskMetrics]:
        """Write one partition; see `TaskWriter.write` for what is returned and raised.

        Args:
            partition: Spark's number of the partition.
            batches: its rows.
            report: report the progress, unless the user has turned that off.

        """
        report = report and self.options.progress == "auto"
        before = self.connection_stats()
        parts: tuple[PartFile, ...] = ()
        if not self.committed:
            task = TaskWriter(self.layout, self.options, self.file_format, partition, get_runtime())
            job, target = self.layout.job_id, self._shown_target

            def progress(state: TaskState) -> TaskProgress:
                return TaskProgress(
                    "task", job, target, self.age, partition, state, **asdict(task.counters)
                )

            with self._reporter(progress, report=report):
                parts = task.write(batches)
        spent = self.connection_stats() - before
        tracking = self.tracking
        return parts, TaskMetrics(spent, tracking.preparation, tracking.started, report)

    def commit(
        self, parts: Sequence[PartFile], metrics: Sequence[TaskMetrics] = ()
    ) -> WriteSummary:
        """Make all parts visible, in one commit; see `JobCommitter.commit` for what is raised.

        Args:
            parts: of the successful attempts, in partition order.
            metrics: of the same attempts.

        Returns:
            What the write did; without files if the job was committed before.

        """
        job_id, target = self.layout.job_id, self._shown_target

        def progress(_: TaskState) -> CommitProgress:
            return CommitProgress("commit", job_id, target, self.age)

        before = self.connection_stats()
        spent = sum((each.connection_stats for each in metrics), self.tracking.preparation)
        with self._reporter(progress, report=any(each.reported for each in metrics)):
            written = WriteStats(0, 0, 0)
            if not self.committed:
                committer = self._committer(spent)
                # All tasks are done: a server that restarts just now is worth an upload's retries.
                written = self._run(lambda c: committer.commit(c, parts), retry_connect=True)
        spent += self.connection_stats() - before
        summary = WriteSummary(
            target=target,
            job_id=job_id,
            files=written.files,
            rows=written.rows,
            bytes=written.bytes,
            seconds=max(0.0, self.age),
            connections=spent.connections,
            retries=spent.retries,
            reconnects=spent.reconnects,
            files_replaced=written.files_replaced,
            files_removed=written.files_removed,
        )
        log.info("%s", summary)
        self._report_end(summary)
        return summary

    def abort(self) -> None:
        """Remove whatever this job left on the server; see `JobCommitter.abort`."""
        committer = self._committer()
        try:
            self._run(committer.abort)
        finally:
            self._report_end(None)

    def abandon(self) -> None:
        """Remove what a micro-batch's attempt left; see `JobCommitter.abandon`."""
        committer = self._committer()
        self._run(committer.abandon)

    def connection_stats(self) -> ConnectionStats:
        """Return what the connections of this process took so far, for any job."""
        return get_runtime().pool(self.options).connection_stats()

    @property
    def _shown_target(self) -> str:
        return readable_target(self.layout.target)

    def _reporter(self, progress: Callable[[TaskState], Message], *, report: bool) -> Reporter:
        listener = self.tracking.listener if report else None
        return Reporter(listener, get_runtime().loop, progress)

    def _report_end(self, summary: WriteSummary | None) -> None:
        """Report that the job has ended; without a summary it has failed."""
        sender = Sender(self.tracking.listener)
        sender.send(lambda: JobEnded("end", self.layout.job_id, summary))
        sender.close()

    def _committer(self, spent: ConnectionStats = UNSPENT) -> JobCommitter:
        return JobCommitter(
            self.layout,
            self.options,
            manifest=self._manifest(spent),
            control=ControlRecords.of(self.options, self.file_format.footer),
        )

    def _why(self) -> str:
        """Return why there is nothing to do."""
        if self.options.if_exists == "ignore":
            return "the file is there already (if_exists=ignore)"
        return f"job_key={self.options.job_key} was committed before"

    def _manifest(self, spent: ConnectionStats) -> dict[str, Any] | None:
        """Return what the manifest holds besides the files, if one is written.

        Args:
            spent: what the connections took until the commit began: a manifest is complete before
                the commit is.

        """
        if not self.options.manifest:
            return None
        once = self.layout.once
        content: dict[str, Any] = {}
        if self.options.job_key is not None:
            content["job_key"] = self.options.job_key
        elif once is not None:
            content |= {"query": once.scope, "batch": int(once.name)}
        content["format"] = self.options.format
        if self.options.partition_by:
            content["partition_by"] = list(self.options.partition_by)
        content["schema"] = [
            {"name": column.name, "type": str(column.type), "nullable": column.nullable}
            for column in self.schema
        ]
        content["seconds"] = round(max(0.0, self.age), 3)
        return content | asdict(spent)

    def _run(self, step: Callable[[Connection], Awaitable[T]], *, retry_connect: bool = False) -> T:
        runtime = get_runtime()
        options = self.options
        retry = RetryPolicy.of(options)
        return runtime.run(
            run_operation(runtime.pool(options), retry, step, retry_connect=retry_connect)
        )
