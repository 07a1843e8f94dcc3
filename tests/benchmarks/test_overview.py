"""The README's chart shows the figures of the report that the page on performance is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.charts import FEWER, is_ours
from benchmarks.comparison import Comparison, Contender, Entry, Run
from benchmarks.measures import counted
from benchmarks.overview import (
    CHARTS,
    FOOTNOTE,
    NAME,
    NO_PEERS,
    READING,
    WRITING,
    bars,
    draw,
    entries,
    heading,
    limit,
    panels,
)
from benchmarks.past_reports import load_report
from benchmarks.performance_page import PAGE, REPOSITORY
from benchmarks.report import comparison_json

CHART = re.compile(r"!\[[^\]]*\]\((benchmarks/results/[^/]+)/" + re.escape(NAME))
FIGURES = re.compile(r"\(\.\./\.\./(benchmarks/results/[^/]+)/bulk\.svg\)")


@pytest.fixture(scope="module")
def place() -> Path:
    """Where the README's chart lies."""
    [name] = CHART.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    return REPOSITORY / str(name)


@pytest.fixture(scope="module")
def document(place: Path) -> dict[str, Any]:
    return load_report(place / "report.json")


def texts(chart: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", chart.read_text(encoding="utf-8"))


def test_the_chart_is_of_the_report_that_the_page_shows(place: Path) -> None:
    [shown] = FIGURES.findall(PAGE.read_text(encoding="utf-8"))
    remedy = f"run: python -m benchmarks.overview {shown}/report.json, and name it in README.md"
    assert place == REPOSITORY / shown, remedy


def expected(document: dict[str, Any], chart: str) -> list[str]:
    """What a chart of the report says, in its order."""
    texts = []
    for comparison in panels(document, chart):
        titles, took = zip(*bars(comparison), strict=True)
        figures = [f"{seconds:.1f}" for seconds in took]
        texts += [*titles, *figures, f"{heading(comparison)}: seconds"]
    return texts + [FOOTNOTE] * any(text.endswith(FEWER) for text in texts)


def test_the_committed_charts_have_the_reports_figures(
    place: Path, document: dict[str, Any]
) -> None:
    shown = [chart for chart in CHARTS if panels(document, chart)]
    assert NAME in shown
    for chart in shown:
        assert texts(place / chart) == expected(document, chart)


def test_no_contender_is_left_out(document: dict[str, Any]) -> None:
    for comparison in panels(document, NAME):
        took_part = {e["title"] for e in comparison["entries"] if counted(e)}
        left_out = {e["title"] for e in comparison["entries"] if e["name"] in NO_PEERS}
        shown = {title.removesuffix(FEWER) for title, _ in bars(comparison)}
        assert shown == took_part - left_out


def test_the_charts_can_be_drawn_again(document: dict[str, Any], tmp_path: Path) -> None:
    for file in draw(document, tmp_path):
        assert texts(file) == expected(document, file.name)


def raced(name: str, **seconds: float) -> Comparison:
    """A comparison; who is called `paramiko_lines` had a tenth of the rows."""
    made = []
    for who, took in seconds.items():
        rows = 1_000_000 if who == "paramiko_lines" else 10_000_000
        entry = Entry(Contender(who, f"By {who}", print, labels={"rows": rows}))
        used = {"client": took, "jvm": 0.0, "server": 0.0, "relay": 0.0}
        entry.runs.append(Run(took, used, {"worker": 0, "workers": 0}, 1))
        made.append(entry)
    return Comparison(name, {"workload": name.partition("/")[0], "rtt_ms": 0}, 1, made)


def test_the_readmes_chart_has_both_directions_and_the_pages_have_one_each(tmp_path: Path) -> None:
    names = [*WRITING, *READING]
    took = {"sftp_async": 2.0, "sftp_async_one_task": 3.0, "spark_disk": 4.0, "paramiko_lines": 9.0}
    comparisons = [comparison_json(raced(name, **took)) for name in names]
    document = {"contests": comparisons}
    made = draw(document, tmp_path)
    assert [file.name for file in made] == ["overview.svg", "writing.svg", "reading.svg"]
    overview, writing, reading = map(texts, made)
    assert [text for text in overview if text.endswith(": seconds")] == [
        "Writing 10.0 M rows of CSV to a server nearby: seconds",
        "Writing 10.0 M rows of CSV to a server 50 ms away: seconds",
        "Reading 10.0 M rows of CSV from a server nearby: seconds",
        "Reading 10.0 M rows of CSV from a server 50 ms away: seconds",
    ]
    assert len([text for text in writing + reading if text.endswith(": seconds")]) == 4
    # The fastest first, and who had a tenth of the rows took ten times as long for all of them.
    assert reading[:6] == [
        "By sftp_async",
        "By spark_disk",
        "By paramiko_lines *",
        "2.0",
        "4.0",
        "90.0",
    ]
    assert FOOTNOTE in reading
    assert [is_ours(entry) for entry in entries(comparisons[0])] == [True, False, False]


def test_a_chart_without_figures_is_not_drawn(tmp_path: Path) -> None:
    comparison = comparison_json(raced("read-bulk/csv", sftp_async=1.0))
    made = draw({"contests": [comparison]}, tmp_path)
    assert [file.name for file in made] == ["overview.svg", "reading.svg"]


@pytest.mark.parametrize(
    ("took", "shown_to"),
    [
        ([1.0, 2.0, 6.0], 6.0),
        ([1.0, 2.0, 60.0], 5.0),
        ([3.0, 9.0, 11.0, 1_788.0], 27.5),
        ([1.0, 100.0, 200.0], 2.5),
        ([4.0], 4.0),
    ],
)
def test_a_bar_that_is_far_longer_than_the_others_is_cut(
    took: list[float], shown_to: float
) -> None:
    assert limit(took) == shown_to
