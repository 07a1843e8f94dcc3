"""Draws the charts for users next to a report: `python -m benchmarks.overview report.json`.

`overview.svg` is the README's, with both directions; `writing.svg` and `reading.svg` are those of
the page on performance. Each panel shows all contenders of one comparison, and leaves none out that
took part, but for settings of ours that are no choice of a user. A bar that is far longer than the
others is cut; its figure stands next to it.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.charts import FEWER, OURS, THEIRS, bar, is_ours
from benchmarks.measures import counted
from benchmarks.past_reports import load_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.measures import Document

NAME = "overview.svg"
#: Comparisons, and what was done in them.
WRITING = {
    "bulk/csv": "Writing {rows} rows of CSV to a server nearby",
    "latency/csv/50ms": "Writing {rows} rows of CSV to a server 50 ms away",
}
READING = {
    "read-bulk/csv": "Reading {rows} rows of CSV from a server nearby",
    "read-latency/one-file/50ms": "Reading {rows} rows of CSV from a server 50 ms away",
}
MORE = {
    "small-files/50ms": "Writing 2,000 rows to each of many files, 50 ms away",
    "read-small-files/50ms": "Reading 2,000 rows from each of many files, 50 ms away",
    "read-columns/50ms": "Reading 3 of 16 Parquet columns, 50 ms away",
    "copy/csv": "Reading CSV from one server and writing it to another",
}
CHARTS = {NAME: {**WRITING, **READING}, "writing.svg": WRITING, "reading.svg": READING}
#: Ours with settings of the suite, and what writes or reads nothing of the kind.
NO_PEERS = {"sftp_async_untuned", "sftp_async_one_task", "noop", "ready_rows"}
#: A bar that is more times as long as the next one is cut, so that the others can be compared.
LONGEST = 2.5
FOOTNOTE = f"{FEWER.strip()} had fewer rows: the time is that of all of them at the same rate"


def entries(comparison: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the contenders that are shown, the fastest first."""
    ours = comparison["entries"][0]
    shown = [e for e in comparison["entries"] if counted(e) and e["name"] not in NO_PEERS]
    return sorted(shown, key=lambda entry: bar(entry, ours)[1])


def bars(comparison: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield title and median seconds of each contender, the fastest first."""
    ours = comparison["entries"][0]
    yield from (bar(entry, ours) for entry in entries(comparison))


def rows_of(comparison: Mapping[str, Any]) -> int:
    """Return how many rows a comparison had."""
    labels = comparison["labels"]
    return int(labels.get("rows") or comparison["entries"][0]["labels"]["rows"])


def heading(comparison: Mapping[str, Any]) -> str:
    """Return a panel's heading."""
    words = {**WRITING, **READING}[comparison["name"]]
    return words.format(rows=f"{rows_of(comparison) / 1e6:.1f} M")


def panels(document: Document, chart: str) -> list[Mapping[str, Any]]:
    """Return the comparisons that a chart shows, as far as the report has counted runs of ours."""
    found = {comparison["name"]: comparison for comparison in document["contests"]}
    shown = [found[name] for name in CHARTS[chart] if name in found]
    return [comparison for comparison in shown if counted(comparison["entries"][0])]


def draw(document: Document, directory: Path) -> list[Path]:
    """Draw the charts that the report has figures for; returns the files.

    Args:
        document: see `benchmarks.report`.
        directory: where they go.

    """
    made = []
    for name in CHARTS:
        if shown := panels(document, name):
            made.append(directory / name)
            _draw(shown, made[-1])
    return made


def _draw(shown: list[Mapping[str, Any]], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")  # no display
    # Else each drawing of the same figures would differ, and its text be no text.
    mpl.rcParams.update({"svg.hashsalt": "sftp-async", "svg.fonttype": "none"})
    from matplotlib.figure import Figure

    heights = [len(entries(comparison)) for comparison in shown]
    # Opaque: dark text stays on white in a dark theme, too.
    figure = Figure(
        figsize=(8, 0.4 + 0.45 * len(shown) + 0.3 * sum(heights)),
        layout="constrained",
        facecolor="white",
    )
    for panel, comparison in zip(
        figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0],
        shown,
        strict=True,
    ):
        titles, took = zip(*bars(comparison), strict=True)
        colours = [OURS if is_ours(entry) else THEIRS for entry in entries(comparison)]
        shown_to = limit(took)
        panel.barh(titles, [min(value, shown_to) for value in took], color=colours, height=0.72)
        panel.invert_yaxis()
        panel.set_title(f"{heading(comparison)}: seconds", loc="left", fontsize="medium")
        panel.margins(x=0.1)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.tick_params(bottom=False, labelbottom=False, left=False)
        for row, value in enumerate(took):
            end = min(value, shown_to)
            if value > end:  # a gap says that the bar is cut
                panel.barh(titles[row], end / 60, left=end * 0.93, color="white", height=0.9)
            panel.annotate(
                f"{value:.1f}", (end, row), (4, 0), textcoords="offset points", va="center"
            )
    if any(title.endswith(FEWER) for comparison in shown for title, _ in bars(comparison)):
        figure.supxlabel(FOOTNOTE, fontsize="small")
    figure.savefig(file, metadata={"Date": None})


def limit(took: Sequence[float]) -> float:
    """Return the seconds up to which bars are drawn; longer ones are cut there."""
    ordered = sorted(took)
    limits = [
        LONGEST * shorter
        for shorter, longer in pairwise(ordered)
        if shorter and longer > LONGEST**2 * shorter
    ]
    return min(limits, default=ordered[-1])


def main() -> None:
    """Draw the charts of a report next to it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.overview REPORT.json")
    report = Path(sys.argv[1])
    for file in draw(load_report(report), report.parent):
        print(file)


if __name__ == "__main__":
    main()
