"""The table of options in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES, CONVERTED
from sftp_async.options.docs_table import option_table

PAGE = Path(__file__).parents[3] / "docs" / "options.md"


def test_the_committed_page_is_the_generated_one() -> None:
    remedy = "run: python -m sftp_async.options.docs_table > docs/options.md"
    assert PAGE.read_text(encoding="utf-8") == option_table(), remedy


def test_every_option_and_every_other_name_is_on_the_page() -> None:
    names = [
        *SFTPOptions.model_fields,
        *CONVERTED,
        *(a for names in ALIASES.values() for a in names),
    ]
    page = option_table()
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_row_has_as_many_cells_as_the_heading() -> None:
    rows = [line for line in option_table().splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}


def test_every_row_says_value_default_meaning_and_example() -> None:
    rows = [line for line in option_table().splitlines() if line.startswith("| `")]
    assert len(rows) == len(SFTPOptions.model_fields)
    for row in rows:
        option, value, default, _, meaning, example = re.split(r"(?<!\\) ?\| ?", row)[1:-1]
        assert value, option
        assert default, option
        assert meaning, option
        assert example, option


@pytest.mark.parametrize("name", SFTPOptions.model_fields)
def test_every_option_has_a_description_and_an_example_that_is_valid(name: str) -> None:
    field = SFTPOptions.model_fields[name]
    assert field.description is not None
    assert field.description.endswith(".")
    [example] = field.examples or []
    needed = {"host": "h", "username": "u", "password": "p"}
    companions = {
        "compression_level": {"compression": "gzip"},
        "proxy_jump": {"proxy_jump_password": "p"},
    }
    options = SFTPOptions.from_spark(needed | companions.get(name, {}) | {name: str(example)})
    assert options.to_spark().get(name, field.default) is not None
