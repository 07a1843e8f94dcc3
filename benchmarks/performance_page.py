"""Writes a report's figures into the page on performance.

`python -m benchmarks.performance_page report.json` does it. The page,
docs/explanation/performance.md, has four blocks of them: `compared`, for users, and `figures`, for
maintainers, are of all workloads but `encode` and `decode`, which have a block each. A report fills
those that it has comparisons for, and leaves the others as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.charts import FEWER, bar, is_ours
from benchmarks.measures import CPU, OURS, counted, median, rate, seconds
from benchmarks.overview import MORE, READING, WRITING, entries, panels, rows_of
from benchmarks.past_reports import load_report
from benchmarks.tables import (
    NOTHING,
    VERDICTS,
    conversions,
    extent,
    headline,
    table_line,
    table_size,
    tables,
)

if TYPE_CHECKING:
    from benchmarks.measures import Document

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "explanation" / "performance.md"
#: A block of figures stands between these two lines.
MARKERS = ("<!-- {}: python -m benchmarks.performance_page -->", "<!-- end of {} -->")
CHARTS = {
    "bulk": "Writing: lineitem in 8 partitions, next to the server",
    "latency": "Writing: a smaller lineitem, and one file, to a high-latency server",
    "scale": "Writing: rows a second and memory by the number of rows",
    "scale-memory": "Writing: memory while one partition of 5 M rows is written",
    "download": "One file into memory, without Spark",
    "read-bulk": "Reading: lineitem in every kind of file, next to the server",
    "read-latency": "Reading: lineitem as one file and as eight, from a high-latency server",
    "read-small-files": "Reading: many small files",
    "read-columns": "Reading: 3 of 16 Parquet columns, at 50 ms",
    "read-scale": "Reading: rows a second and memory by the size of the file",
    "list": "Listing files",
    "copy": "From one server to another",
}
#: Ours without its fast path.
EXACT = "sftp_async_exact"
#: What each block of a format's files is called, which workload it is of, and whose figures it has.
CONVERSIONS = {
    "encoding": ("encode", "Encoding", ("spark", "pandas")),
    "decoding": ("decode", "Decoding", (EXACT, "spark", "pandas", "polars")),
}
#: Of one core that encodes.
ENCODING_TARGET = "T9"
#: How the ids of targets of reading begin.
READING_TARGETS = "R"
#: These have ours alone, or a block of their own.
NO_RACES = {"encode", "decode", "scale", "read-scale"}
#: Contenders that write nowhere; and ours begin with its name.
NO_PEERS = {"noop", "spark_noop"}
#: What a rival is called in the head of a table.
RIVALS = {EXACT: "exact path", "spark": "spark", "pandas": "pandas", "polars": "polars"}
COMPARED = ("what", "what you would use instead", "times our time")
#: From this share on, a smaller file is worth a line.
NOTABLY = 0.05
SHARES = "Share of Spark's time that its cache takes to hand out the rows:"
QUICKER = "Contenders that take less time a row than ours:"
SMALLER = f"Contenders whose files are smaller by {NOTABLY:.0%} or more, at each codec's own level:"


def compared(document: Document, place: str) -> str:
    """Return the block for users: what they would use instead, and the chart of each direction.

    Args:
        document: see `benchmarks.report`.
        place: of the report's directory, as seen from the page.

    """
    machine = document["machine"]
    found = {comparison["name"]: comparison for comparison in document["contests"]}
    rows = [
        cells
        for name, words in {**WRITING, **READING, **MORE}.items()
        if name in found
        for cells in _compared(found[name], words)
    ]
    source = (
        f"Medians of {document['suite']['rounds']} runs on {machine['cores']} cores "
        f"({machine['cpu']}), which Spark and the server share. Times are multiples of those of "
        "this source."
    )
    parts = [source, "\n".join(map(table_line, [COMPARED, ("---",) * len(COMPARED), *rows]))]
    for chart, title in (("writing.svg", "Writing"), ("reading.svg", "Reading")):
        if panels(document, chart):
            parts.append(f"![{title}: seconds, by what is used]({place}/{chart})")
    return "\n\n".join(parts)


def _compared(comparison: Mapping[str, Any], words: str) -> Iterator[tuple[str, ...]]:
    ours = comparison["entries"][0]
    if not counted(ours):
        return
    words = words.format(rows=f"{rows_of(comparison) / 1e6:.1f} M")
    _, took = bar(ours, ours)
    for entry in entries(comparison):
        title, seconds_taken = bar(entry, ours)
        if not is_ours(entry):
            yield words, title.removesuffix(FEWER), f"{seconds_taken / took:.1f}"
            words = ""


def figures(document: Document, place: str) -> str:
    """Return the block of figures: the targets, where we are not ahead, and the charts.

    Args:
        document: as in `compared`.
        place: likewise.

    """
    machine = document["machine"]
    targets = next(tables(document))
    shown = [row for row in targets.rows if _is_shown(document, row[0])]
    source = (
        f"{headline(document)} {machine['cores']} cores ({machine['cpu']}). "
        f"[The whole report]({place}/report.md), with every contender, its CPU seconds and its "
        f"memory; [every run]({place}/report.json)."
    )
    table = [targets.columns, ("---",) * len(targets.columns), *shown]
    not_ahead = "\n".join(f"- {sentence}" for sentence in behind(document))
    parts = [
        "## The targets",
        source,
        "\n".join(table_line(cells) for cells in table),
        "## Where it is not ahead",
        not_ahead or "Nowhere in this run.",
    ]
    run = {comparison["labels"]["workload"] for comparison in document["contests"]}
    parts += [
        f"![{title}]({place}/{name}.svg)"
        for name, title in CHARTS.items()
        if name.removesuffix("-memory") in run
    ]
    return "\n\n".join(parts)


def _is_shown(document: Document, target: str) -> bool:
    """Whether a target is of a direction that the report has."""
    return not target.startswith(READING_TARGETS) or any(
        comparison["labels"]["workload"].startswith("read-") for comparison in document["contests"]
    )


def behind(document: Document) -> Iterator[str]:
    """Yield a sentence for each target that was not met and each peer that was faster."""
    for target in document["targets"]:
        if not target["met"] and _is_shown(document, target["id"]):
            was = "not measured" if target["measured"] is None else f"{target['measured']:.2f}"
            wanted = target["wanted"]
            yield f"Target {target['id']}, {target['what']}: {was}, where {wanted} is wanted."
    for comparison in document["contests"]:
        if comparison["labels"]["workload"] not in NO_RACES:
            yield from _faster(comparison)


def _faster(comparison: Mapping[str, Any]) -> Iterator[str]:
    for entry in comparison["entries"]:
        if entry["name"] in NO_PEERS or is_ours(entry) or not counted(entry):
            continue
        times = entry["summary"]["times_ours"]
        if times and times < 1:
            yield f"`{comparison['name']}`: {entry['title']} takes {times:.2f} of our time."


def conversion(document: Document, place: str, block: str) -> str:
    """Return the block on encoding or decoding: a line for each format and codec, and who is ahead.

    Args:
        document: as in `figures`, with comparisons of the workload.
        place: likewise.
        block: a key of `CONVERSIONS`.

    """
    workload, title, rivals = CONVERSIONS[block]
    comparisons, machine = conversions(document, workload), document["machine"]
    heads = ["format", "codec", "MB/s", "MB/s a core"]
    for name in rivals:
        heads += [f"{RIVALS[name]}, MB/s", "times our time"]
    rows = [_conversion_row(comparison, rivals) for comparison in comparisons]
    what = "into one file on a local disk" if block == "encoding" else "from one file"
    source = (
        f"TPC-H's lineitem, {table_size(comparisons[0]['labels'])}, {what}: "
        f"{extent(document)} {machine['cores']} cores ({machine['cpu']}). "
        f"[Seconds, CPU, rows and bytes of each]({place}/report.md); "
        f"[every run]({place}/report.json)."
    )
    parts = [f"## {title}", source]
    if block == "encoding":
        parts.append("\n".join(_aims(document)))
    parts.append("\n".join(map(table_line, [tuple(heads), ("---",) * len(heads), *rows])))
    faster = [f"- {line}" for comparison in comparisons for line in _faster(comparison)]
    if block == "encoding":
        handed_out = ", ".join(_handed_out(comparisons))
        parts.append(f"{SHARES} {handed_out or NOTHING}.")
    parts.append("\n".join([QUICKER, "", *(faster or ["- None."])]))
    if block == "encoding":
        smaller = [f"- {line}" for comparison in comparisons for line in _smaller(comparison)]
        parts.append("\n".join([SMALLER, "", *(smaller or ["- None."])]))
    return "\n\n".join(parts)


def _aims(document: Document) -> list[str]:
    return [
        f"- Target {aim['id']}, {aim['what']}: {_whole(aim['measured'])} {aim['unit']}, "
        f"{VERDICTS[aim['met']]} ({aim['wanted']})."
        for aim in document["targets"]
        if aim["id"] == ENCODING_TARGET
    ]


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


def _conversion_row(comparison: Mapping[str, Any], rivals: Sequence[str]) -> tuple[str, ...]:
    by_name = {entry["name"]: entry for entry in comparison["entries"]}
    ours, labels = by_name[OURS], comparison["labels"]
    cells = [labels["format"], labels["compression"], _rate(ours, seconds), _rate(ours, CPU)]
    for name in rivals:
        entry = by_name.get(name)
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
    separate = {workload for workload, *_ in CONVERSIONS.values()}
    if any(comparison["labels"]["workload"] not in separate for comparison in document["contests"]):
        page = updated(page, "compared", compared(document, place))
        page = updated(page, "figures", figures(document, place))
    for block, (workload, *_) in CONVERSIONS.items():
        if conversions(document, workload):
            page = updated(page, block, conversion(document, place, block))
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
    document = load_report(report)
    place = f"../../{directory.relative_to(REPOSITORY)}"
    PAGE.write_text(filled(PAGE.read_text(), document, place))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            "Name one report: "
            "python -m benchmarks.performance_page benchmarks/results/…/report.json"
        )
    main(Path(sys.argv[1]))
