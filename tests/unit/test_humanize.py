"""Texts from elsewhere become safe to show, and numbers easy to read."""

from __future__ import annotations

import pytest

from sftp_async.humanize import counted, in_units, printable, readable_target


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("plain", None, "plain"),
        ("\x1b[31mred\x07", None, "?[31mred?"),
        ("a\nb\u202ec", None, "a?b?c"),
        ("é漢", None, "é漢"),
        ("12345", 5, "12345"),
        ("123456", 5, "1234…"),
        ("", 0, ""),
    ],
)
def test_control_characters_are_replaced_and_long_texts_cut(
    text: str, limit: int | None, shown: str
) -> None:
    assert printable(text, limit) == shown


def test_line_breaks_stay_where_they_are_wanted() -> None:
    assert printable("a\n\x1bb", keep="\n") == "a\n?b"


def test_a_target_is_shown_without_the_current_directory() -> None:
    assert readable_target("./out\r") == "out?"


def test_numbers_have_units_and_nouns() -> None:
    assert [in_units(n) for n in (0, 999, 1000, 2.5e12)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "2.5 TB",
    ]
    assert in_units(1) == "1 byte"
    assert counted((1, "retry"), (2, "retry"), (1000, "file")) == "1 retry, 2 retries, 1,000 files"
