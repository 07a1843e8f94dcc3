"""Writes a report's figures into the page on performance.

`python -m benchmarks.performance_page report.json` does it. The page,
docs/explanation/performance.md, has two blocks of them: one of `encode`, one of all other
workloads. A report fills those that it has comparisons for, and leaves the other as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables import NOTHING, VERDICTS, encodings, extent, headline, table_line, tables
from benchmarks.targets import CPU, OURS, counted, median, rate, seconds

if TYPE_CHECKING:
    from benchmarks.targets import Document

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "explanation" / "performance.md"
#: A block of figures stands between these two lines.
MARKERS = ("<!-- {}: python -m benchmarks.performance_page -->", "<!-- end of {} -->")
CHARTS = {
    "bulk": "Bulk: lineitem in 8 partitions, next to the server",
    "latency": "Latency: a smaller lineitem, and one file, at a distance",
    "scale": "Scale: rows a second and memory by the number of rows",
    "scale-memory": "Memory while one partition of 5 M rows is written",
}
#: Of one core that encodes.
ENCODING_TARGET = "T9"
#: `scale` has ours alone, and `encode` a block of its own.
NO_RACES = {"encode", "scale"}
#: Contenders that write nowhere, or are ours.
NO_PEERS = {"sftp_async", "sftp_async_untuned", "noop", "spark_noop"}
RIVALS = ("spark", "pandas")
#: From this share on, a smaller file is worth a line.
NOTABLY = 0.05
SHARES = "Share of Spark's time that its cache takes to hand out the rows:"
QUICKER = "Contenders that take less time a row than ours:"
SMALLER = f"Contenders whose files are smaller by {NOTABLY:.0%} or more, at each codec's own level:"


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
    for comparison in document["contests"]:
        if comparison["labels"]["workload"] not in NO_RACES:
            yield from _faster(comparison)


def _faster(comparison: Mapping[str, Any]) -> Iterator[str]:
    for entry in comparison["entries"]:
        if entry["name"] in NO_PEERS or not counted(entry):
            continue
        times = entry["summary"]["times_ours"]
        if times and times < 1:
            yield f"`{comparison['name']}`: {entry['title']} takes {times:.2f} of our time."


def encoding(document: Document, place: str) -> str:
    """Return the block on encoding: a line for each format and codec, and who was faster.

    Args:
        document: as in `figures`, with comparisons of `encode`.
        place: likewise.

    """
    comparisons, machine = encodings(document), document["machine"]
    heads = ("format", "codec", "MB/s", "MB/s a core")
    rivals = [cell for name in RIVALS for cell in (f"{name}, MB/s", "times our time")]
    rows = [_encoding_row(comparison) for comparison in comparisons]
    aims = [
        f"- Target {aim['id']}, {aim['what']}: {_whole(aim['measured'])} {aim['unit']}, "
        f"{VERDICTS[aim['met']]} ({aim['wanted']})."
        for aim in document["targets"]
        if aim["id"] == ENCODING_TARGET
    ]
    source = (
        f"TPC-H's lineitem, scale {comparisons[0]['labels']['scale']:g}, into one file on a local "
        f"disk: {extent(document)} {machine['cores']} cores ({machine['cpu']}). "
        f"[Seconds, CPU, rows and bytes of each]({place}/report.md); "
        f"[every run]({place}/report.json)."
    )
    handed_out = ", ".join(_handed_out(comparisons))
    faster = [f"- {line}" for comparison in comparisons for line in _faster(comparison)]
    smaller = [f"- {line}" for comparison in comparisons for line in _smaller(comparison)]
    parts = [
        "## Encoding",
        source,
        "\n".join(aims),
        "\n".join(map(table_line, [(*heads, *rivals), ("---",) * 8, *rows])),
        f"{SHARES} {handed_out or NOTHING}.",
        "\n".join([QUICKER, "", *(faster or ["- None."])]),
        "\n".join([SMALLER, "", *(smaller or ["- None."])]),
    ]
    return "\n\n".join(parts)


def _whole(figure: float | None) -> str:
    return NOTHING if figure is None else f"{figure:,.0f}"


def _smaller(comparison: Mapping[str, Any]) -> Iterator[str]:
    """Say whose file has fewer bytes a row: what a faster codec at a lower level costs."""
    sizes = {
        entry["name"]: (entry["title"], entry["runs"][-1]["bytes"] / entry["labels"]["rows"])
        for entry in comparison["entries"]
        if counted(entry) and entry["runs"][-1]["bytes"]
    }
    _, ours = sizes.pop(OURS)
    for title, size in sizes.values():
        if size <= ours * (1 - NOTABLY):
            yield f"`{comparison['name']}`: {title}, {size:.1f} bytes a row; ours has {ours:.1f}."


def _handed_out(comparisons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for comparison in comparisons:
        entries = {entry["name"]: entry for entry in comparison["entries"]}
        reader, writer = entries.get("spark_noop"), entries.get("spark")
        if reader and writer and counted(reader) and counted(writer):
            share = median(reader, seconds) / median(writer, seconds)
            yield f"{share:.0%} for {comparison['labels']['format']}"


def _encoding_row(comparison: Mapping[str, Any]) -> tuple[str, ...]:
    entries = {entry["name"]: entry for entry in comparison["entries"]}
    ours, labels = entries[OURS], comparison["labels"]
    cells = [labels["format"], labels["compression"], _rate(ours, seconds), _rate(ours, CPU)]
    for name in RIVALS:
        entry = entries.get(name)
        times = entry["summary"]["times_ours"] if entry and entry["summary"] else None
        cells += [_rate(entry, seconds), f"{times:.1f}" if times else NOTHING]
    return tuple(cells)


def _rate(entry: Mapping[str, Any] | None, figure: Callable[[Mapping[str, Any]], float]) -> str:
    return _whole(rate(entry, figure) if entry and counted(entry) else None)


def filled(page: str, document: Document, place: str) -> str:
    """Return the page with those blocks replaced that a report has comparisons for.

    Args:
        page: Markdown.
        document: as in `figures`.
        place: likewise.

    """
    if any(comparison["labels"]["workload"] != "encode" for comparison in document["contests"]):
        page = updated(page, "figures", figures(document, place))
    if encodings(document):
        page = updated(page, "encoding", encoding(document, place))
    return page


def updated(page: str, name: str, block: str) -> str:
    """Return the page with one of its blocks replaced."""
    begin, end = (marker.format(name) for marker in MARKERS)
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def main(report: Path) -> None:
    """Write a report's figures into the page."""
    directory = report.resolve().parent
    if not (report.is_file() and directory.is_relative_to(REPOSITORY)):
        sys.exit(f"{report}: no report in this repository; copy one to benchmarks/results first")
    document = json.loads(report.read_text())
    place = f"../../{directory.relative_to(REPOSITORY)}"
    PAGE.write_text(filled(PAGE.read_text(), document, place))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            "Name one report: "
            "python -m benchmarks.performance_page benchmarks/results/…/report.json"
        )
    main(Path(sys.argv[1]))
