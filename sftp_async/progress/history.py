"""The last writes and reads of a process, `History`, as text and as a table for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import overload

from sftp_async.humanize import in_units, speed_of
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.summary import WriteSummary

#: Writes and reads that are kept.
KEPT = 100

Summary = WriteSummary | ReadSummary


class History(Sequence[Summary]):
    """Summaries of writes and reads, the oldest first; a sequence that `print` shows as lines.

    Args:
        summaries: in this order.

    """

    def __init__(self, summaries: Iterable[Summary] = ()) -> None:
        self._summaries = tuple(summaries)

    @overload
    def __getitem__(self, index: int) -> Summary: ...

    @overload
    def __getitem__(self, index: slice) -> History: ...

    def __getitem__(self, index: int | slice) -> Summary | History:
        if isinstance(index, slice):
            return History(self._summaries[index])
        return self._summaries[index]

    def __len__(self) -> int:
        return len(self._summaries)

    def __iter__(self) -> Iterator[Summary]:
        return iter(self._summaries)

    @property
    def writes(self) -> History:
        """The writes alone."""
        return History(each for each in self if isinstance(each, WriteSummary))

    @property
    def reads(self) -> History:
        """The reads alone."""
        return History(each for each in self if isinstance(each, ReadSummary))

    def __str__(self) -> str:
        return "\n".join(f"{_when(each)}  {each}" for each in self) or "nothing written or read yet"

    def __repr__(self) -> str:
        return f"<History of {len(self.writes)} writes and {len(self.reads)} reads>"

    def _repr_html_(self) -> str:
        names = "ended what target files rows size start-up transfer speed replaced removed"
        head = "".join(f"<th>{name}</th>" for name in names.split())
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(each)) + "</tr>"
            for each in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:  # IPython's plain text
        printer.text(str(self))  # type: ignore[attr-defined]


def _when(summary: Summary) -> str:
    return f"{datetime.fromtimestamp(summary.ended).astimezone():%Y-%m-%d %H:%M:%S}"


def _cells(summary: Summary) -> list[str]:
    """Return the cells of a summary in the table."""
    replaced = removed = ""
    what = "read"
    if isinstance(summary, WriteSummary):
        what = "FAILED" if summary.failed else "write"
        replaced, removed = f"{summary.files_replaced:,}", f"{summary.files_removed:,}"
    return [
        _when(summary),
        what,
        summary.target,
        f"{summary.files:,}",
        f"{summary.rows:,}",
        in_units(summary.bytes),
        f"{summary.startup_seconds:.1f} s",
        f"{summary.transfer_seconds:.1f} s",
        speed_of(summary.bytes, summary.transfer_seconds) or "-",
        replaced,
        removed,
    ]
