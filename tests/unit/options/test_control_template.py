"""Templates of control records: what they make, which lines have their shape, what differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sftp_async.options.control_template import (
    ControlTemplate,
    Difference,
    ExactSum,
    parse_control_lines,
    shown,
    sum_columns,
)

pytestmark = pytest.mark.one_python

FACTS: dict[str, Any] = {
    "rows": 12,
    "bytes": 3456,
    "sha256": "ab" * 32,
    "name": "a.b(1).csv",
    "sum(n)": ExactSum(-(10**40) - 1),
    "sum(d)": ExactSum(650, 2),
}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("T|{rows}|{bytes}", "T|12|3456"),
        ("T|{rows:08d}{bytes:06}", "T|00000012003456"),
        ("{rows:0> }{bytes:*^ 8,}", " 12* 3,456*"),
        ("{rows:>5}{rows:*<5}{rows:+,}", "   1212***+12"),
        ("{rows:x}", "c"),
        ("{sum(n)} {sum(n):d} {sum(n):.1f}", f"-{10**40 + 1} -{10**40 + 1} -{10**40 + 1}.0"),
        ("{sum(d)} {sum(d):08d} {sum(d):08.2f} {sum(d):.3f}", "6.50 00000650 00006.50 6.500"),
        ("{sha256:.8}{{}}{name}", "abababab{}a.b(1).csv"),
        ("{name!r:>14}", "  'a.b(1).csv'"),
    ],
)
def test_what_a_template_makes_has_its_shape_and_differs_in_nothing(
    template: str, line: str
) -> None:
    found = ControlTemplate(parse_control_lines(template))
    assert found.render(FACTS) == line
    (only,) = found.lines
    assert only.matches(line)
    assert only.differences(line, FACTS) == []
    assert only.text == template


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("T|{rows}", "T|0012"),
        ("T|{rows:08d}|{bytes}", "T|000000012|3456"),
        ("{rows:>5}", "12   "),
        ("{rows:,}", "1,2"),
        ("{sum(d)}", "6.5"),
        ("{sum(d):08.2f}", "+0006.50"),
        ("{sha256}", "AB" * 32),
        ("{rows}|{now:%Y-%m-%d}|{any}", "12|2026-11-30|"),
        ("{any:3}{rows:04d}", "abc0012"),
    ],
)
def test_the_same_values_written_otherwise_differ_in_nothing(template: str, line: str) -> None:
    (only,) = ControlTemplate(parse_control_lines(template)).lines
    assert only.matches(line)
    assert only.differences(line, FACTS) == []


@pytest.mark.parametrize(
    ("template", "line", "differences"),
    [
        ("T|{rows}", "T|13", [("rows", "13", "12")]),
        (
            "{rows:04d}{bytes:06d}",
            "0013003457",
            [("rows", "0013", "0012"), ("bytes", "003457", "003456")],
        ),
        ("{sum(d):06d}", "000651", [("sum(d)", "000651", "000650")]),
        ("{sum(d)}", "6.51", [("sum(d)", "6.51", "6.50")]),
        ("{sum(d)}", "-.-", [("sum(d)", "-.-", "6.50")]),
        ("{rows:x}", "d", [("rows", "d", "c")]),
        ("{name}", "b.csv", [("name", "b.csv", "a.b(1).csv")]),
        ("{sha256:.2}", "cd", [("sha256", "cd", "ab")]),
    ],
)
def test_a_difference_names_the_field_with_both_texts(
    template: str, line: str, differences: list[Any]
) -> None:
    (only,) = ControlTemplate(template).lines
    assert only.matches(line)
    assert only.differences(line, FACTS) == [Difference(*each) for each in differences]


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("T|{rows}", "T|"),
        ("T|{rows}", "T|x"),
        ("T|{rows}", "T|1 "),
        ("{rows:04d}", "12"),
        ("{sha256}", "a" * 63),
        ("{now:%Y%m%d}", "2026113"),
        ("{any:3}", "ab"),
        ("T.{name}", "T|a"),
    ],
)
def test_a_line_of_another_shape_does_not_match(template: str, line: str) -> None:
    (only,) = ControlTemplate(parse_control_lines(template)).lines
    assert not only.matches(line)


def test_a_template_has_lines_as_a_text_file_has() -> None:
    texts = [line.text for line in ControlTemplate("H\r\n{rows}\r{{x}}{name}\n\nE\n").lines]
    assert texts == ["H", "{rows}", "{{x}}{name}", "", "E"]
    assert ControlTemplate("").lines == ()


def test_the_time_is_filled_in_and_the_rest_stays() -> None:
    template = "{{H}}|{now:%Y%m%d}|{rows!s:>3}|{name}"
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    assert ControlTemplate(template).at(moment) == "{{H}}|20261130|{rows!s:>3}|{name}"


def test_columns_are_those_of_all_sums_each_once() -> None:
    assert sum_columns("{sum(a)}{sum(b c)}", None, "{rows}{sum(a):d}") == ["a", "b c"]


def test_a_line_is_shown_without_what_a_terminal_obeys_and_cut() -> None:
    assert shown("a\x1b[0m") == "a?[0m"
    assert shown("x" * 300) == "x" * 200 + "…"
