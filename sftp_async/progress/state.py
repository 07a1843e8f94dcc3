"""Keeps the state of this process's writes and reads: built from messages, read by displays."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from sftp_async.progress.history import KEPT
from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    Message,
    ReadProgress,
    RollBackBegun,
    TaskProgress,
)
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.summary import WriteSummary
from sftp_async.remote.stats import UNSPENT

#: Seconds after a write's first message before it is shown; that message is sent half a second
#: after the start of a task.
SHOWN_AFTER = 0.5
#: Seconds without a message after which a write is no longer shown: three heartbeats. Its processes
#: were probably killed.
QUIET = 6.0
#: The same while no task runs: further tasks, or the commit, may have to start a process.
BETWEEN = 60.0
#: Seconds over which the speed is an average.
WINDOW = 5.0
#: Running writes, and tasks of one write, that are kept. If there are more, the oldest writes and
#: the last tasks are left out; summaries stay exact.
MOST_JOBS, MOST_TASKS = 64, 2**16
#: Ended writes whose ids are kept, so that a datagram that arrives late, or was recorded and sent
#: again, brings back neither a write nor its summary.
MOST_ENDED = 4096

#: Times that Spark is asked for the number of tasks of a stage.
ASKED = 10

#: The counters of the paths through a decoder, the fast one first.
PATHS = ("fast_bytes", "exact_bytes")

#: What the driver does behind the tasks.
AFTER_TASKS = ("committing", "rolling back")
Phase = Literal["writing", "committing", "reading", "rolling back"]


@dataclass(frozen=True)
class View:
    """A running write or read, as a display shows it.

    `speed` is in bytes per second over `WINDOW`; `seconds` is the time since the job was planned,
    of which the first task began after `startup`; `tasks` is the number of all tasks, 0: unknown;
    `left` is about how many seconds the tasks still take, None: nothing tells; `waiting` is how
    many tasks of this driver wait for a connection, in words.
    """

    job: str
    target: str
    phase: Phase
    files: int
    rows: int
    bytes: int
    running: int
    done: int
    speed: float
    seconds: float
    startup: float = 0.0
    tasks: int = 0
    left: float | None = None
    waiting: str = ""


@dataclass
class _Job:
    """A running write or read; all times are by the listener's clock."""

    target: str
    planned: float
    first: float
    latest: float
    tasks: dict[int, TaskProgress | ReadProgress] = field(default_factory=dict)
    files: int = 0
    rows: int = 0
    bytes: int = 0
    running: int = 0
    done: int = 0
    phase: Phase = "writing"
    #: Seconds from the plan until the first task began; None: no task has reported yet.
    startup: float | None = None
    #: The number of all tasks, 0: unknown; Spark's number of the stage, which knows it; how often
    #: it was asked.
    total: int = 0
    stage: int = -1
    asked: int = 0
    #: Bytes of the tasks that are done.
    done_bytes: int = 0
    #: Why a task, or the commit, failed last.
    error: str = ""
    #: Times with the number of bytes, the oldest first.
    history: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, progress: TaskProgress | ReadProgress) -> None:
        """Add the growth of a task's counters; a further attempt counts once it is ahead."""
        old = self.tasks.get(progress.partition)
        if old is None:
            if len(self.tasks) >= MOST_TASKS:
                return
            old = replace(progress, state="failed", files=0, rows=0, bytes=0)
        new = replace(
            progress,
            files=max(old.files, progress.files),
            rows=max(old.rows, progress.rows),
            bytes=max(old.bytes, progress.bytes),
            state="done" if old.state == "done" else progress.state,
        )
        self.tasks[progress.partition] = new
        began = max(0.0, progress.began)
        self.startup = began if self.startup is None else min(self.startup, began)
        if self.phase != "rolling back" or not self.error:
            self.error = progress.error or self.error
        self.files += new.files - old.files
        self.rows += new.rows - old.rows
        self.bytes += new.bytes - old.bytes
        self.running += (new.state == "running") - (old.state == "running")
        self.done += (new.state == "done") - (old.state == "done")
        if new.state == "done":
            self.done_bytes += new.bytes - (old.bytes if old.state == "done" else 0)

    def view(self, job: str, now: float) -> View:
        """Return what a display shows, and keep a point for the speed."""
        self.history.append((now, self.bytes))
        while len(self.history) > 2 and self.history[1][0] <= now - WINDOW:
            self.history.popleft()
        since, before = self.history[0]
        speed = (self.bytes - before) / (now - since) if now > since else 0.0
        return View(
            job=job,
            target=self.target,
            phase=self.phase,
            files=self.files,
            rows=self.rows,
            bytes=self.bytes,
            running=self.running,
            done=self.done,
            speed=speed,
            seconds=now - self.planned,
            startup=self.startup or 0.0,
            tasks=self.total,
            left=self._left(speed),
        )

    def _left(self, speed: float) -> float | None:
        """Return about how many seconds the tasks still take; None: nothing tells.

        The tasks to come are taken for as large as those that are done, once as many are done as
        run at a time.
        """
        known = self.total and self.done >= max(1, self.running) and self.phase not in AFTER_TASKS
        if not known or self.done >= self.total or not speed:
            return None
        expected = self.done_bytes / self.done * self.total
        return max(0.0, expected - self.bytes) / speed


