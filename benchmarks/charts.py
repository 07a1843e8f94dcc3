"""Draws the charts from a report's JSON: `python -m benchmarks.charts report.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.targets import counted, median, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

    from benchmarks.targets import Document

MIB = 1 << 20
INCHES_WIDE = 8.0
INCHES_A_BAR = 0.42
HEADROOM = 1.1  # above the highest point
OURS, THEIRS = "#1b6ca8", "#b9c4cc"


def draw(document: Document, directory: Path) -> dict[str, str]:
    """Draw what the report has figures for, each as SVG and PNG.

    Args:
        document: see `benchmarks.report`.
        directory: where the files go.

    Returns:
        The SVG's file name by title.

    """
    made: dict[str, str] = {}
    for name, title, chart in _CHARTS:
        comparisons = [
            comparison
            for comparison in document["contests"]
            if comparison["labels"].get("workload") == name.partition("-")[0]
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
        _panel(panel, comparison["name"], there)
    panels[-1].set_xlabel("seconds, less is better; the line is the spread of all runs")
    return figure


def _panel(panel: Axes, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
    middles = [median(entry, seconds) for entry in entries]
    spread: tuple[list[float], list[float]] = ([], [])
    for entry, middle in zip(entries, middles, strict=True):
        took = [run["seconds"] for run in entry["runs"]]
        spread[0].append(middle - min(took))
        spread[1].append(max(took) - middle)
    colours = [OURS if entry["name"] == "sftp_async" else THEIRS for entry in entries]
    panel.barh([entry["title"] for entry in entries], middles, xerr=spread, color=colours)
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


_CHARTS = (
    ("bulk", "Bulk", _bars),
    ("latency", "Latency", _bars),
    ("scale", "Scale", _scale),
    ("scale-memory", "Memory of one partition", _memory),
)


def main() -> None:
    """Draw the charts of a report next to it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.charts REPORT.json")
    report = Path(sys.argv[1])
    for title, file in draw(json.loads(report.read_text()), report.parent).items():
        print(f"{title}: {file}")


if __name__ == "__main__":
    main()
