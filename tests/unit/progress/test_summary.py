"""Counters and summaries, as people read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sftp_async.humanize import SPEED_FROM, in_units
from sftp_async.progress.history import History
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.summary import WriteStats, WriteSummary
from sftp_async.remote.stats import ConnectionStats


def test_what_was_written_reads_as_a_sentence() -> None:
    assert str(WriteStats(12, 336776, 32308238)) == "12 files, 336,776 rows, 32,308,238 bytes"
    assert str(WriteStats(1, 1, 1)) == "1 file, 1 row, 1 byte"
    assert str(WriteStats(0, 0, 0)) == "0 files, 0 rows, 0 bytes"
    overwritten = WriteStats(1, 2, 3, files_replaced=1, files_removed=1200)
    assert str(overwritten) == "1 file, 2 rows, 3 bytes, replaced 1 file, removed 1,200 files"


def test_what_a_write_took_reads_as_a_sentence_and_as_a_table() -> None:
    summary = WriteSummary("/out/<a>", "ab", 2, 4_000_000, 388_000_000, 8.0, 3, 1, 0)
    summary = replace(summary, startup_seconds=3.0, tasks=2, files_removed=4)
    assert (summary.transfer_seconds, summary.bytes_per_second) == (5.0, 77_600_000)
    assert str(summary) == (
        "wrote 2 files, 4,000,000 rows, 388,000,000 bytes to /out/<a> in 8.0 s "
        "(3.0 s start-up, then 77.6 MB/s; 3 connections, 1 retry, 0 reconnects), removed 4 files"
    )
    html = summary._repr_html_()
    assert "/out/&lt;a&gt;" in html
    assert "<td>388,000,000</td><td>3.0 s</td><td>5.0 s</td><td>77.6 MB/s</td><td>2</td>" in html
    assert html.endswith("<td>0</td><td>4</td></tr></table>")
    # JupyterLab breaks the lines of cells, but not below the width of a head.
    assert '<th style="white-space: nowrap; min-width: 9ch">speed</th>' in html


@pytest.mark.parametrize(("size", "shown"), [(SPEED_FROM - 1, False), (SPEED_FROM, True)])
def test_a_small_transfer_shows_no_speed(size: int, shown: bool) -> None:
    for summary in (
        WriteSummary("/out", "ab", 1, 1, size, 1.0, 1, 0, 0),
        ReadSummary("/in", 1, 1, size, 1.0, 1, 1),
    ):
        assert ("MB/s" in str(summary)) == ("MB/s" in summary._repr_html_()) == shown
        assert summary.bytes_per_second == size


@pytest.mark.parametrize(
    ("rolled_back", "outcome"),
    [
        (True, "nothing of it is left"),
        (False, "its files are complete, and stay"),
        (None, "what it staged may still be there"),
    ],
)
def test_a_write_that_failed_says_how_far_it_came_and_what_is_left(
    rolled_back: bool | None, outcome: str
) -> None:
    summary = WriteSummary("/out", "ab", 0, 30, 300, 2.0, 1, 0, 0, tasks=2, failed=True)
    summary = replace(summary, rolled_back=rolled_back, error="A <disk> is full.")
    text = str(summary)
    assert text.startswith(
        "failed to write to /out after 2.0 s (2 tasks, 30 rows, 300 bytes before"
    )
    assert outcome in text
    assert text.endswith("): A <disk> is full")
    assert "A &lt;disk&gt; is full" in summary._repr_html_()
    assert outcome in summary._repr_html_()


def test_a_history_reads_as_lines_and_as_a_table() -> None:
    assert str(History()) == "nothing written or read yet"
    write = WriteSummary("/out/<a>", "ab", 2, 4, 388_000_000, 8.0, 3, 1, 0, ended=1e9)
    failed = WriteSummary("/out", "ab", 0, 0, 0, 1.0, 0, 0, 0, failed=True, ended=1e9)
    read = ReadSummary("/in", 1, 1, 10, 1.0, 1, 1, ended=1e9)
    history = History([write, failed, read])
    assert (history[0], history[-1], len(history[1:])) == (write, read, 2)
    assert ([*history.writes], [*history.reads]) == ([write, failed], [read])
    assert repr(history) == "<History of 2 writes and 1 reads>"
    lines = str(history).splitlines()
    assert [line[:4] for line in lines] == ["2001"] * 3
    assert [str(each) in line for each, line in zip(history, lines, strict=True)] == [True] * 3
    html = history._repr_html_()
    assert html.count("<tr>") == 4
    assert "<td>write</td><td>/out/&lt;a&gt;</td>" in html
    assert "<td>FAILED</td>" in html


def test_a_write_that_took_no_time_has_no_speed() -> None:
    assert WriteSummary("/out", "ab", 0, 0, 0, 0.0, 0, 0, 0).bytes_per_second == 0.0


def test_connection_stats_add_up() -> None:
    assert ConnectionStats(3, 2, 1) + ConnectionStats(1, 1, 1) - ConnectionStats(
        2, 0, 1
    ) == ConnectionStats(2, 3, 1)


def test_bytes_have_units() -> None:
    shown = [in_units(count) for count in (0, 999, 1000, 12_345_678, 5e9, 7.25e15)]
    assert shown == ["0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "5.0 GB", "7250.0 TB"]
