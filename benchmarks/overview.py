"""Draws the README's chart next to a report: `python -m benchmarks.overview report.json`.

It shows the same contenders as the charts of the whole report, of two of its comparisons, and
leaves none out that took part in both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.charts import OURS, THEIRS
from benchmarks.targets import counted, median, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.targets import Document

NAME = "overview.svg"
#: Contests, and what each is called in a few words.
PANELS = {"bulk/csv": "next to the server", "latency/csv/50ms": "50 ms away"}
#: Ours with a setting turned off.
NO_PEERS = {"sftp_async_untuned"}


def bars(comparison: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield title and median seconds of each contender, the fastest first."""
    entries = [e for e in comparison["entries"] if counted(e) and e["name"] not in NO_PEERS]
    yield from sorted(
        ((entry["title"], median(entry, seconds)) for entry in entries), key=lambda bar: bar[1]
    )


def heading(comparison: Mapping[str, Any]) -> str:
    """Return a panel's heading."""
    rows = comparison["labels"]["rows"] / 1e6
    return f"{rows:.1f} M rows of CSV, {PANELS[comparison['name']]}"


def draw(document: Document, directory: Path) -> Path:
    """Draw the chart; returns the file.

    Args:
        document: see `benchmarks.report`.
        directory: where it goes.

    """
    import matplotlib as mpl

    mpl.use("Agg")  # no display
    # Else each drawing of the same figures would differ, and its text be no text.
    mpl.rcParams.update({"svg.hashsalt": "sftp-async", "svg.fonttype": "none"})
    from matplotlib.figure import Figure

    comparisons = {comparison["name"]: comparison for comparison in document["contests"]}
    shown = [comparisons[name] for name in PANELS]
    heights = [len(list(bars(comparison))) for comparison in shown]
    figure = Figure(figsize=(8, 0.9 + 0.3 * sum(heights)), layout="constrained")
    for panel, comparison in zip(
        figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0],
        shown,
        strict=True,
    ):
        titles, took = zip(*bars(comparison), strict=True)
        colours = [OURS if title == "sftp_async" else THEIRS for title in titles]
        panel.barh(titles, took, color=colours, height=0.72)
        panel.invert_yaxis()
        panel.set_title(f"{heading(comparison)}: seconds", loc="left", fontsize="medium")
        panel.margins(x=0.1)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.tick_params(bottom=False, labelbottom=False, left=False)
        for row, value in enumerate(took):
            panel.annotate(
                f"{value:.1f}", (value, row), (4, 0), textcoords="offset points", va="center"
            )
    file = directory / NAME
    figure.savefig(file, metadata={"Date": None})
    return file


def main() -> None:
    """Draw the chart of a report next to it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.overview REPORT.json")
    report = Path(sys.argv[1])
    print(draw(json.loads(report.read_text()), report.parent))


if __name__ == "__main__":
    main()
