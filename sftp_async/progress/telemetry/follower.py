"""Follows each job from its messages, and hands its tasks, its commit and its end to the sinks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    ReadProgress,
    RollBackBegun,
    TaskProgress,
)
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.state import BETWEEN, MOST_ENDED, MOST_JOBS, MOST_TASKS, QUIET
from sftp_async.progress.summary import WriteSummary
from sftp_async.progress.telemetry.job_log import log_job
from sftp_async.progress.telemetry.job_result import JobResult, Operation, Outcome
from sftp_async.progress.telemetry.providers import exporter_for
from sftp_async.remote.stats import UNSPENT, ConnectionStats

if TYPE_CHECKING:
    from sftp_async.progress.messages import JobLabels, Message, Telemetry
    from sftp_async.progress.telemetry.spans import Exporter, JobSpans

log = logging.getLogger("sftp_async.progress.telemetry")


@dataclass
class _Job:
    """A running job; `latest` is by the follower's clock, `age` by those of the senders."""

    operation: Operation
    target: str
    labels: JobLabels
    spans: JobSpans | None
    latest: float = 0.0
    age: float = 0.0
    startup: float | None = None
    #: Attempts at partitions that run, and those that have ended.
    running: dict[tuple[int, int], TaskProgress | ReadProgress] = field(default_factory=dict)
    ended: set[tuple[int, int]] = field(default_factory=set)
    #: Partitions that are done; and the most that an attempt at each of them has reported.
    done: set[int] = field(default_factory=set)
    best: dict[int, TaskProgress | ReadProgress] = field(default_factory=dict)
    total: int = 0
    #: What the connections of attempts that have ended took.
    spent: ConnectionStats = UNSPENT
    commit: CommitProgress | None = None
    #: How tasks end from now on is not why the job failed.
    rolls_back: bool = False
    error: str = ""
    error_type: str = ""

    def add(self, message: TaskProgress | ReadProgress) -> bool:
        """Take a task's message; returns whether it is the end of an attempt."""
        key = message.partition, message.attempt
        if key in self.ended:
            return False
        if message.partition not in self.best and len(self.best) >= MOST_TASKS:
            return False
        began = max(0.0, message.began)
        self.startup = began if self.startup is None else min(self.startup, began)
        best = self.best.get(message.partition)
        if best is None or message.rows >= best.rows:
            self.best[message.partition] = message
        if message.state == "running":
            self.running[key] = message
            return False
        self.running.pop(key, None)
        self.ended.add(key)
        self.spent += message.spent
        if message.state == "done":
            self.done.add(message.partition)
            self.best[message.partition] = message
        self.note_error(message.error, message.error_type)
        return True

    def note_error(self, error: str, error_type: str) -> None:
        """Keep the latest error until the job is rolled back; then one only if there is none."""
        if self.rolls_back and (self.error or self.error_type):
            return
        self.error = error or self.error
        self.error_type = error_type or self.error_type

    @property
    def is_read_to_its_end(self) -> bool:
        return self.operation == "read" and 0 < self.total <= len(self.done)

    def patience(self) -> float:
        """Return the seconds without a message after which the job counts as ended."""
        failed = bool(self.error_type) and not self.running
        if self.operation == "read":
            return QUIET if failed else BETWEEN
        # A write ends with a message, unless it is a micro-batch that Spark gives up before that.
        return BETWEEN if failed else float("inf")

    def result(self, job_id: str, end: JobEnded | None) -> JobResult:
        """Return what the job came to, from its end, or without one from what its tasks sent."""
        summary = end.summary if end is not None else None
        if isinstance(summary, WriteSummary) and not summary.failed:
            return _succeeded(summary, self.labels)
        best = self.best.values()
        reads = [each for each in best if isinstance(each, ReadProgress)]
        left_out = sum(each.files_left_out for each in reads)
        spent = sum((each.spent for each in self.running.values()), self.spent)
        seconds = max(self.age, 0.0)
        if isinstance(summary, WriteSummary):
            seconds = summary.seconds
            before = (summary.connections, summary.retries, summary.reconnects)
            spent += ConnectionStats(*before, summary.wait_seconds, summary.throttle_seconds)
            self.note_error(summary.error, "")
        return JobResult(
            self.operation,
            self._outcome(end),
            job_id,
            self.target,
            self.labels,
            # Of a write that failed, no file is there.
            files=sum(each.files for each in reads),
            rows=sum(each.rows for each in best),
            bytes=sum(each.bytes for each in best),
            tasks=len(self.done),
            seconds=seconds,
            startup_seconds=min(seconds, self.startup or 0.0),
            **asdict(spent),
            files_left_out=left_out + max((each.left_out_before for each in reads), default=0),
            error_type=self.error_type,
            error=self.error,
        )

    def _outcome(self, end: JobEnded | None) -> Outcome:
        if self.is_read_to_its_end:
            # An attempt may have failed before the one that is done.
            self.error = self.error_type = ""
            return "succeeded"
        if end is not None or self.error_type:
            return "failed"
        return "partial" if self.operation == "read" else "unknown"


