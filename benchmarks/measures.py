"""Computes figures from the report's JSON: medians, ratios within one run, growth over sizes."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS = "sftp_async"
#: Ours with a setting of its own: the columns named, and files that are not split.
COLUMNS, ONE_TASK = "sftp_async_columns", "sftp_async_one_task"
#: A Python source whose rows are in memory.
READY_ROWS = "ready_rows"
#: Tasks that Spark runs at a time, in every workload.
SLOTS = 2
MIB = 1 << 20
Document = dict[str, Any]


class NotMeasuredError(Exception):
    """What a target needs is not in the report; says what."""


def find(
    document: Document, workload: str, *names: str, **labels: object
) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of some contenders in the first comparison that all of them took part in.

    Args:
        document: the report.
        workload: its name, or that of one comparison, `read-bulk/csv`.
        names: of the contenders.
        labels: that the comparison must have.

    Raises:
        NotMeasuredError: there is none.

    """
    lacking = f"{workload} was not run"
    for comparison in document["contests"]:
        wanted = labels if comparison["name"] == workload else {"workload": workload, **labels}
        if any(comparison["labels"].get(key) != value for key, value in wanted.items()):
            continue
        entries = {entry["name"]: entry for entry in comparison["entries"]}
        absent = [name for name in names if not counted(entries.get(name))]
        if not absent:
            return tuple(entries[name] for name in names)
        lacking = f"{comparison['name']} has no counted runs of {', '.join(absent)}"
    raise NotMeasuredError(lacking)


def counted(entry: Mapping[str, Any] | None) -> bool:
    """Whether a contender did the same as ours, and was timed doing it."""
    return bool(entry and entry["runs"] and not entry["failed"] and not entry["unavailable"])


def median(entry: Mapping[str, Any], figure: Callable[[Mapping[str, Any]], float]) -> float:
    """Return the median of a figure over the runs of an entry."""
    return float(statistics.median(figure(run) for run in entry["runs"]))


def seconds(run: Mapping[str, Any]) -> float:
    """Wall seconds of a run."""
    return float(run["seconds"])


def cpu(*roles: str) -> Callable[[Mapping[str, Any]], float]:
    """Return a figure: CPU seconds of a run, summed over roles."""

    def figure(run: Mapping[str, Any]) -> float:
        return float(sum(run["cpu"][role] or 0 for role in roles))

    return figure


def faster(
    workload: str, peer: str, labels: Mapping[str, object] | None = None, ours: str = OURS
) -> Callable[[Document], float]:
    """How many times as fast as a peer we are; for a row, where they had fewer."""

    def measure(document: Document) -> float:
        one, theirs = find(document, workload, ours, peer, **(labels or {}))
        return median(theirs, seconds) / median(one, seconds) / share_of_rows(theirs, one)

    return measure


def share_of_rows(entry: Mapping[str, Any], ours: Mapping[str, Any]) -> float:
    """Return the rows that a contender had as a share of ours, where both say how many."""
    had, ours_had = entry["labels"].get("rows"), ours["labels"].get("rows")
    return float(had / ours_had) if had and ours_had else 1.0


def smallest(*measures: Callable[[Document], float]) -> Callable[[Document], float]:
    """Return the smallest of some figures, all of which must be there."""
    return lambda document: min(measure(document) for measure in measures)


def largest(*measures: Callable[[Document], float]) -> Callable[[Document], float]:
    """Return the largest of some figures, all of which must be there."""
    return lambda document: max(measure(document) for measure in measures)


def share(
    workload: str,
    peer: str,
    figure: Callable[[Mapping[str, Any]], float],
    labels: Mapping[str, object] | None = None,
    ours: str = OURS,
) -> Callable[[Document], float]:
    """How many times a peer's figure ours is."""

    def measure(document: Document) -> float:
        one, theirs = find(document, workload, ours, peer, **(labels or {}))
        if not (divisor := median(theirs, figure)):
            raise NotMeasuredError(f"{theirs['title']} took too little to see")
        return median(one, figure) / divisor

    return measure


def hand_over(workload: str) -> Callable[[Document], str]:
    """Return a note: what a Python source takes that only hands over rows that are ready."""
    measure = share(workload, "spark_disk", seconds, ours=READY_ROWS)

    def note(document: Document) -> str:
        try:
            return f"of it, handing over ready rows takes {measure(document):.2f}"
        except NotMeasuredError:
            return ""

    return note


