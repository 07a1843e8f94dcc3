"""Keeps the state of this process's writes and reads: built from messages, read by displays."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    Message,
    ReadProgress,
    TaskProgress,
)
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.summary import WriteSummary

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

#: The counters of the paths through a decoder, the fast one first.
PATHS = ("fast_bytes", "exact_bytes")

Phase = Literal["writing", "committing", "reading"]


@dataclass(frozen=True)
class View:
    """A running write or read, as a display shows it.

    `speed` is in bytes per second over `WINDOW`; `seconds` is the time since the job was planned.
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
        self.files += new.files - old.files
        self.rows += new.rows - old.rows
        self.bytes += new.bytes - old.bytes
        self.running += (new.state == "running") - (old.state == "running")
        self.done += (new.state == "done") - (old.state == "done")

    def view(self, job: str, now: float) -> View:
        """Return what a display shows, and keep a point for the speed."""
        self.history.append((now, self.bytes))
        while len(self.history) > 2 and self.history[1][0] <= now - WINDOW:
            self.history.popleft()
        since, before = self.history[0]
        return View(
            job=job,
            target=self.target,
            phase=self.phase,
            files=self.files,
            rows=self.rows,
            bytes=self.bytes,
            running=self.running,
            done=self.done,
            speed=(self.bytes - before) / (now - since) if now > since else 0.0,
            seconds=now - self.planned,
        )


class WriteState:
    """The writes of a process. Not thread-safe: the listener has a lock.

    Attributes:
        last: the summary of the write that was completed last; None before the first.
        last_read: the summary of the read that a task of which has ended last; None before that.

    """

    def __init__(self) -> None:
        self.last: WriteSummary | None = None
        self.last_read: ReadSummary | None = None
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
        if isinstance(message, CommitProgress):
            job.phase = "committing"
            return
        job.add(message)
        if isinstance(message, ReadProgress):
            job.phase = "reading"
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
            connections=sum(task.connections for task in tasks),
            retries=sum(task.retries for task in tasks),
            reconnects=sum(task.reconnects for task in tasks),
            exact_share=exact / (fast + exact) if fast + exact else None,
            ranges=sum(task.ranges for task in tasks),
        )
        if job.done == message.tasks:
            self._end(JobEnded("end", message.job, self.last_read))

    def views(self, now: float) -> list[View]:
        """Return the writes to show: those that take longer than `SHOWN_AFTER` and are alive."""
        return [
            job.view(name, now)
            for name, job in self._jobs.items()
            if self._alive(job, now) and now - job.first >= SHOWN_AFTER
        ]

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
        if isinstance(end.summary, WriteSummary):
            self.last = end.summary
        self._jobs.pop(end.job, None)
        self._ended_ids[end.job] = None
        while len(self._ended_ids) > MOST_ENDED:
            del self._ended_ids[next(iter(self._ended_ids))]
        self._ended.append(end)
        del self._ended[:-MOST_JOBS]