class JobFollower:
    """Follows the jobs of a process; not thread-safe.

    Args:
        exporter_of: returns what takes the spans and metrics of a job with this option `telemetry`;
            None: nothing does.

    """

    def __init__(self, exporter_of: Callable[[Telemetry], Exporter | None] = exporter_for) -> None:
        self._exporter_of = exporter_of
        self._jobs: dict[str, _Job] = {}
        self._ended_ids: dict[str, None] = {}
        #: Whether spans were made.
        self.exports = False

    @property
    def is_busy(self) -> bool:
        """Whether a job has begun that has not ended."""
        return bool(self._jobs)

    def update(self, message: Message, now: float) -> None:
        """Take a message.

        Args:
            message: from a task or the driver.
            now: when it came, in seconds by any clock.

        """
        if message.job in self._ended_ids:
            return
        job = self._jobs.get(message.job)
        if job is None:
            if isinstance(message, JobEnded) and message.summary is None:
                return  # of a micro-batch of which no task has reported
            job = self._jobs[message.job] = self._begin(message)
            while len(self._jobs) > MOST_JOBS:
                self._end(next(iter(self._jobs)), None)
        job.latest, job.labels = now, message.labels
        if isinstance(message, JobEnded):
            job.note_error("", message.error_type)
            self._end(message.job, message)
            return
        job.age = max(job.age, message.age)
        if isinstance(message, RollBackBegun):
            job.rolls_back = True
            return
        if isinstance(message, CommitProgress):
            job.commit = message
            job.note_error(message.error, message.error_type)
            return
        if job.add(message) and job.spans is not None:
            job.spans.add_task(message)
        if isinstance(message, ReadProgress):
            job.total = message.tasks
            if job.is_read_to_its_end:
                self._end(message.job, None)

    def end_quiet(self, now: float) -> None:
        """End the jobs of which no message has come for long: nothing tells that a read is over."""
        for name, job in list(self._jobs.items()):
            if now - job.latest >= job.patience():
                self._end(name, None)

    def close(self) -> None:
        """End all jobs: the process ends."""
        for name in list(self._jobs):
            self._end(name, None)

    def _begin(self, message: Message) -> _Job:
        summary = message.summary if isinstance(message, JobEnded) else None
        reads = isinstance(message, ReadProgress) or isinstance(summary, ReadSummary)
        operation: Operation = "read" if reads else "write"
        if isinstance(message, JobEnded):
            target = summary.target if summary is not None else ""
        else:
            target = message.target
        exporter = self._exporter_of(message.labels.telemetry)
        spans = None
        if exporter is not None:
            self.exports = True
            spans = exporter.begin(operation, message.job, target, message.labels)
        return _Job(operation, target, message.labels, spans)

    def _end(self, name: str, end: JobEnded | None) -> None:
        job = self._jobs.pop(name)
        self._ended_ids[name] = None
        while len(self._ended_ids) > MOST_ENDED:
            del self._ended_ids[next(iter(self._ended_ids))]
        result = job.result(name, end)
        log_job(result)
        if job.spans is None:
            return
        for task in job.running.values():
            job.spans.add_task(task)
        if job.commit is not None:
            job.spans.add_commit(job.commit, result)
        job.spans.end(result)


def _succeeded(summary: WriteSummary, labels: JobLabels) -> JobResult:
    return JobResult(
        "write",
        "succeeded",
        summary.job_id,
        summary.target,
        labels,
        files=summary.files,
        rows=summary.rows,
        bytes=summary.bytes,
        tasks=summary.tasks,
        seconds=summary.seconds,
        startup_seconds=summary.startup_seconds,
        connections=summary.connections,
        retries=summary.retries,
        reconnects=summary.reconnects,
        wait_seconds=summary.wait_seconds,
        throttle_seconds=summary.throttle_seconds,
        files_replaced=summary.files_replaced,
        files_removed=summary.files_removed,
    )
