"""The report for people: one set of tables, as Markdown in a file and in colour on the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from benchmarks.measures import CPU, Document, median, rate, seconds
from benchmarks.process_usage import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MIB = 1 << 20
#: The file of a report for people.
TEXT = "report.md"
NOTHING = "-"
VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


@dataclass(frozen=True)
class Table:
    """A heading, columns and cells."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    remark: str = ""


def headline(document: Document) -> str:
    """Say in one line which server it was, and how much was run."""
    server = document["server"]
    return f"Server: {server['kind']} ({server['description']}); {extent(document)}"


def extent(document: Document) -> str:
    """Say how much was run, and when."""
    suite = document["suite"]
    parts = f" in {suite['parts']} parts" if suite.get("parts", 1) > 1 else ""
    what = "full pass" if suite["full"] else "quick pass: an indication, no more"
    return (
        f"{what}, {_many(suite['rounds'], 'round')}, {suite['began']}, "
        f"{suite['seconds'] / 60:.0f} min{parts}."
    )


def facts(document: Document) -> list[str]:
    """Say what it was made on, what was left out, and what went wrong; a sentence each."""
    machine, code = document["machine"], document["code"]
    lines = [f"Not taken: {reason}" for reason in document["server"]["passed_over"]]
    lines.append(
        f"Machine: {machine['cpu']}, {_many(machine['cores'], 'core')}, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}, "
        f"kernel {machine['kernel']}, files on {machine['filesystem']}, "
        f"load before: {machine['load_before']:g}."
    )
    state = {True: ", with changes", False: "", None: ""}[code["dirty"]]
    lines.append(f"Code: {code['commit'] or 'not from a clone'}{state}.")
    there = [f"{name} {version}" for name, version in document["versions"].items() if version]
    lines.append(f"Versions: {'; '.join(there)}.")
    for relay in document["relays"]:
        sound = relay["delays"] and relay["carries"]
        lines.append(
            f"Relay at {relay['rtt_ms']:g} ms: {'verified' if sound else 'NOT AS IT MUST BE'}, "
            f"delivers {relay['delivered_ms']:.1f} ms ({relay['shortest_ms']:.1f} to "
            f"{relay['longest_ms']:.1f}), lets {relay['throughput'] / MIB:.0f} MiB/s through where "
            f"the fastest contender sent {relay['needed'] / MIB:.0f}."
        )
    lines += [f"Cut: {cut}" for cut in document["suite"]["cuts"]]
    lines += [f"PROBLEM: {problem}" for problem in document["problems"]]
    return lines


def tables(document: Document) -> Iterator[Table]:
    """Yield the targets, and each comparison."""
    yield Table(
        "Targets",
        ("id", "measure", "target", "measured", "", "note"),
        [
            (
                target["id"],
                target["what"],
                target["wanted"],
                NOTHING if target["measured"] is None else f"{target['measured']:.2f}",
                VERDICTS[target["met"]],
                target["note"],
            )
            for target in document["targets"]
        ],
        "Each but T9 is a ratio of medians within this run."
        + ("" if document["suite"]["full"] else " They are meant for the full pass."),
    )
    for comparison in document["contests"]:
        workload = comparison["labels"].get("workload")
        if workload in CONVERSIONS:
            kind = comparison["labels"].get("format")
            alike = [c for c in conversions(document, workload) if c["labels"]["format"] == kind]
            if alike and comparison is alike[0]:
                yield _conversion(workload, alike)
        elif workload in ("scale", "read-scale"):
            yield _scale(comparison)
        else:
            yield _race(comparison)


