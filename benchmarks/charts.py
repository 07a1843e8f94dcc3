"""Draws the charts from a report's JSON: `python -m benchmarks.charts report.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measures import counted, median, seconds, share_of_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

    from benchmarks.measures import Document

MIB = 1 << 20
INCHES_WIDE = 8.0
INCHES_A_BAR = 0.42
HEADROOM = 1.1  # above the highest point
OURS, THEIRS = "#1b6ca8", "#b9c4cc"
#: Marks who had fewer rows.
FEWER = " *"


def draw(document: Document, directory: Path) -> dict[str, str]:
    """Draw what the report has figures for, each as SVG and PNG.

    Args:
        document: see `benchmarks.report`.
        directory: where the files go.

    Returns:
        The SVG's file name by title.

    """
    made: dict[str, str] = {}
    for name, workload, title, chart in _CHARTS:
        comparisons = [
            comparison
            for comparison in document["contests"]
            if comparison["labels"].get("workload") == workload
            and any(counted(entry) for entry in comparison["entries"])
        ]
        if file := _draw(
            chart, comparisons, f"{title}, {document['server']['kind']}", directory, name
        ):
            made[title] = file
    return made


def _draw(
    chart: Callable[[Sequence[Mapping[str, Any]], str], Any],
    comparisons: Sequence[Mapping[str, Any]],
    title: str,
    directory: Path,
    name: str,
) -> str | None:
    import matplotlib as mpl

    mpl.use("Agg")  # no display
    # Else each drawing of the same figures would differ, and its text be no text.
    mpl.rcParams.update({"svg.hashsalt": "sftp-async", "svg.fonttype": "none"})
    figure = chart(comparisons, title)
    if figure is None:
        return None
    for kind in ("svg", "png"):
        figure.savefig(
            directory / f"{name}.{kind}",
            metadata={"Date": None} if kind == "svg" else None,
            dpi=144,
        )
    return f"{name}.svg"


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether a contender is this package, with whatever setting."""
    return bool(entry["name"].startswith("sftp_async"))


