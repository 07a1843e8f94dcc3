"""Counts what tasks and jobs wrote, and what it took: counters and the summary of a write."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from sftp_async.humanize import counted, in_units
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
    """

    files: int
    rows: int
    bytes: int
    files_replaced: int = 0
    files_removed: int = 0

    def __str__(self) -> str:
        written = counted((self.files, "file"), (self.rows, "row"), (self.bytes, "byte"))
        return written + _replaced(self.files_replaced, self.files_removed)


@dataclass(frozen=True)
class WriteSummary:
    """What a write did, and what it took.

    Attributes:
        target: path on the server, as the user gave it.
        job_id: 32 hex digits; the first 16 are in the names of part files.
        files: data files that were committed; 0 if the write changed nothing (`job_key`).
        rows: rows in them.
        bytes: bytes in them.
        seconds: from the plan on the driver to the end of the commit.
        connections: logins of the driver and of the tasks that succeeded; a Python worker keeps its
            connections for the next write, so there may be none.
        retries: logins, requests and uploads that were repeated.
        reconnects: connections that broke.
        files_replaced: data files that an overwrite replaced by new ones of the same name.
        files_removed: data files that an overwrite removed.

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

    @property
    def bytes_per_second(self) -> float:
        """Bytes of the files per second, over the whole write."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        connection_stats = ConnectionStats(self.connections, self.retries, self.reconnects)
        written = WriteStats(self.files, self.rows, self.bytes)
        return (
            f"wrote {written} to {self.target} in {self.seconds:.1f} s "
            f"({in_units(self.bytes_per_second)}/s; {connection_stats})"
            f"{_replaced(self.files_replaced, self.files_removed)}"
        )

    def _repr_html_(self) -> str:
        """Return a small table, for notebooks."""
        cells = {
            "files": f"{self.files:,}",
            "rows": f"{self.rows:,}",
            "bytes": f"{self.bytes:,}",
            "seconds": f"{self.seconds:.1f}",
            "speed": f"{in_units(self.bytes_per_second)}/s",
            "connections": f"{self.connections:,}",
            "retries": f"{self.retries:,}",
            "reconnects": f"{self.reconnects:,}",
        }
        for name, number in (("replaced", self.files_replaced), ("removed", self.files_removed)):
            if number:
                cells[f"files {name}"] = f"{number:,}"
        heads = "".join(f"<th>{name}</th>" for name in cells)
        values = "".join(f"<td>{value}</td>" for value in cells.values())
        return (
            f"<table><caption>Written to <code>{escape(self.target)}</code></caption>"
            f"<tr>{heads}</tr><tr>{values}</tr></table>"
        )