def _race(comparison: Mapping[str, Any]) -> Table:
    def cells(entry: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[str, ...]:
        size = entry["runs"][-1]["bytes"]
        network = max(run.get("network", 0) for run in entry["runs"])
        return (
            f"{entry['labels']['rows']:,}" if "rows" in entry["labels"] else NOTHING,
            f"{summary['seconds']:.2f}",
            _spread(entry, summary),
            f"{summary['times_ours']:.2f}" if summary["times_ours"] else NOTHING,
            f"{size / MIB / summary['seconds']:.0f}" if size > MIB else NOTHING,
            *(_number(summary["cpu"][role]) for role in ROLES),
            _mebibytes(network),
            _mebibytes(summary["worker_memory"]),
            entry["cipher"] or NOTHING,
        )

    heads = ("rows", "seconds", "spread", "times ours", "MiB/s")
    cpu = ("CPU client", "JVM", "server", "relay")
    columns = ("contender", *heads, *cpu, "network MiB", "worker MiB", "cipher")
    return _table(comparison, columns, cells)


def _spread(entry: Mapping[str, Any], summary: Mapping[str, Any], digits: int = 2) -> str:
    """Say between what the seconds of the runs lay; of a slow peer there is one run."""
    if len(entry["runs"]) == 1:
        return "one run"
    return f"{summary['fastest']:.{digits}f} to {summary['slowest']:.{digits}f}"


def _scale(comparison: Mapping[str, Any]) -> Table:
    def cells(entry: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[str, ...]:
        cpu = summary["cpu"]
        return (
            f"{summary['seconds']:.2f}",
            _spread(entry, summary),
            f"{entry['labels']['rows'] / summary['seconds']:,.0f}",
            _number((cpu["client"] or 0) + (cpu["jvm"] or 0)),
            _mebibytes(summary["worker_memory"]),
        )

    heads = ("seconds", "spread", "rows a second", "CPU client and JVM", "worker MiB")
    return _table(comparison, ("rows", *heads), cells)


#: What the MB of `encode` and `decode` are of.
CONVERSIONS = {"encode": "output", "decode": "the file"}


def conversions(document: Document, workload: str) -> list[Mapping[str, Any]]:
    """Return the comparisons of `encode` or `decode`, one for each format and codec.

    Reports of schema 1 had one of all formats, without rivals: it is left out.
    """
    made = (c for c in document["contests"] if c["labels"].get("workload") == workload)
    return [comparison for comparison in made if "format" in comparison["labels"]]


def _conversion(workload: str, comparisons: Sequence[Mapping[str, Any]]) -> Table:
    """Make the one table of a format."""

    def cells(entry: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[str, ...]:
        rows, size = entry["labels"]["rows"], entry["runs"][-1]["bytes"]
        used = median(entry, CPU)
        return (
            f"{rows:,}",
            f"{summary['seconds']:.3f}",
            _spread(entry, summary, 3),
            f"{summary['times_ours']:.2f}" if summary["times_ours"] else NOTHING,
            f"{size / rows:.1f}" if size else NOTHING,
            _whole(rate(entry, seconds)) if size else NOTHING,
            f"{used:.2f}",
            _whole(rate(entry, CPU)) if size else NOTHING,
        )

    figures = ("rows", "seconds", "spread", "times ours", "bytes a row", "MB/s")
    heads = ("contender", *figures, "CPU seconds", "MB/s a core")
    made = [_table(comparison, heads, cells) for comparison in comparisons]
    rows = [
        (comparison["labels"]["compression"], *row)
        for comparison, table in zip(comparisons, made, strict=True)
        for row in table.rows
    ]
    labels = comparisons[0]["labels"]
    remark = (
        f"TPC-H's lineitem, {table_size(labels)}. MB are of {CONVERSIONS[workload]}; CPU is the "
        "client's and the JVM's; times ours compares the time of a row."
    )
    return Table(f"{workload}/{labels['format']}", ("codec", *heads), rows, remark)


def table_size(labels: Mapping[str, Any]) -> str:
    """Say how much of TPC-H a comparison had."""
    return f"scale {labels['scale']:g}" if "scale" in labels else f"{labels['rows']:,} rows"


def _table(
    comparison: Mapping[str, Any],
    columns: tuple[str, ...],
    cells: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, ...]],
) -> Table:
    """Make a comparison's table; who has no figures that count has the reason instead."""
    rows = []
    for entry in comparison["entries"]:
        if entry["summary"] is None:
            figures = (_absent(entry), *[NOTHING] * (len(columns) - 2))
        else:
            figures = cells(entry, entry["summary"])
        rows.append((entry["title"], *figures))
    return Table(comparison["name"], columns, rows, _labels(comparison["labels"]))


def _absent(entry: Mapping[str, Any]) -> str:
    if entry["unavailable"]:
        return f"skipped: {entry['unavailable']}"
    # All of it is among the problems.
    return "disqualified" if entry["failed"] else "no counted run"


def _labels(labels: Mapping[str, Any]) -> str:
    words = [f"{labels['rtt_ms']:g} ms round trip"] if labels.get("rtt_ms") else []
    words += [f"TPC-H scale {labels['scale']:g}"] if labels.get("scale") else []
    counts = {
        "rows": "row",
        "partitions": "partition",
        "files": "file",
        "directories": "directory",
        "bytes": "byte",
        "columns_bytes": "byte of the columns",
    }
    words += [_many(labels[key], word) for key, word in counts.items() if labels.get(key)]
    return ", ".join(words)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _mebibytes(size: int) -> str:
    return f"{size / MIB:.0f}" if size else NOTHING


def _many(count: int, word: str) -> str:
    if count == 1:
        return f"1 {word}"
    first, *rest = word.split(" ", 1)
    plural = f"{first[:-1]}ies" if first.endswith("ry") else f"{first}s"
    return " ".join([f"{count:,}", plural, *rest])


def markdown(document: Document, charts: Mapping[str, str] | None = None) -> str:
    """Return the report as Markdown; its first line says which server it was.

    Args:
        document: see `benchmarks.report`.
        charts: title to file name, next to the text.

    """
    parts = [headline(document), "\n".join(f"- {line}" for line in facts(document))]
    for table in tables(document):
        lines = [f"## {table.title}", ""]
        if table.remark:
            lines += [table.remark, ""]
        lines += [table_line(table.columns), table_line(("---",) * len(table.columns))]
        lines += [table_line(row) for row in table.rows]
        parts.append("\n".join(lines))
    for title, file in (charts or {}).items():
        parts.append(f"## {title}\n\n![{title}]({file})")
    return "\n\n".join(parts) + "\n"


def table_line(cells: tuple[str, ...]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def show(document: Document, console: Console) -> None:
    """Print the report on a terminal."""
    console.rule("Report")
    console.print(escape(headline(document)), style="bold", highlight=False)
    for line in facts(document):
        wrong = line.startswith("PROBLEM") or "NOT AS IT MUST BE" in line
        console.print(escape(line), style="red" if wrong else "", highlight=False)
    for table in tables(document):
        drawn = RichTable(title=escape(table.title), caption=escape(table.remark) or None)
        for number, column in enumerate(table.columns):
            drawn.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
        for row in table.rows:
            drawn.add_row(*(escape(cell.replace("**", "")) for cell in row))
        console.print(drawn)