def _bars(comparisons: Sequence[Mapping[str, Any]], title: str) -> Any:
    """Draw a panel for each comparison: median seconds, and a line for the spread."""
    if not comparisons:
        return None
    from matplotlib.figure import Figure

    entries = [[e for e in comparison["entries"] if counted(e)] for comparison in comparisons]
    heights = [len(there) + 1 for there in entries]
    figure = Figure(figsize=(INCHES_WIDE, 1 + INCHES_A_BAR * sum(heights)), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(len(comparisons), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, comparison, there in zip(panels, comparisons, entries, strict=True):
        _panel(panel, comparison["name"], there, there[0])
    label = "seconds, less is better; the line is the spread of all runs"
    if any(share_of_rows(entry, those[0]) < 1 for those in entries for entry in those):
        label += f"\n{FEWER.strip()} had fewer rows: the time is that of all at the same rate"
    panels[-1].set_xlabel(label)
    return figure


def bar(entry: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[str, float]:
    """Return a bar's title and length: the median seconds that as many rows as ours take.

    Who had fewer rows is marked.
    """
    share = share_of_rows(entry, ours)
    return f"{entry['title']}{FEWER if share < 1 else ''}", median(entry, seconds) / share


def _panel(
    panel: Axes, name: str, entries: Sequence[Mapping[str, Any]], ours: Mapping[str, Any]
) -> None:
    titles, middles = zip(*(bar(entry, ours) for entry in entries), strict=True)
    spread: tuple[list[float], list[float]] = ([], [])
    for entry, middle in zip(entries, middles, strict=True):
        took = [run["seconds"] / share_of_rows(entry, ours) for run in entry["runs"]]
        spread[0].append(middle - min(took))
        spread[1].append(max(took) - middle)
    colours = [OURS if is_ours(entry) else THEIRS for entry in entries]
    panel.barh(titles, middles, xerr=spread, color=colours)
    panel.invert_yaxis()
    panel.set_title(name, loc="left", fontsize="medium")
    panel.margins(x=0.12)
    for row, middle in enumerate(middles):
        panel.annotate(
            f"{middle:.1f}", (middle, row), xytext=(4, 7), textcoords="offset points", fontsize=8
        )


def _scale(comparisons: Sequence[Mapping[str, Any]], title: str) -> Any:
    """Draw rows a second, and the memory of the largest worker, over the number of rows."""
    sized = [comparison for comparison in comparisons if len(comparison["entries"]) > 1]
    if not sized:
        return None
    from matplotlib.figure import Figure

    entries = [entry for entry in sized[0]["entries"] if counted(entry)]
    millions = [entry["labels"]["rows"] / 1e6 for entry in entries]
    figure = Figure(figsize=(INCHES_WIDE, 6), layout="constrained")
    figure.suptitle(title)
    speed, memory = figure.subplots(2, 1, sharex=True)
    for number, entry in enumerate(entries):
        for run in entry["runs"]:
            rate = entry["labels"]["rows"] / run["seconds"]
            speed.plot(millions[number], rate, ".", color=THEIRS)
            memory.plot(millions[number], run["memory"]["worker"] / MIB, ".", color=THEIRS)
    rates = [e["labels"]["rows"] / median(e, seconds) for e in entries]
    peaks = [median(e, lambda run: run["memory"]["worker"] / MIB) for e in entries]
    speed.plot(millions, rates, "o-", color=OURS)
    memory.plot(millions, peaks, "o-", color=OURS)
    speed.set_ylabel("rows a second")
    memory.set_ylabel("peak of the largest\nPython worker, MiB")
    memory.set_xlabel("million rows; dots are single runs, the line joins medians")
    for panel in (speed, memory):
        panel.set_ylim(0, HEADROOM * panel.get_ylim()[1])
        panel.grid(alpha=0.3)
    return figure


def _memory(comparisons: Sequence[Mapping[str, Any]], title: str) -> Any:
    """Draw the memory of all Python workers while one partition is written."""
    traced = [
        (comparison, run)
        for comparison in comparisons
        for entry in comparison["entries"]
        for run in entry["runs"]
        if run["trace"]
    ]
    if not traced:
        return None
    from matplotlib.figure import Figure

    comparison, run = traced[-1]
    figure = Figure(figsize=(INCHES_WIDE, 4), layout="constrained")
    figure.suptitle(f"{title}: {comparison['labels']['rows']:,} rows")
    panel = figure.subplots()
    at, largest, together = zip(*run["trace"], strict=True)
    panel.plot(at, [size / MIB for size in largest], color=OURS, label="the largest, which writes")
    panel.plot(at, [size / MIB for size in together], color=THEIRS, label="all, idle ones too")
    panel.legend()
    panel.set_ylim(0, HEADROOM * max(together) / MIB)
    panel.set_xlabel("seconds since save()")
    panel.set_ylabel("Python workers, resident MiB")
    panel.grid(alpha=0.3)
    return figure


#: File, workload, title, what draws it.
_CHARTS = (
    ("bulk", "bulk", "Writing a large table", _bars),
    ("latency", "latency", "Writing to a high-latency server", _bars),
    ("scale", "scale", "Writing more and more rows", _scale),
    ("scale-memory", "scale", "Memory while one partition is written", _memory),
    ("download", "download", "One file into memory", _bars),
    ("read-bulk", "read-bulk", "Reading a large table", _bars),
    ("read-latency", "read-latency", "Reading from a high-latency server", _bars),
    ("read-small-files", "read-small-files", "Reading many small files", _bars),
    ("read-columns", "read-columns", "Reading 3 of 16 columns", _bars),
    ("read-scale", "read-scale", "Reading a larger and larger file", _scale),
    ("list", "list", "Listing files", _bars),
    ("copy", "copy", "From one server to another", _bars),
)


def main() -> None:
    """Draw the charts of a report next to it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.charts REPORT.json")
    report = Path(sys.argv[1])
    from benchmarks.past_reports import load_report

    for title, file in draw(load_report(report), report.parent).items():
        print(f"{title}: {file}")


if __name__ == "__main__":
    main()
