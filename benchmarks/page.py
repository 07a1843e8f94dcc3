"""The figures of docs/performance.md, from a report: `python -m benchmarks.page report.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables import headline, table_line, tables
from benchmarks.targets import counted

if TYPE_CHECKING:
    from benchmarks.targets import Document

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- figures: python -m benchmarks.page -->", "<!-- end of figures -->"
CHARTS = {
    "bulk": "Bulk: lineitem in 8 partitions, next to the server",
    "latency": "Latency: a smaller lineitem, and one file, at a distance",
    "scale": "Scale: rows a second and memory by the number of rows",
    "scale-memory": "Memory while one partition of 5 M rows is written",
}
#: Workloads whose entries are all ours: formats, and numbers of rows.
NO_RACES = {"encode", "scale"}
#: Contenders that write nowhere, or are ours.
NO_PEERS = {"sftp_async", "sftp_async_untuned", "noop"}


def figures(document: Document, place: str) -> str:
    """Return the block of figures: the targets, where we are not ahead, and the charts.

    Args:
        document: see `benchmarks.report`.
        place: of the report's directory, as seen from the page.

    """
    machine = document["machine"]
    targets = next(tables(document))
    source = (
        f"{headline(document)} {machine['cores']} cores ({machine['cpu']}). "
        f"[The whole report]({place}/report.md), with every contender, its CPU seconds and its "
        f"memory; [every run]({place}/report.json)."
    )
    table = [targets.columns, ("---",) * len(targets.columns), *targets.rows]
    not_ahead = "\n".join(f"- {sentence}" for sentence in behind(document))
    parts = [
        "## The figures",
        source,
        "\n".join(table_line(cells) for cells in table),
        "## Where it is not ahead",
        not_ahead or "Nowhere in this run.",
    ]
    parts += [f"![{title}]({place}/{name}.svg)" for name, title in CHARTS.items()]
    return "\n\n".join(parts)


def behind(document: Document) -> Iterator[str]:
    """Yield a sentence for each target that was not met and each peer that was faster."""
    for target in document["targets"]:
        if not target["met"]:
            was = "not measured" if target["measured"] is None else f"{target['measured']:.2f}"
            wanted = target["wanted"]
            yield f"Target {target['id']}, {target['what']}: {was}, where {wanted} is wanted."
    for contest in document["contests"]:
        if contest["labels"]["workload"] in NO_RACES:
            continue
        for entry in contest["entries"]:
            if entry["name"] in NO_PEERS or not counted(entry):
                continue
            times = entry["summary"]["times_ours"]
            if times and times < 1:
                yield f"`{contest['name']}`: {entry['title']} takes {times:.2f} of our time."


def updated(page: str, block: str) -> str:
    """Return the page with its block of figures replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"


def main(report: Path) -> None:
    """Write a report's figures into the page."""
    directory = report.resolve().parent
    if not (report.is_file() and directory.is_relative_to(REPOSITORY)):
        sys.exit(f"{report}: no report in this repository; copy one to benchmarks/results first")
    document = json.loads(report.read_text())
    place = f"../{directory.relative_to(REPOSITORY)}"
    PAGE.write_text(updated(PAGE.read_text(), figures(document, place)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name one report: python -m benchmarks.page benchmarks/results/…/report.json")
    main(Path(sys.argv[1]))