class WriteState:
    """The writes of a process. Not thread-safe: the listener has a lock.

    Attributes:
        last: the summary of the write that was completed last; None before the first.
        history: summaries of the last writes and reads by job, the oldest first.
        last_read: the summary of the read that a task of which has ended last; None before that.

    """

    def __init__(self) -> None:
        self.last: WriteSummary | None = None
        self.last_read: ReadSummary | None = None
        self.history: dict[str, WriteSummary | ReadSummary] = {}
        self._jobs: dict[str, _Job] = {}
        self._ended_ids: dict[str, None] = {}
        self._ended: list[JobEnded] = []

    def update(self, message: Message, now: float) -> None:
        """Update the state by a message.

        Args:
            message: from a task or the driver.
            now: when it came, in seconds by any clock.

        """
        if message.job in self._ended_ids:
            return
        if isinstance(message, JobEnded):
            self._end(message)
            return
        job = self._jobs.get(message.job)
        if job is None:
            planned = now - max(0.0, message.age)
            job = self._jobs[message.job] = _Job(message.target, planned, now, now)
            job.history.append((now, 0))
            while len(self._jobs) > MOST_JOBS:
                del self._jobs[next(iter(self._jobs))]
        job.latest = now
        if isinstance(message, RollBackBegun):
            job.phase = "rolling back"
            return
        if isinstance(message, CommitProgress):
            job.phase = "committing"
            job.error = message.error or job.error
            return
        job.add(message)
        if isinstance(message, TaskProgress):
            job.stage = message.stage
        else:
            job.phase = "reading"
            job.total = message.tasks
            if message.state != "running":
                self._task_read(message, job, now)

    def _task_read(self, message: ReadProgress, job: _Job, now: float) -> None:
        """Sum up a read of which a task has ended: nothing else tells when a read is over."""
        tasks = [task for task in job.tasks.values() if isinstance(task, ReadProgress)]
        fast, exact = (sum(getattr(task, name) for task in tasks) for name in PATHS)
        self.last_read = ReadSummary(
            target=job.target,
            files=job.files,
            rows=job.rows,
            bytes=job.bytes,
            seconds=now - job.planned,
            tasks=message.tasks,
            tasks_done=job.done,
            files_left_out=message.left_out_before + sum(task.files_left_out for task in tasks),
            **asdict(sum((task.spent for task in tasks), UNSPENT)),
            exact_share=exact / (fast + exact) if fast + exact else None,
            ranges=sum(task.ranges for task in tasks),
            startup_seconds=min(now - job.planned, job.startup or 0.0),
            ended=time.time(),
        )
        self._remember(message.job, self.last_read)
        if job.done == message.tasks:
            self._end(JobEnded("end", message.job, self.last_read))

    def views(self, now: float) -> list[View]:
        """Return the writes to show: those that take longer than `SHOWN_AFTER` and are alive."""
        return [
            job.view(name, now)
            for name, job in self._jobs.items()
            if self._alive(job, now) and now - job.first >= SHOWN_AFTER
        ]

    def unknown_stages(self) -> dict[str, int]:
        """Return Spark's stages of writes whose number of tasks is not known yet, by job."""
        unknown = {}
        for name, job in self._jobs.items():
            if job.stage >= 0 and not job.total and job.asked < ASKED:
                job.asked += 1
                unknown[name] = job.stage
        return unknown

    def know_tasks(self, job: str, tasks: int) -> None:
        """Take the number of all tasks of a write."""
        if job in self._jobs:
            self._jobs[job].total = tasks

    def pop_ended(self) -> list[JobEnded]:
        """Return the writes that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    @property
    def has_ended(self) -> bool:
        """Whether `pop_ended` would return anything."""
        return bool(self._ended)

    def is_busy(self, now: float) -> bool:
        """Whether a write runs, as far as messages have come."""
        return any(self._alive(job, now) for job in self._jobs.values())

    def _alive(self, job: _Job, now: float) -> bool:
        # A read of which no task runs is over: Spark wanted no more rows.
        quiet = BETWEEN if job.phase == "writing" and not job.running else QUIET
        return now - job.latest < quiet

    def _end(self, end: JobEnded) -> None:
        job = self._jobs.pop(end.job, None)
        summary = end.summary
        if isinstance(summary, WriteSummary):
            if summary.failed:
                summary = _with_progress(summary, job)
                end = replace(end, summary=summary)
            else:
                self.last = summary
            self._remember(end.job, summary)
        self._ended_ids[end.job] = None
        while len(self._ended_ids) > MOST_ENDED:
            del self._ended_ids[next(iter(self._ended_ids))]
        self._ended.append(end)
        del self._ended[:-MOST_JOBS]

    def _remember(self, job: str, summary: WriteSummary | ReadSummary) -> None:
        self.history.pop(job, None)
        self.history[job] = summary
        while len(self.history) > KEPT:
            del self.history[next(iter(self.history))]


def _with_progress(failed: WriteSummary, job: _Job | None) -> WriteSummary:
    """Return the summary of a write that failed, with what its tasks had reported."""
    if job is None:
        return failed
    return replace(
        failed,
        rows=job.rows,
        bytes=job.bytes,
        tasks=job.done,
        startup_seconds=min(failed.seconds, job.startup or 0.0),
        error=failed.error or job.error,
    )
