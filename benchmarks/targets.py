"""The targets T1 to T9, computed from the report's JSON: all but T9 are ratios within one run."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS = "sftp_async"
MIB = 1 << 20
Document = dict[str, Any]


class NotMeasuredError(Exception):
    """What a target needs is not in the report; says what."""


@dataclass(frozen=True)
class Target:
    """A target and what was measured for it.

    Args:
        id: `T1` to `T9`; several rows may share one.
        what: is measured, in words.
        wanted: in words, such as `at least 10`.
        measured: the figure; None when it was not measured.
        unit: of the figure.
        met: None when it was not measured.
        note: why it was not, or what to know about it.

    """

    id: str
    what: str
    wanted: str
    measured: float | None
    unit: str
    met: bool | None
    note: str = ""


@dataclass(frozen=True)
class _Rule:
    id: str
    what: str
    measure: Callable[[Document], float]
    least: float | None = None
    most: float | None = None
    unit: str = "times"
    note: Callable[[Document], str] = lambda document: ""

    def apply(self, document: Document) -> Target:
        wanted = f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"
        try:
            value = self.measure(document)
            note = self.note(document)
        except NotMeasuredError as reason:
            return Target(self.id, self.what, wanted, None, self.unit, None, str(reason))
        met = value >= self.least if self.least is not None else value <= (self.most or 0)
        return Target(self.id, self.what, wanted, round(value, 3), self.unit, met, note)


def targets(document: Document) -> list[dict[str, Any]]:
    """Return every target with its figure, as JSON.

    Args:
        document: the report; see `benchmarks.report`.

    """
    return [asdict(rule.apply(document)) for rule in RULES]


def find(
    document: Document, workload: str, *names: str, **labels: object
) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of some contenders in the first comparison that all of them took part in.

    Raises:
        NotMeasuredError: there is none.

    """
    lacking = f"{workload} was not run"
    for comparison in document["contests"]:
        wanted = {"workload": workload, **labels}
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


def _faster(workload: str, peer: str, **labels: object) -> Callable[[Document], float]:
    """How many times as fast as a peer we are."""

    def measure(document: Document) -> float:
        ours, theirs = find(document, workload, OURS, peer, **labels)
        return median(theirs, seconds) / median(ours, seconds)

    return measure


def _share(
    workload: str, peer: str, figure: Callable[[Mapping[str, Any]], float], **labels: object
) -> Callable[[Document], float]:
    """How many times a peer's figure ours is."""

    def measure(document: Document) -> float:
        ours, theirs = find(document, workload, OURS, peer, **labels)
        if not (divisor := median(theirs, figure)):
            raise NotMeasuredError(f"{theirs['title']} took too little to see")
        return median(ours, figure) / divisor

    return measure


def _round_trips(document: Document) -> float:
    (ours,) = find(document, "overhead", OURS, rtt_ms=50)
    return median(ours, seconds) / 0.050


def _ciphers(document: Document) -> str:
    ours, theirs = find(document, "transport", OURS, "openssh_sftp")
    if ours["cipher"] and ours["cipher"] == theirs["cipher"]:
        return f"both with {ours['cipher']}"
    return f"ciphers: {ours['cipher'] or 'not seen'} and {theirs['cipher'] or 'not seen'}"


def _sizes(document: Document) -> list[tuple[int, Mapping[str, Any]]]:
    for comparison in document["contests"]:
        if comparison["labels"].get("workload") == "scale" and len(comparison["entries"]) > 1:
            sized = [(e["labels"]["rows"], e) for e in comparison["entries"] if counted(e)]
            if len(sized) > 1:
                return sorted(sized, key=lambda pair: pair[0])
    raise NotMeasuredError("scale was not run")


