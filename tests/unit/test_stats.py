"""Counters in words."""

from __future__ import annotations

from sftp_async.stats import WriteStats


def test_what_was_written_reads_as_a_sentence() -> None:
    assert str(WriteStats(12, 336776, 32308238)) == "12 files, 336,776 rows, 32,308,238 bytes"
    assert str(WriteStats(1, 1, 1)) == "1 file, 1 row, 1 byte"
    assert str(WriteStats(0, 0, 0)) == "0 files, 0 rows, 0 bytes"
