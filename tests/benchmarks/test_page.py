"""The page on performance shows a report's figures, and nothing kinder."""

from __future__ import annotations

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.page import BEGIN, END, behind, updated


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