def _steady(document: Document) -> float:
    """Rows a second of the largest size, as a share of those of an eighth of it."""
    sizes = _sizes(document)
    rows, largest = sizes[-1]
    for fewer, entry in sizes:
        if fewer * 8 == rows:
            return (rows / median(largest, seconds)) / (fewer / median(entry, seconds))
    raise NotMeasuredError(f"scale has no counted runs of {rows // 8:,} rows")


def _growth(document: Document) -> float:
    """MiB that the largest worker of any size takes over one of an empty write."""
    (empty,) = find(document, "scale", f"{OURS}_0")
    base = median(empty, lambda run: float(run["memory"]["worker"]))
    peaks = [
        float(run["memory"]["worker"]) for _, entry in _sizes(document) for run in entry["runs"]
    ]
    return (max(peaks) - base) / MIB


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


def _encoding(kind: str) -> Callable[[Document], float]:
    """MB of output for each second of CPU."""

    def measure(document: Document) -> float:
        (ours,) = find(document, "encode", OURS, format=kind, compression="none")
        if (found := rate(ours, CPU)) is None:
            raise NotMeasuredError(f"{kind} took too little to see")
        return found

    return measure


_CSV = {"format": "csv", "compression": "none"}
_NEAR, _FAR = {"rtt_ms": 0}, {"rtt_ms": 50}
_FILE = {"format": "bytes", **_FAR}

RULES = [
    _Rule(
        "T1",
        "bulk, times as fast as Paramiko + pandas",
        _faster("bulk", "paramiko_pandas", **_CSV),
        least=10,
    ),
    _Rule(
        "T2",
        "bulk, time of Spark's own CSV to a local disk",
        _share("bulk", "spark_disk", seconds, **_CSV),
        most=1.25,
        note=lambda document: "the aim is 1.1",
    ),
    _Rule(
        "T2",
        "bulk, its CPU seconds of JVM and Python together",
        _share("bulk", "spark_disk", cpu("client", "jvm"), **_CSV),
        most=1.15,
        note=lambda document: "the aim is 1.0",
    ),
    _Rule(
        "T3",
        "bulk, times as fast as Spark to disk and then rclone",
        _faster("bulk", "spark_disk_rclone", **_CSV),
        least=1.25,
    ),
    _Rule(
        "T3",
        "the same at 50 ms (latency)",
        _faster("latency", "spark_disk_rclone", **_CSV, **_FAR),
        least=1.5,
    ),
    _Rule(
        "T4",
        "transport, times the throughput of OpenSSH sftp",
        _faster("transport", "openssh_sftp", **_NEAR),
        least=1.15,
        note=_ciphers,
    ),
    _Rule(
        "T4",
        "transport, its client's CPU seconds a GiB",
        _share("transport", "openssh_sftp", cpu("client"), **_NEAR),
        most=1.5,
    ),
    _Rule(
        "T5",
        "one file at 50 ms, times the throughput of OpenSSH sftp",
        _faster("latency", "openssh_sftp", **_FILE),
        least=3.5,
    ),
    _Rule(
        "T5",
        "one file at 50 ms, times the throughput of rclone",
        _faster("latency", "rclone", **_FILE),
        least=3.5,
    ),
    _Rule(
        "T6",
        "small-files at 50 ms, times as fast as Paramiko + pandas",
        _faster("small-files", "paramiko_pandas", **_FAR),
        least=15,
    ),
    _Rule(
        "T7",
        "overhead of one row, times a no-op Python source",
        _share("overhead", "noop", seconds, **_NEAR),
        most=5,
    ),
    _Rule("T7", "overhead of one row at 50 ms", _round_trips, most=50, unit="round trips"),
    _Rule(
        "T8", "scale, rows a second at the largest size by those at an eighth", _steady, least=0.9
    ),
    _Rule("T8", "scale, memory of a worker over an empty write", _growth, most=256, unit="MiB"),
    _Rule("T9", "encode, CSV by a core", _encoding("csv"), least=200, unit="MB/s"),
    _Rule("T9", "encode, JSON by a core", _encoding("json"), least=200, unit="MB/s"),
]
