"""Joins reports of one machine and one state of the code into one.

`python -m benchmarks.join one/report.json two/report.json --output DIR` does it: a full pass takes
hours, and its workloads may be run apart. Every ratio stays one within a single run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.charts import draw
from benchmarks.past_reports import load_report
from benchmarks.report import NAME
from benchmarks.tables import TEXT, markdown
from benchmarks.targets import targets
from benchmarks.workloads import NAMES

if TYPE_CHECKING:
    from benchmarks.measures import Document

#: What must be the same in all of them, and where it is in the report.
SAME = [
    ("schema",),
    ("server", "kind"),
    ("suite", "full"),
    ("suite", "rounds"),
    ("machine", "cpu"),
    ("machine", "cores"),
    ("machine", "memory_bytes"),
    ("versions",),
    ("code",),
]


def joined(documents: Sequence[Document]) -> Document:
    """Return one report of all comparisons; of two with the same name, the later one.

    Raises:
        ValueError: the reports are of different machines, versions, or states of the code.

    """
    first, *others = documents
    for where in SAME:
        found = [_at(document, where) for document in documents]
        if any(each != found[0] for each in found):
            raise ValueError(f"the reports differ in {'.'.join(where)}: {found}")
    document = deepcopy(first)
    contests = {contest["name"]: contest for each in documents for contest in each["contests"]}
    order = {name: number for number, name in enumerate(NAMES)}
    document["contests"] = sorted(
        contests.values(), key=lambda contest: order[contest["labels"]["workload"]]
    )
    relays = {relay["rtt_ms"]: relay for each in documents for relay in each["relays"]}
    document["relays"] = [relays[rtt_ms] for rtt_ms in sorted(relays)]
    suites = [each["suite"] for each in documents]
    document["suite"] |= {
        "workloads": sorted(_union(suite["workloads"] for suite in suites), key=order.__getitem__),
        "cuts": _union(suite["cuts"] for suite in suites),
        "began": min(suite["began"] for suite in suites),
        "seconds": sum(suite["seconds"] for suite in suites),
        "parts": len(documents),
    }
    load = max(each["machine"]["load_before"] for each in documents)
    document["machine"] |= {"load_before": load}
    document["problems"] = _union(each["problems"] for each in (first, *others))
    document["targets"] = targets(document)
    return document


def _at(document: Document, where: Sequence[str]) -> Any:
    found: Any = document
    for key in where:
        found = found[key]
    return found


def _union(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(each for some in lists for each in some))


def main(arguments: Sequence[str] | None = None) -> None:
    """Join the reports that are named, and write the whole with its charts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.join", description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path, metavar="report.json")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    given = parser.parse_args(arguments)
    document = joined([load_report(file) for file in given.reports])
    given.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (given.output / NAME).write_text(text + "\n")
    (given.output / TEXT).write_text(markdown(document, draw(document, given.output)))


if __name__ == "__main__":
    main()
