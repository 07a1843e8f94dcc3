"""The page on performance shows a report's figures, and nothing kinder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.page import BEGIN, END, PAGE, REPOSITORY, behind, figures, main, updated

COMMITTED = re.compile(r"\]\(\.\./(benchmarks/results/[^/]+)/report\.json\)")


def test_every_peer_that_was_faster_and_every_target_missed_is_named() -> None:
    summaries = {"fast": 0.5, "slow": 2.0, "noop": 0.1}
    entries = [
        {
            "name": name,
            "title": name.title(),
            "runs": [{}],
            "failed": [],
            "unavailable": None,
            "summary": {"times_ours": times},
        }
        for name, times in summaries.items()
    ]
    missed = {"id": "T1", "what": "speed", "wanted": "at least 2", "measured": 1.5, "met": False}
    document = {
        "targets": [missed, {**missed, "id": "T2", "met": True}],
        "contests": [
            {"name": name, "labels": {"workload": name}, "entries": entries}
            for name in ("bulk", "encode")
        ],
    }
    assert list(behind(document)) == [
        "Target T1, speed: 1.50, where at least 2 is wanted.",
        "`bulk`: Fast takes 0.50 of our time.",
    ]


def test_only_the_block_of_figures_changes() -> None:
    page = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    assert updated(page, "new") == f"above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"


def test_a_report_from_elsewhere_is_refused_and_the_page_stays(tmp_path: Path) -> None:
    before = PAGE.read_text()
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(SystemExit, match="copy one to benchmarks/results first"):
        main(tmp_path / "report.json")
    assert PAGE.read_text() == before


def committed() -> tuple[str, dict[str, Any]]:
    """The report that the page names."""
    named = COMMITTED.search(PAGE.read_text())
    assert named is not None
    return named[1], json.loads((REPOSITORY / named[1] / "report.json").read_text())


def test_the_page_is_what_its_report_says() -> None:
    place, document = committed()
    remedy = f"run: python -m benchmarks.page {place}/report.json"
    assert updated(PAGE.read_text(), figures(document, f"../{place}")) == PAGE.read_text(), remedy


def test_the_committed_report_is_of_a_full_pass_in_which_nothing_went_wrong() -> None:
    _, document = committed()
    assert document["suite"]["full"]
    assert document["suite"]["rounds"] >= 5
    assert document["problems"] == []
    assert document["code"]["dirty"] is False
