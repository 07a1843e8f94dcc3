"""What is known of the writes of this process: made from messages, read by displays."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

from sftp_async.progress.messages import CommitProgress, JobEnded, Message, TaskProgress
from sftp_async.progress.summary import WriteSummary

#: Seconds that a write takes before it is shown; its first news comes half a second after its
#: start.
SHOWN_AFTER = 0.5
#: Seconds without news after which a write is not shown any more: three heartbeats. Its processes
#: were killed, and nobody was left to tell of it.
QUIET = 6.0
#: The same where no task is under way: more of them, or the commit, may have to start a process.
BETWEEN = 60.0
#: Seconds over which the speed is an average.
WINDOW = 5.0
#: Writes under way, and tasks of one write, that are kept; of more, the oldest writes and the last
#: tasks are left out. A summary is exact whatever was left out.
MOST_WRITES, MOST_TASKS = 64, 2**16
#: Ended writes that are remembered, by their ids alone: what was overtaken on its way, or recorded
#: there and sent once more, neither brings a write back nor its summary.
MOST_ENDED = 4096

Phase = Literal["writing", "committing"]


@dataclass(frozen=True)
class View:
    """A write that is under way, as a display shows it.

    `speed` is in bytes per second, of the last seconds; `seconds` since the job was planned.
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
class _Write:
    """A write under way; times are the listener's own."""

    target: str
    planned: float
    first: float
    latest: float
    tasks: dict[int, TaskProgress] = field(default_factory=dict)
    files: int = 0
    rows: int = 0
    bytes: int = 0
    running: int = 0
    done: int = 0
    committing: bool = False
    #: When there were how many bytes, the oldest first.
    history: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, news: TaskProgress) -> None:
        """Add what is new in a task's counters; those of another attempt count once it leads."""
        old = self.tasks.get(news.partition)
        if old is None:
            if len(self.tasks) >= MOST_TASKS:
                return
            old = replace(news, state="failed", files=0, rows=0, bytes=0)
        new = replace(
            news,
            files=max(old.files, news.files),
            rows=max(old.rows, news.rows),
            bytes=max(old.bytes, news.bytes),
            state="done" if old.state == "done" else news.state,
        )
        self.tasks[news.partition] = new
        self.files += new.files - old.files
        self.rows += new.rows - old.rows
        self.bytes += new.bytes - old.bytes
        self.running += (new.state == "running") - (old.state == "running")
        self.done += (new.state == "done") - (old.state == "done")

    def view(self, job: str, now: float) -> View:
        """Return its picture, and remember the moment for the speed."""
        self.history.append((now, self.bytes))
        while len(self.history) > 2 and self.history[1][0] <= now - WINDOW:
            self.history.popleft()
        since, before = self.history[0]
        return View(
            job=job,
            target=self.target,
            phase="committing" if self.committing else "writing",
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
        last: the summary of the write that was completed last; None: none was.

    """

    def __init__(self) -> None:
        self.last: WriteSummary | None = None
        self._writes: dict[str, _Write] = {}
        self._over: dict[str, None] = {}
        self._ended: list[JobEnded] = []

    def take(self, message: Message, now: float) -> None:
        """Take a message that came at that time, in seconds of any clock."""
        if message.job in self._over:
            return
        if isinstance(message, JobEnded):
            self._end(message)
            return
        write = self._writes.get(message.job)
        if write is None:
            planned = now - max(0.0, message.age)
            write = self._writes[message.job] = _Write(message.target, planned, now, now)
            write.history.append((now, 0))
            while len(self._writes) > MOST_WRITES:
                del self._writes[next(iter(self._writes))]
        write.latest = now
        if isinstance(message, CommitProgress):
            write.committing = True
        else:
            write.take(message)

    def views(self, now: float) -> list[View]:
        """Return the writes to be shown: those that take a while, and are alive."""
        return [
            write.view(job, now)
            for job, write in self._writes.items()
            if self._alive(write, now) and now - write.first >= SHOWN_AFTER
        ]

    def take_ended(self) -> list[JobEnded]:
        """Return what has ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    @property
    def has_ended(self) -> bool:
        """Whether `take_ended` would return anything."""
        return bool(self._ended)

    def is_busy(self, now: float) -> bool:
        """Whether a write is under way that has told of itself."""
        return any(self._alive(write, now) for write in self._writes.values())

    def _alive(self, write: _Write, now: float) -> bool:
        quiet = QUIET if write.running or write.committing else BETWEEN
        return now - write.latest < quiet

    def _end(self, end: JobEnded) -> None:
        if end.summary is not None:
            self.last = end.summary
        self._writes.pop(end.job, None)
        self._over[end.job] = None
        while len(self._over) > MOST_ENDED:
            del self._over[next(iter(self._over))]
        self._ended.append(end)
        del self._ended[:-MOST_WRITES]
