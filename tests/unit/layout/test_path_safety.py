"""Paths that rows give their files: those within the target, and those that lead elsewhere."""

from __future__ import annotations

import pytest

from sftp_async.layout.path_safety import path_problem


@pytest.mark.parametrize("path", ["a", "a.pdf", "2026/11/scan 1.pdf", "ä/ö", "a=1/b", "x" * 255])
def test_paths_within_the_target_are_taken(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "a//b", "a/", "..", "a/../../b", ".", "./a", "a/./b"),
        *(".ssh/authorized_keys", "a/.hidden", "a\nb", "a\0", "a\\..\\b", "\x7f"),
        *("x" * 256, "é" * 128, "_temporary/a", "_SFTP_async/a", "_SUCCESS", "_manifest.json"),
        "part-00000-0dd0dd000dd0dd00-c000.csv",
        "part-00000-0dd0dd000dd0dd00-c000.csv/x",
        *("orders/_temporary/x", "a/b/_SFTP_async/job_keys/d1.committed", "a/_Success"),
        *("a/_Manifest.json", "_temporary. /a", f"stage/{'0a' * 16}.intent.json"),
        "file:///data/a.pdf",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert path_problem(path) is not None
