"""Counts what tasks and jobs wrote, and what it took: counters and the summary of a write."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from sftp_async.humanize import counted, speed_of
from sftp_async.progress.html_table import table
from sftp_async.remote.stats import ConnectionStats


def _replaced(replaced: int, removed: int) -> str:
    """Return what an overwrite did to older data files, as the end of a sentence."""
    text = ""
    if replaced:
        text += f", replaced {counted((replaced, 'file'))}"
    if removed:
        text += f", removed {counted((removed, 'file'))}"
    return text


@dataclass
class Counters:
    """A task's progress: complete files, encoded rows, bytes that the server has acknowledged."""

    files: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class WriteStats:
    """The data files, rows and encoded bytes that a job wrote, and the files it replaced.

    `files_replaced` had the names of new files, `files_removed` had names of their own.
    `exact_name` is the name of the one exact file; empty: there is none.
    """

    files: int
    rows: int
    bytes: int
    files_replaced: int = 0
    files_removed: int = 0
    exact_name: str = ""

    def __str__(self) -> str:
        written = counted((self.files, "file"), (self.rows, "row"), (self.bytes, "byte"))
        return written + _replaced(self.files_replaced, self.files_removed)


@dataclass(frozen=True)
class WriteSummary:
    """What a write did, and what it took; or how far it came, if it failed.

    Attributes:
        target: path on the server, as the user gave it; with the name that the one exact file got
            (`if_exists=rename`).
        job_id: 32 hex digits; the first 16 are in the names of part files.
        files: data files that were committed; 0 if the write changed nothing (`job_key`), or
            failed.
        rows: rows in them; of a write that failed, those that its tasks had encoded.
        bytes: bytes in them; of a write that failed, those that the server had acknowledged.
        seconds: from the plan on the driver to the end of the commit.
        connections: logins of the driver and of the tasks that succeeded; a Python worker keeps its
            connections for the next write, so there may be none.
        retries: logins, requests and uploads that were repeated.
        reconnects: connections that broke.
        files_replaced: data files that an overwrite replaced by new ones of the same name.
        files_removed: data files that an overwrite removed.
        startup_seconds: of `seconds`, those before the first task began: the preparation on the
            server, and Spark's start of Python workers. By the clocks of two machines on a cluster.
        tasks: that wrote the files; of a write that failed, those that were done.
        failed: whether Spark gave the write up.
        error: why, as far as this package knows: the last error of a task, or that of the commit.
        wait_seconds: that driver and tasks waited for connections, logins and their retries
            included; waits at the same time add up.
        throttle_seconds: that bytes waited for the bandwidth (`max_bandwidth`), in the same way.
        rolled_back: of a write that failed, whether the server holds nothing of it any more. False:
            its commit was complete, and its files stay. None: the cleanup failed, too, and the next
            write to the target does it.
        ended: when it ended, in seconds since 1970.

    """

    target: str
    job_id: str
    files: int
    rows: int
    bytes: int
    seconds: float
    connections: int
    retries: int
    reconnects: int
    files_replaced: int = 0
    files_removed: int = 0
    startup_seconds: float = 0.0
    tasks: int = 0
    failed: bool = False
    error: str = ""
    rolled_back: bool | None = None
    wait_seconds: float = 0.0
    throttle_seconds: float = 0.0
    ended: float = field(default=0.0, compare=False)

    @property
    def transfer_seconds(self) -> float:
        """Seconds from the begin of the first task to the end of the commit."""
        return max(0.0, self.seconds - self.startup_seconds)

    @property
    def bytes_per_second(self) -> float:
        """Bytes of the files per second of `transfer_seconds`."""
        return self.bytes / self.transfer_seconds if self.transfer_seconds > 0 else 0.0

    @property
    def _outcome(self) -> str:
        if self.rolled_back is None:
            return "what it staged may still be there, and the next write removes it"
        return "nothing of it is left" if self.rolled_back else "its files are complete, and stay"

    def __str__(self) -> str:
        if self.failed:
            sent = counted((self.tasks, "task"), (self.rows, "row"), (self.bytes, "byte"))
            why = f": {self.error.removesuffix('.')}" if self.error else ""
            return (
                f"failed to write to {self.target} after {self.seconds:.1f} s ({sent} before; "
                f"{self._outcome}){why}"
            )
        connection_stats = ConnectionStats(self.connections, self.retries, self.reconnects)
        written = WriteStats(self.files, self.rows, self.bytes)
        pace = speed_of(self.bytes, self.transfer_seconds, then=True)
        return (
            f"wrote {written} to {self.target} in {self.seconds:.1f} s "
            f"({self.startup_seconds:.1f} s start-up{pace}; {connection_stats})"
            f"{_replaced(self.files_replaced, self.files_removed)}"
        )

    def _repr_html_(self) -> str:
        """Return a small table, for notebooks."""
        cells = {
            "files": f"{self.files:,}",
            "rows": f"{self.rows:,}",
            "bytes": f"{self.bytes:,}",
            "start-up": f"{self.startup_seconds:.1f} s",
            "transfer": f"{self.transfer_seconds:.1f} s",
            "speed": speed_of(self.bytes, self.transfer_seconds) or "-",
            "tasks": f"{self.tasks:,}",
            "connections": f"{self.connections:,}",
            "retries": f"{self.retries:,}",
            "reconnects": f"{self.reconnects:,}",
            "replaced": f"{self.files_replaced:,}",
            "removed": f"{self.files_removed:,}",
        }
        if self.failed:
            cells = {
                "after": f"{self.seconds:.1f} s",
                "tasks done": f"{self.tasks:,}",
                "rows": f"{self.rows:,}",
                "bytes": f"{self.bytes:,}",
                "left": escape(self._outcome),
                "error": escape(self.error or "see the exception"),
            }
        what = "Failed to write to" if self.failed else "Written to"
        return table(f"{what} <code>{escape(self.target)}</code>", cells)
