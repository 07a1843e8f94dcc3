"""Collects the report as JSON: every single run, what it was made on, and what went wrong."""

from __future__ import annotations

import getpass
import json
import os
import statistics
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import environment
from benchmarks.measures import Document, counted, median, seconds
from benchmarks.process_usage import ROLES
from benchmarks.targets import targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.comparison import Comparison, Entry
    from benchmarks.context import Context

#: Of the JSON's shape; one more when a reader of an older one would be led astray.
SCHEMA = 3
NAME = "report.json"


class Report:
    """Gathers comparisons, and writes what there is after each.

    Args:
        context: of the run.
        workloads: names of those asked for.

    """

    def __init__(self, context: Context, workloads: Sequence[str]) -> None:
        self._context = context
        self._workloads = list(workloads)
        self._comparisons: list[Comparison] = []
        self._errors: list[str] = []
        self._began = time.time()
        # Once, at the start: the load before the suite's own, and versions that cannot change.
        self._machine = environment.machine(context.scratch)
        self._versions = environment.versions()
        self._commit = environment.commit()

    def add(self, comparison: Comparison) -> None:
        """Take a comparison that has ended."""
        self._comparisons.append(comparison)

    def fail(self, sentence: str) -> None:
        """Take what kept a workload from its end."""
        self._errors.append(sentence)

    def document(self) -> Document:
        """Return all of it, without paths of this machine and names of its users."""
        server = self._context.server
        document: Document = {
            "schema": SCHEMA,
            "server": {
                "kind": server.kind,
                "description": server.description,
                "passed_over": list(server.passed_over),
                "cpu_is_visible": server.visible,
            },
            "suite": {
                "full": self._context.full,
                "rounds": self._context.rounds,
                "workloads": self._workloads,
                "cuts": list(self._context.cuts),
                "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._began)),
                "seconds": round(time.time() - self._began),
            },
            "machine": self._machine,
            "versions": self._versions,
            "code": self._commit,
            # The key of all committed reports.
            "contests": [comparison_json(comparison) for comparison in self._comparisons],
        }
        document["relays"] = [
            {
                **asdict(check),
                "delays": check.delays,
                "needed": (needed := fastest(document, check.rtt_ms)),
                "carries": check.carries(needed),
            }
            for check in self._context.checks.values()
        ]
        document["targets"] = targets(document)
        document["problems"] = [
            *self._errors,
            *(problem for comparison in self._comparisons for problem in comparison.problems),
            *relay_problems(document),
        ]
        without: Document = without_names(document, places(self._context))
        return without

    def write(self, directory: Path) -> Path:
        """Write the JSON; a reader never finds half of it.

        Args:
            directory: made if missing.

        """
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / NAME
        part = file.with_suffix(".part")
        part.write_text(json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n")
        part.replace(file)
        return file


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison with every run, and a summary of each contender."""
    entries = [_entry_json(entry) for entry in comparison.entries]
    for entry in entries:
        entry["summary"] = summary(entry, entries[0])
    return {
        "name": comparison.name,
        "labels": comparison.labels,
        "rounds": comparison.rounds,
        "entries": entries,
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.contender.name,
        "title": entry.contender.title,
        "labels": dict(entry.contender.labels),
        "unavailable": entry.contender.unavailable,
        "failed": entry.failed,
        "cipher": entry.cipher,
        "outcome": None if entry.outcome is None else asdict(entry.outcome),
        "warmups": [round(took, 4) for took in entry.warmups],
        "runs": [{**asdict(run), "seconds": round(run.seconds, 4)} for run in entry.runs],
    }


def summary(entry: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return medians and spread of a contender, and its time as a multiple of the first one's.

    That is the time of a row, where both say in their labels how many they had. None for a
    contender whose figures do not count.
    """
    if not counted(entry):
        return None
    runs = entry["runs"]
    took = [run["seconds"] for run in runs]
    had, ours_had = entry["labels"].get("rows"), ours["labels"].get("rows")
    share = had / ours_had if had and ours_had else 1
    cpu = {}
    for role in ROLES:
        used = [run["cpu"].get(role) for run in runs]
        cpu[role] = None if None in used else round(statistics.median(used), 3)
    return {
        "runs": len(runs),
        "seconds": statistics.median(took),
        "fastest": min(took),
        "slowest": max(took),
        "times_ours": (
            round(median(entry, seconds) / median(ours, seconds) / share, 3)
            if counted(ours)
            else None
        ),
        "cpu": cpu,
        "worker_memory": max(run["memory"]["worker"] for run in runs),
    }


def fastest(document: Document, rtt_ms: float) -> float:
    """Return the bytes a second of the fastest single run through a relay.

    Those that passed, where they were counted: a read of some columns leaves most of a file.
    """
    rates = [
        (run.get("network") or run["bytes"]) / run["seconds"]
        for comparison in document["contests"]
        if comparison["labels"].get("rtt_ms") == rtt_ms
        for entry in comparison["entries"]
        for run in entry["runs"]
    ]
    return max(rates, default=0.0)


def relay_problems(document: Document) -> list[str]:
    """Return a sentence for each relay that cannot be trusted."""
    found = []
    for relay in document["relays"]:
        name = f"relay at {relay['rtt_ms']:g} ms"
        if not relay["delays"]:
            found.append(
                f"{name}: delivered {relay['delivered_ms']:.1f} ms, and {relay['first_ms']:.1f} ms "
                "from a call to its first answer, which should be two round trips"
            )
        if not relay["carries"]:
            found.append(
                f"{name}: lets {relay['throughput'] / 1e6:.0f} MB/s through, too little for a "
                f"contender that sent {relay['needed'] / 1e6:.0f}"
            )
    return found


def places(context: Context) -> dict[str, str]:
    """Return what must not be in the report, and what stands for it."""
    found = {
        str(context.scratch): "<scratch>",
        str(context.data_dir): "<data>",
        str(environment.REPOSITORY): "<repository>",
        str(Path.home()): "~",
    }
    with suppress(OSError, KeyError):  # a user without a name
        found[f"{getpass.getuser()}@"] = "<user>@"
    return {place: word for place, word in found.items() if place != os.sep}


def without_names(value: Any, words: Mapping[str, str]) -> Any:
    """Replace words in every text of a JSON value, the longest first."""
    if isinstance(value, str):
        for word in sorted(words, key=len, reverse=True):
            value = value.replace(word, words[word])
        return value
    if isinstance(value, dict):
        return {key: without_names(item, words) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_names(item, words) for item in value]
    return value
