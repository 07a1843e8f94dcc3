"""The table of options in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES, CONVERTED
from sftp_async.options.reference import option_table

PAGE = Path(__file__).parents[3] / "docs" / "options.md"


def test_the_committed_page_is_the_generated_one() -> None:
    remedy = "run: python -m sftp_async.options.reference > docs/options.md"
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


@pytest.mark.parametrize("name", SFTPOptions.model_fields)
def test_every_option_has_a_description_and_an_example_that_is_valid(name: str) -> None:
    field = SFTPOptions.model_fields[name]
    assert field.description is not None
    assert field.description.endswith(".")
    [example] = field.examples or []
    needed = {"host": "h", "username": "u", "password": "p"}
    companions = {"compression": "gzip"} if name == "compression_level" else {}
    options = SFTPOptions.from_spark(needed | companions | {name: str(example)})
    assert options.to_spark().get(name, field.default) is not None
