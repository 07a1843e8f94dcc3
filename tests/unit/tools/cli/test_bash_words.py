"""Words that Bash has split are put together, and what it inserts is quoted."""

from __future__ import annotations

import pytest

from sftp_async.tools.cli.bash_words import joined, quoted


@pytest.mark.parametrize(
    ("words", "whole", "before"),
    [
        (["x", "ls", "par"], ["x", "ls", "par"], ""),
        (["x", "ls", ""], ["x", "ls", ""], ""),
        (["x", "ls", "partner", ":"], ["x", "ls", "partner:"], "partner:"),
        (["x", "ls", "partner", ":", "/ou"], ["x", "ls", "partner:/ou"], "partner:"),
        (
            ["x", "ls", "me", "@", "host", ":", "22", ":", "/a", ":", "b"],
            ["x", "ls", "me@host:22:/a:b"],
            "me@host:22:/a:",
        ),
        (["x", "ls", "sftp", ":", "//me", "@", "h/x"], ["x", "ls", "sftp://me@h/x"], "sftp://me@"),
        (
            ["x", "-o", "password", "=", "env", ":", "A", "ls", ":", "/o"],
            ["x", "-o", "password=env:A", "ls:/o"],
            "ls:",
        ),
    ],
)
def test_split_words_are_put_together(words: list[str], whole: list[str], before: str) -> None:
    assert joined(words, len(words) - 1) == (whole, len(whole) - 1, before)


def test_words_after_the_cursor_are_left_out() -> None:
    assert joined(["x", "ls", "a", ":", "/b", "-p", "22"], 4) == (["x", "ls", "a:/b"], 2, "a:")


def test_an_inserted_name_cannot_run_anything() -> None:
    assert quoted("/a b$(c)`d`;'e\"") == "/a\\ b\\$\\(c\\)\\`d\\`\\;\\'e\\\""
    assert quoted("/é/x_1-2.csv:@=%+,~") == "/é/x_1-2.csv:@=%+,~"
