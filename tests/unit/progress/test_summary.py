"""Counters and summaries, as people read them."""

from __future__ import annotations

from sftp_async.humanize import in_units
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
    assert summary.bytes_per_second == 48_500_000
    assert str(summary) == (
        "wrote 2 files, 4,000,000 rows, 388,000,000 bytes to /out/<a> in 8.0 s "
        "(48.5 MB/s; 3 connections, 1 retry, 0 reconnects)"
    )
    html = summary._repr_html_()
    assert "/out/&lt;a&gt;" in html
    assert "<td>388,000,000</td><td>8.0</td><td>48.5 MB/s</td><td>3</td>" in html


def test_a_write_that_took_no_time_has_no_speed() -> None:
    assert WriteSummary("/out", "ab", 0, 0, 0, 0.0, 0, 0, 0).bytes_per_second == 0.0


def test_connection_stats_add_up() -> None:
    assert ConnectionStats(3, 2, 1) + ConnectionStats(1, 1, 1) - ConnectionStats(
        2, 0, 1
    ) == ConnectionStats(2, 3, 1)


def test_bytes_have_units() -> None:
    shown = [in_units(count) for count in (0, 999, 1000, 12_345_678, 5e9, 7.25e15)]
    assert shown == ["0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "5.0 GB", "7250.0 TB"]
