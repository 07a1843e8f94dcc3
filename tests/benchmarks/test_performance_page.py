"""The page on performance shows a report's figures, and nothing kinder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.comparison import Comparison, Contender, Entry, Run
from benchmarks.past_reports import load_report
from benchmarks.performance_page import (
    PAGE,
    REPOSITORY,
    behind,
    compared,
    conversion,
    filled,
    main,
    updated,
)
from benchmarks.report import comparison_json
from benchmarks.targets import targets

COMMITTED = re.compile(r"\]\(\.\./\.\./(benchmarks/results/[^/]+)/report\.json\)")


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


BLOCK = "<!-- {0}: python -m benchmarks.performance_page -->\n{1}\n<!-- end of {0} -->\n"


def test_only_the_block_that_is_named_changes() -> None:
    figures, encoding = BLOCK.format("figures", "old"), BLOCK.format("encoding", "old")
    page = f"above\n{figures}between\n{encoding}below\n"
    new = encoding.replace("old", "\nnew\n")
    assert updated(page, "encoding", "new") == f"above\n{figures}between\n{new}below\n"


def encoded(name: str, **seconds: float) -> Comparison:
    """A comparison of one format and codec, `csv-gzip`; each contender leaves 1 MB."""
    kind, _, codec = name.partition("-")
    entries = [Entry(Contender(who, who, print, labels={"rows": 10})) for who in seconds]
    for entry, took in zip(entries, seconds.values(), strict=True):
        size = 0 if entry.contender.name == "spark_noop" else 1_000_000
        cpu = {"client": took / 2, "jvm": 0.0, "server": 0.0, "relay": 0.0}
        entry.runs.append(Run(took, cpu, {"worker": 0, "workers": 0}, size))
    labels = {"workload": "encode", "format": kind, "compression": codec or "none", "scale": 1}
    return Comparison(f"encode/{name}", labels, 1, entries)


@pytest.fixture
def document() -> dict[str, Any]:
    comparisons = [
        encoded("csv", sftp_async=0.004, spark=0.04, spark_noop=0.01, pandas=0.01),
        encoded("csv-xz", sftp_async=1.0),
        encoded("orc", sftp_async=0.1, spark=0.05),
    ]
    made: dict[str, Any] = {
        "suite": {"full": True, "rounds": 5, "began": "today", "seconds": 60},
        "machine": {"cores": 2, "cpu": "one"},
        "contests": [comparison_json(comparison) for comparison in comparisons],
    }
    made["targets"] = targets(made)
    return made


def test_encoding_has_a_line_a_codec_its_target_and_who_was_faster(
    document: dict[str, Any],
) -> None:
    text = conversion(document, "../there", "encoding")
    assert "| csv | none | 250 | 500 | 25 | 10.0 | 100 | 2.5 |" in text
    assert "| csv | xz | 1 | 2 | - | - | - | - |" in text
    assert "CSV by a core: 500 MB/s, met (at least 200)" in text
    assert "JSON by a core: - MB/s, not measured" in text
    assert "to hand out the rows: 25% for csv." in text
    assert "than ours:\n\n- `encode/orc`: spark takes 0.50 of our time.\n\n" in text
    assert text.endswith("level:\n\n- None.")


def test_a_smaller_file_of_another_is_named(document: dict[str, Any]) -> None:
    document["contests"][0]["entries"][1]["runs"][-1]["bytes"] = 949_999
    document["contests"][2]["entries"][1]["runs"][-1]["bytes"] = 950_001
    text = conversion(document, "../there", "encoding")
    assert text.endswith("level:\n\n- `encode/csv`: spark, 94999.9 bytes a row; ours has 100000.0.")


def test_a_report_of_encode_alone_leaves_the_other_figures_as_they_are(
    document: dict[str, Any],
) -> None:
    page = BLOCK.format("figures", "old") + BLOCK.format("encoding", "old")
    after = filled(page, document, "../there")
    assert after.startswith(BLOCK.format("figures", "old"))
    assert "## Encoding" in after


def test_decoding_has_a_line_a_codec_and_the_exact_path_next_to_the_fast_one(
    document: dict[str, Any],
) -> None:
    made = encoded("csv", sftp_async=0.004, sftp_async_exact=0.04, spark=0.02, polars=0.001)
    made.labels["workload"] = "decode"
    document["contests"] = [comparison_json(made)]
    text = conversion(document, "../there", "decoding")
    assert "| csv | none | 250 | 500 | 25 | 10.0 | 50 | 5.0 | - | - | 1,000 | 0.2 |" in text
    assert text.endswith("than ours:\n\n- `encode/csv`: polars takes 0.25 of our time.")
    page = BLOCK.format("encoding", "old") + BLOCK.format("decoding", "old")
    assert filled(page, document, "../there").startswith(BLOCK.format("encoding", "old"))


def test_users_see_what_they_would_use_instead_and_no_internal_id(
    document: dict[str, Any],
) -> None:
    document["contests"] = [
        {**comparison_json(made), "name": name, "labels": {"workload": "bulk", "rows": 2_000_000}}
        for name, made in (
            ("bulk/csv", encoded("csv", sftp_async=1, spark_disk=2, paramiko_pandas=8.04)),
            ("read-bulk/csv", encoded("csv", sftp_async=2, rclone_spark=1)),
        )
    ]
    text = compared(document, "../there")
    assert "| Writing 2.0 M rows of CSV to a server nearby | spark_disk | 2.0 |" in text
    assert "|  | paramiko_pandas | 8.0 |" in text
    assert "| Reading 2.0 M rows of CSV from a server nearby | rclone_spark | 0.5 |" in text
    assert "../there/writing.svg" in text
    assert "../there/reading.svg" in text
    assert not re.search(r"\b[TR]\d+\b", text)


def test_a_report_from_elsewhere_is_refused_and_the_page_stays(tmp_path: Path) -> None:
    before = PAGE.read_text()
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(SystemExit, match="copy one to benchmarks/results first"):
        main(tmp_path / "report.json")
    assert PAGE.read_text() == before


#: The reports that the page names: one, or one for each block.
PLACES = sorted(set(COMMITTED.findall(PAGE.read_text())))


def committed(place: str) -> dict[str, Any]:
    return load_report(REPOSITORY / place / "report.json")


def test_the_page_names_its_reports() -> None:
    assert PLACES


@pytest.mark.parametrize("place", PLACES)
def test_the_page_is_what_its_report_says(place: str) -> None:
    remedy = f"run: python -m benchmarks.performance_page {place}/report.json"
    assert filled(PAGE.read_text(), committed(place), f"../../{place}") == PAGE.read_text(), remedy


@pytest.mark.parametrize("place", PLACES)
def test_a_committed_report_is_of_a_full_pass_in_which_nothing_went_wrong(place: str) -> None:
    document = committed(place)
    assert document["suite"]["full"]
    assert document["suite"]["rounds"] >= 3
    assert document["problems"] == []
    assert document["code"]["dirty"] is False
