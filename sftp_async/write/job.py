"""Runs a planned write without Spark: prepare, write each partition, then commit or abort.

A `Job` is planned on the driver (`sftp_async.write.plan`), and pickled to the tasks and to the
process that commits. Every method is synchronous and does its work on the process's runtime. A job
reports its progress to a listener, if it has one, and counts what its connections took.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Self, TypeVar

from sftp_async.humanize import readable_target
from sftp_async.layout.once import IdempotencyKey
from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    JobLabels,
    RollBackBegun,
    TaskProgress,
)
from sftp_async.progress.permits import join_driver
from sftp_async.progress.reporter import Reporter, Sender, text_of
from sftp_async.progress.summary import WriteStats, WriteSummary
from sftp_async.remote.operation import run_operation
from sftp_async.remote.pinning import with_pinned_keys
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.stats import UNSPENT, ConnectionStats
from sftp_async.write.commit import JobCommitter, Surroundings
from sftp_async.write.manifest_content import manifest_content
from sftp_async.write.task import TaskWriter
from sftp_async.write.tracking import TaskMetrics, Tracking

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
        try:
            job: Self = self._run(step)
        except Exception as error:
            # Spark calls no abort for a job that failed before its tasks.
            failure = self._failure(True, text_of(error))
            self._report_end(failure, shown=self.tracking.shown, error_type=type(error).__name__)
            raise
        return replace(job, tracking=job.tracking.plus(self.connection_stats() - before))

    def write(
        self,
        partition: int,
        batches: Iterable[pa.RecordBatch],
        *,
        report: bool = True,
        stage: int = -1,
        attempt: int = 0,
    ) -> tuple[tuple[PartFile, ...], TaskMetrics]:
        """Write one partition; see `TaskWriter.write` for what is returned and raised.

        Args:
            partition: Spark's number of the partition.
            batches: its rows.
            report: a display may show the progress, unless the user has turned that off.
            stage: Spark's number of the stage; -1: unknown.
            attempt: Spark's number of the attempt at the partition.

        """
        report = report and self.options.progress == "auto"
        began, age = time.time(), self.age
        before = self.connection_stats()
        parts: tuple[PartFile, ...] = ()
        last: list[Message] = []
        if not self.committed:
            runtime = join_driver(self.options, self.tracking.listener, in_task=True)
            task = TaskWriter(self.layout, self.options, self.file_format, partition, runtime)
            job, target, labels = self.layout.job_id, self._shown_target, self._labels

            def progress(state: TaskState) -> TaskProgress:
                counters = asdict(task.counters)
                return TaskProgress(
                    "task",
                    job,
                    target,
                    self.age,
                    partition,
                    state,
                    **counters,
                    spent=self.connection_stats() - before,
                    began=age,
                    stage=stage,
                    attempt=attempt,
                    shown=report,
                    labels=labels,
                )

            with self._reporter(progress, last, report=report):
                try:
                    parts = task.write(batches)
                finally:
                    runtime.leave(self.options)
        spent = self.connection_stats() - before
        tracking = self.tracking
        return parts, TaskMetrics(
            spent, tracking.preparation, tracking.started, report, began, *last
        )

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
        job_id, target, labels = self.layout.job_id, self._shown_target, self._labels
        began = self.age
        reported = any(each.reported for each in metrics)

        def progress(state: TaskState) -> CommitProgress:
            return CommitProgress(
                "commit",
                job_id,
                target,
                self.age,
                state=state,
                spent=self.connection_stats() - before,
                began=began,
                shown=reported,
                labels=labels,
            )

        before = self.connection_stats()
        spent = sum((each.connection_stats for each in metrics), self.tracking.preparation)
        last = [each.last for each in metrics if each.last is not None]
        with self._reporter(progress, last, report=reported):
            written = WriteStats(0, 0, 0)
            if not self.committed:
                committer = self._committer(spent)
                # All tasks are done: a server that restarts just now is worth an upload's retries.
                written = self._run(lambda c: committer.commit(c, parts), retry_connect=True)
        spent += self.connection_stats() - before
        seconds = max(0.0, self.age)
        begins = [each.began for each in metrics if each.began is not None]
        startup = min(begins) - self.tracking.started if begins else 0.0
        if written.exact_name:  # another one than the user's with if_exists=rename
            target = readable_target(self.layout.written_to(written.exact_name))
        summary = WriteSummary(
            target=target,
            job_id=job_id,
            files=written.files,
            rows=written.rows,
            bytes=written.bytes,
            seconds=seconds,
            files_replaced=written.files_replaced,
            files_removed=written.files_removed,
            startup_seconds=min(seconds, max(0.0, startup)),
            tasks=len(metrics),
            **asdict(spent),
            ended=time.time(),
        )
        log.info("%s", summary)
        self._report_end(summary, shown=reported, before=last)
        return summary

    def abort(self) -> None:
        """Remove whatever this job left on the server; see `JobCommitter.abort`."""
        self._give_up(self._committer().abort)

    def abandon(self) -> None:
        """Remove what a micro-batch's attempt left; see `JobCommitter.abandon`."""
        self._give_up(self._committer().abandon)

    def _give_up(self, clean_up: Callable[[Connection], Awaitable[bool]]) -> None:
        """Clean up after a failure, and report it, also where the cleanup fails."""
        rolled_back: bool | None = None
        # Tasks that still run fail as what they staged goes, which is not why the job failed.
        self._send(
            RollBackBegun(
                "abort",
                self.layout.job_id,
                self._shown_target,
                self.age,
                self.tracking.shown and self.options.progress == "auto",
                self._labels,
            )
        )
        try:
            rolled_back = self._run(clean_up)
        finally:
            self._report_end(self._failure(rolled_back), shown=self.tracking.shown)

    def connection_stats(self) -> ConnectionStats:
        """Return what the connections of this process took so far, for any job."""
        return get_runtime().pool(self.options).connection_stats()

    @property
    def _shown_target(self) -> str:
        return readable_target(self.layout.target)

    @property
    def _labels(self) -> JobLabels:
        once = self.layout.once
        batch = int(once.name) if once is not None and once.replayed else -1
        return JobLabels.of(self.options, self.tracking.started, batch)

    def _reporter(
        self, progress: Callable[[TaskState], Message], unheard: list[Message], *, report: bool
    ) -> Reporter:
        """Return what reports progress, or, where nothing hears it, adds its end to a list."""
        # What no display may show may be traced.
        wanted = report or self.options.telemetry != "off"
        listener = self.tracking.listener if wanted else None
        kept = self.tracking.listener is None and self.options.telemetry == "otel"
        return Reporter(listener, get_runtime().loop, progress, unheard.append if kept else None)

    def _failure(self, rolled_back: bool | None, error: str = "") -> WriteSummary:
        """Return the summary of a failure; the listener knows what tasks have reported."""
        return WriteSummary(
            target=self._shown_target,
            job_id=self.layout.job_id,
            files=0,
            rows=0,
            bytes=0,
            seconds=max(0.0, self.age),
            failed=True,
            error=error,
            rolled_back=rolled_back,
            **asdict(self.tracking.preparation),
            ended=time.time(),
        )

    def _report_end(
        self,
        summary: WriteSummary | None,
        *,
        shown: bool,
        error_type: str = "",
        before: Sequence[Message] = (),
    ) -> None:
        """Report that the job has ended; without a summary, an attempt at a micro-batch.

        Args:
            summary: what came of it.
            shown: a display may show it.
            error_type: class of the error.
            before: the last messages of tasks and commit, where nothing has heard them.

        """
        shown = shown and self.options.progress == "auto"
        end = JobEnded("end", self.layout.job_id, summary, shown, error_type, self._labels)
        if self.tracking.listener is None:
            from sftp_async.progress.telemetry.unheard import report_job  # rarely needed

            report_job([*before, end])
            return
        self._send(end)

    def _send(self, message: Message) -> None:
        sender = Sender(self.tracking.listener)
        sender.send(lambda: message)
        sender.close()

    def _committer(self, spent: ConnectionStats = UNSPENT) -> JobCommitter:
        age = max(0.0, self.age)
        return JobCommitter(
            self.layout,
            self.options,
            manifest=manifest_content(self.layout, self.options, self.schema, spent, age),
            around=Surroundings.of(self.options, self.file_format, self.schema),
        )

    def _why(self) -> str:
        """Return why there is nothing to do."""
        if self.options.if_exists == "ignore":
            return "the file is there already (if_exists=ignore)"
        return f"job_key={self.options.job_key} was committed before"

    def _run(self, step: Callable[[Connection], Awaitable[T]], *, retry_connect: bool = False) -> T:
        options = self.options
        runtime = join_driver(options, self.tracking.listener, in_task=False)
        retry = RetryPolicy.of(options)
        try:
            return runtime.run(
                run_operation(runtime.pool(options), retry, step, retry_connect=retry_connect)
            )
        finally:
            runtime.leave(options)
