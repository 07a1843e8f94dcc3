"""Counts the files that a read leaves out, by reason, and keeps the names of the first ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: Names that are kept: enough for a display, whatever the number of files.
KEPT = 1000
#: Reason of files that a stream has read, and is about to archive or to delete.
SET_ASIDE = "a stream has read it and set it aside, to archive or delete it (clean_source)"
#: Names of each reason that are kept at least: those of a rare one are the interesting ones.
KEPT_OF_REASON = 10


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or directory that is not read, and why."""

    path: str
    reason: str


class LeftOutFiles:
    """Collects what a listing leaves out, in bounded memory.

    Args:
        on_path: called with each path, which is not kept.

    """

    def __init__(self, on_path: Callable[[str], None] = lambda _: None) -> None:
        self._on_path = on_path
        self._counts: Counter[str] = Counter()
        self._kept: list[LeftOut] = []
        #: Paths of files that streams have set aside; of many, the first ones.
        self.set_aside: list[str] = []

    def add(self, path: str, reason: str) -> None:
        """Note a file; a reason is one of few texts, and completes `x is left out: …`."""
        self._counts[reason] += 1
        if reason == SET_ASIDE and len(self.set_aside) < KEPT:
            self.set_aside.append(path)
        self._on_path(path)
        if len(self._kept) < KEPT or self._counts[reason] <= KEPT_OF_REASON:
            self._kept.append(LeftOut(path, reason))

    def add_all(self, paths: Iterable[str], reason: str) -> None:
        """Note several files."""
        for path in paths:
            self.add(path, reason)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there are, by reason, the most frequent first."""
        return dict(self._counts.most_common())

    @property
    def first(self) -> Sequence[LeftOut]:
        """The first ones, by path."""
        return sorted(self._kept, key=lambda left: left.path)

    def summary(self) -> str:
        """Return a phrase such as `3 left out (2 empty, 1 hidden)`; empty if there are none."""
        return summary_of(self.counts)


def summary_of(counts: Mapping[str, int]) -> str:
    """Return counts by reason as a phrase; empty if there are none."""
    if not counts:
        return ""
    parts = "; ".join(f"{count:,}: {reason}" for reason, count in counts.items())
    return f"{sum(counts.values()):,} left out ({parts})"
