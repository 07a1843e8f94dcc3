"""The summary of a read: what its tasks have read, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from sftp_async.humanize import counted, speed_of
from sftp_async.progress.html_table import table
from sftp_async.remote.stats import ConnectionStats


@dataclass(frozen=True)
class ReadSummary:
    """What a read did, and what it took.

    Attributes:
        target: path on the server, as the user gave it.
        files: files that its tasks are done with; one that several tasks share counts once.
        rows: handed to Spark.
        bytes: that came from the server.
        seconds: from the plan on the driver to the end of the last task.
        tasks: of the read.
        tasks_done: tasks that have ended; fewer where Spark wanted no more rows (LIMIT).
        files_left_out: files that were not read: hidden, incomplete, missing or corrupt ones. One
            that several tasks share counts for each range that is missing.
        exact_share: of the bytes of CSV, JSON and XML, decompressed, the share that was not plain
            enough for the fast path of its decoder, from 0 to 1; None for other formats.
        connections: logins of the tasks; a Python worker keeps its connections for the next read.
        retries: logins and requests that were repeated.
        reconnects: connections that broke.
        ranges: parts of files that were read; as many as files where no file was split.
        startup_seconds: of `seconds`, those before the first task began: listing the files, and
            Spark's start of Python workers. By the clocks of two machines on a cluster.
        wait_seconds: that tasks waited for connections, logins and their retries included; waits at
            the same time add up.
        throttle_seconds: that bytes waited for the bandwidth (`max_bandwidth`), in the same way.
        ended: when the last task so far ended, in seconds since 1970.

    """

    target: str
    files: int
    rows: int
    bytes: int
    seconds: float
    tasks: int
    tasks_done: int
    files_left_out: int = 0
    connections: int = 0
    retries: int = 0
    reconnects: int = 0
    exact_share: float | None = None
    ranges: int = 0
    startup_seconds: float = 0.0
    wait_seconds: float = 0.0
    throttle_seconds: float = 0.0
    ended: float = field(default=0.0, compare=False)

    @property
    def transfer_seconds(self) -> float:
        """Seconds from the begin of the first task to the end of the last one."""
        return max(0.0, self.seconds - self.startup_seconds)

    @property
    def bytes_per_second(self) -> float:
        """Bytes of the files per second of `transfer_seconds`."""
        return self.bytes / self.transfer_seconds if self.transfer_seconds > 0 else 0.0

    def __str__(self) -> str:
        took = ConnectionStats(self.connections, self.retries, self.reconnects)
        read = counted((self.files, "file"), (self.rows, "row"), (self.bytes, "byte"))
        left_out = f"; {counted((self.files_left_out, 'file'))} left out"
        some = f"; {self.tasks_done} of {counted((self.tasks, 'task'))}"
        return (
            f"read {read} from {self.target} in {self.seconds:.1f} s "
            f"({self.startup_seconds:.1f} s start-up"
            f"{speed_of(self.bytes, self.transfer_seconds, then=True)}; {took})"
            f"{left_out if self.files_left_out else ''}"
            f"{f'; {self.exact_share:.0%} on the exact path' if self.exact_share else ''}"
            f"{some if self.tasks_done != self.tasks else ''}"
        )

    def _repr_html_(self) -> str:
        """Return a small table, for notebooks."""
        cells = {
            "files": f"{self.files:,}",
            "ranges": f"{self.ranges:,}",
            "left out": f"{self.files_left_out:,}",
            "rows": f"{self.rows:,}",
            "bytes": f"{self.bytes:,}",
            "start-up": f"{self.startup_seconds:.1f} s",
            "transfer": f"{self.transfer_seconds:.1f} s",
            "speed": speed_of(self.bytes, self.transfer_seconds) or "-",
            "exact path": "-" if self.exact_share is None else f"{self.exact_share:.0%}",
            "tasks": f"{self.tasks_done:,} of {self.tasks:,}",
            "connections": f"{self.connections:,}",
            "retries": f"{self.retries:,}",
            "reconnects": f"{self.reconnects:,}",
        }
        return table(f"Read from <code>{escape(self.target)}</code>", cells)
