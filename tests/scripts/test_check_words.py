"""The check of words finds what the glossary replaces, in code and documents, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_words import LITERAL, REPOSITORY, RULES, check, files, main

SCRIPT = REPOSITORY / "scripts" / "check_words.py"


def words(text: str, path: str = "") -> list[tuple[int, str]]:
    return [(finding.line, finding.word) for finding in check(text, path)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("A file appears whole or not at all.", "whole or not at all"),
        ("The abort takes its own files back.", "takes its own files back"),
        ("It is carried to its end.", "carried to its end"),
        ("See that the name is free.", "See that"),
        ("Each step may be done twice.", "may be done twice"),
        ("Nobody's file is touched.", "Nobody's"),
        ("requests under way", "under way"),
        ("A signs of life, a sign of life", "signs of life"),
    ],
)
def test_a_word_is_found_in_a_sentence(text: str, word: str) -> None:
    assert words(text)[0] == (1, word)


def test_a_word_is_found_as_a_part_of_a_name() -> None:
    assert words("def remove_kin(lane_count, Told): ...") == [(1, "kin"), (1, "lane"), (1, "Told")]


def test_a_word_within_another_is_none() -> None:
    assert words("akin to planes in a warehouse, untold mushrooms, besides the flooring") == []


def test_a_phrase_is_found_across_lines_with_the_line_it_begins_in() -> None:
    assert words("one\ntwo whole or\n    # not at all") == [(2, "whole or not at all")]
    assert words('"requests under "\n"way"') == [(1, "under way")]


def test_a_phrase_is_found_across_the_lines_of_a_notebook() -> None:
    cell = {"cell_type": "markdown", "source": ["requests under\n", "way"]}
    text = json.dumps({"cells": [cell]}, indent=1)

    assert [word for _, word in words(text)] == ["under way"]


def test_findings_come_in_the_order_of_the_text() -> None:
    assert [line for line, _ in words("told\nanew\ntold\n")] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "in-house tools",
        "math.floor(x)",
        "the alias `lanes`",
        "there is room for it",
        "TAKE BACK RETURN",
    ],
)
def test_a_literal_use_is_allowed(text: str) -> None:
    assert words(text) == []


def test_a_literal_use_allows_its_own_words_alone() -> None:
    assert words("an in-house house") == [(1, "house")]


def test_every_literal_use_has_a_reason_and_is_one_of_a_word() -> None:
    for literal in LITERAL:
        assert literal.reason
        re.compile(literal.pattern)


def test_what_to_use_instead_is_none_of_the_words() -> None:
    assert [rule.instead for rule in RULES if list(check(rule.instead))] == []


def test_made_files_and_records_are_not_checked(tmp_path: Path) -> None:
    names = {str(path.relative_to(REPOSITORY)) for path in files([REPOSITORY / "benchmarks"])}

    assert "benchmarks/report.py" in names
    assert not any(name.startswith("benchmarks/results/") for name in names)


def test_the_command_prints_each_place_and_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("fine\nmade anew\n")

    done = subprocess.run(
        [sys.executable, SCRIPT, page], check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f'{page}:2: "anew": use "again" instead'


def test_the_command_is_silent_where_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("fine\n")

    assert main([str(page)]) == 0
    assert capsys.readouterr().out == ""


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main([str(tmp_path / "missing")])
