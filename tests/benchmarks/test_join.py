"""Joining reports: all comparisons in the suite's order, and none of another machine or code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.comparison import compare
from benchmarks.join import joined, main
from benchmarks.report import Report
from tests.benchmarks.folder import folder_context, writer


def report(folder: Path, workload: str, *, title: str = "Ours") -> dict[str, Any]:
    folder.mkdir()
    context = folder_context(folder)
    context.workload = workload
    made = Report(context, [workload])
    contender = writer("sftp_async")
    made.add(compare(context, f"{workload}/x", [contender], rounds=1, labels={"title": title}))
    return made.document()


def test_two_reports_become_one_in_the_order_of_the_suite(tmp_path: Path) -> None:
    copy, download = report(tmp_path / "1", "copy"), report(tmp_path / "2", "download")
    files = []
    for number, document in enumerate((copy, download)):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(document))
    main([*map(str, files), "--output", str(tmp_path / "out")])
    whole = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [contest["name"] for contest in whole["contests"]] == ["download/x", "copy/x"]
    assert whole["suite"]["workloads"] == ["download", "copy"]
    assert "in 2 parts" in (tmp_path / "out" / "report.md").read_text()


def test_of_two_comparisons_with_one_name_the_later_one_is_taken(tmp_path: Path) -> None:
    one, two = report(tmp_path / "1", "copy"), report(tmp_path / "2", "copy", title="Again")
    (contest,) = joined([one, two])["contests"]
    assert contest["labels"]["title"] == "Again"


def test_reports_of_other_code_are_refused(tmp_path: Path) -> None:
    one, two = report(tmp_path / "1", "copy"), report(tmp_path / "2", "download")
    two["code"] = {"commit": "other", "dirty": False}
    with pytest.raises(ValueError, match="differ in code"):
        joined([one, two])