def round_trips(document: Document) -> float:
    """Return what a write of one row takes at 50 ms, in round trips."""
    (ours,) = find(document, "overhead", OURS, rtt_ms=50)
    return median(ours, seconds) / 0.050


def ciphers(workload: str) -> Callable[[Document], str]:
    """Return a note: which ciphers ours and OpenSSH had."""
    return lambda document: _ciphers_of(*find(document, workload, OURS, "openssh_sftp"))


def _ciphers_of(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    if ours["cipher"] and ours["cipher"] == theirs["cipher"]:
        return f"both with {ours['cipher']}"
    return f"ciphers: {ours['cipher'] or 'not seen'} and {theirs['cipher'] or 'not seen'}"


def _sizes(document: Document, workload: str) -> list[tuple[int, Mapping[str, Any]]]:
    for comparison in document["contests"]:
        if comparison["labels"].get("workload") == workload and len(comparison["entries"]) > 1:
            sized = [(e["labels"]["rows"], e) for e in comparison["entries"] if counted(e)]
            if len(sized) > 1:
                return sorted(sized, key=lambda pair: pair[0])
    raise NotMeasuredError(f"{workload} was not run")


def steady(workload: str) -> Callable[[Document], float]:
    """Rows a second of the largest size, as a share of those of an eighth of it."""

    def measure(document: Document) -> float:
        sizes = _sizes(document, workload)
        rows, largest = sizes[-1]
        for fewer, entry in sizes:
            if fewer * 8 == rows:
                return (rows / median(largest, seconds)) / (fewer / median(entry, seconds))
        raise NotMeasuredError(f"{workload} has no counted runs of {rows // 8:,} rows")

    return measure


def growth(workload: str, base: str) -> Callable[[Document], float]:
    """MiB that the largest worker of any size takes over one that does next to nothing.

    Args:
        workload: with several sizes.
        base: name of its comparison of that one contender, in new workers.

    """

    def measure(document: Document) -> float:
        sizes = _sizes(document, workload)
        for comparison in document["contests"]:
            if comparison["name"] == base and counted(least := comparison["entries"][0]):
                base_size = median(least, lambda run: float(run["memory"]["worker"]))
                peaks = [run["memory"]["worker"] for _, entry in sizes for run in entry["runs"]]
                return float(max(peaks) - base_size) / MIB
        raise NotMeasuredError(f"{base} was not run")

    return measure


def added_round_trips(document: Document) -> float:
    """Round trips that a distance of 50 ms adds, for each file and slot of Spark."""
    (near,) = find(document, "read-small-files", OURS, rtt_ms=0)
    (far,) = find(document, "read-small-files", OURS, rtt_ms=50)
    files = _comparison(document, "read-small-files/50ms")["labels"]["files"]
    return (median(far, seconds) - median(near, seconds)) / 0.050 * SLOTS / float(files)


def network(document: Document) -> float:
    """Bytes that passed the relay as a multiple of those of the columns in the files."""
    (ours,) = find(document, "read-columns", COLUMNS)
    wanted = _comparison(document, "read-columns/50ms")["labels"]["columns_bytes"]
    return median(ours, lambda run: float(run["network"])) / float(wanted)


def _comparison(document: Document, name: str) -> Mapping[str, Any]:
    for comparison in document["contests"]:
        if comparison["name"] == name:
            found: Mapping[str, Any] = comparison
            return found
    raise NotMeasuredError(f"{name} was not run")


#: CPU seconds of who makes the files, be it in Python or in the JVM.
CPU = cpu("client", "jvm")


def rate(entry: Mapping[str, Any], figure: Callable[[Mapping[str, Any]], float]) -> float | None:
    """Return the MB of output for each second of a figure: of the wall, or of CPU, which is a core.

    Args:
        entry: its runs left something behind.
        figure: `seconds`, or one of `cpu`; None is returned where it is too little to see.

    """
    spent = median(entry, figure)
    return float(entry["runs"][-1]["bytes"]) / 1e6 / spent if spent else None


def encoding(kind: str) -> Callable[[Document], float]:
    """MB of output for each second of CPU."""

    def measure(document: Document) -> float:
        (ours,) = find(document, "encode", OURS, format=kind, compression="none")
        if (found := rate(ours, CPU)) is None:
            raise NotMeasuredError(f"{kind} took too little to see")
        return found

    return measure
