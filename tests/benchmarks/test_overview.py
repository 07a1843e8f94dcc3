"""The README's chart shows the figures of the report that the page on performance is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.measures import counted
from benchmarks.overview import NAME, NO_PEERS, PANELS, bars, draw, heading
from benchmarks.performance_page import PAGE, REPOSITORY

CHART = re.compile(r"!\[[^\]]*\]\((benchmarks/results/[^/]+)/" + re.escape(NAME))
FIGURES = re.compile(r"\(\.\./\.\./(benchmarks/results/[^/]+)/bulk\.svg\)")


@pytest.fixture(scope="module")
def place() -> Path:
    """Where the README's chart lies."""
    [name] = CHART.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    return REPOSITORY / str(name)


@pytest.fixture(scope="module")
def document(place: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((place / "report.json").read_text())
    return read


def texts(chart: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", chart.read_text(encoding="utf-8"))


def test_the_chart_is_of_the_report_that_the_page_shows(place: Path) -> None:
    [shown] = FIGURES.findall(PAGE.read_text(encoding="utf-8"))
    remedy = f"run: python -m benchmarks.overview {shown}/report.json, and name it in README.md"
    assert place == REPOSITORY / shown, remedy


def expected(document: dict[str, Any]) -> list[str]:
    """What a chart of the report says, in its order."""
    comparisons = {comparison["name"]: comparison for comparison in document["contests"]}
    texts = []
    for name in PANELS:
        titles, took = zip(*bars(comparisons[name]), strict=True)
        figures = [f"{seconds:.1f}" for seconds in took]
        texts += [*titles, *figures, f"{heading(comparisons[name])}: seconds"]
    return texts


def test_the_committed_chart_has_the_reports_figures(place: Path, document: dict[str, Any]) -> None:
    assert texts(place / NAME) == expected(document)


def test_no_contender_is_left_out(document: dict[str, Any]) -> None:
    for comparison in (c for c in document["contests"] if c["name"] in PANELS):
        took_part = {e["title"] for e in comparison["entries"] if counted(e)}
        left_out = {e["title"] for e in comparison["entries"] if e["name"] in NO_PEERS}
        assert {title for title, _ in bars(comparison)} == took_part - left_out


def test_the_chart_can_be_drawn_again(document: dict[str, Any], tmp_path: Path) -> None:
    assert texts(draw(document, tmp_path)) == expected(document)
