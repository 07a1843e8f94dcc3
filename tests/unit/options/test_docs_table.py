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


def test_every_option_has_a_heading_and_says_value_default_and_example() -> None:
    _, *sections = re.split(r"^### `(\w+)`$", option_table(), flags=re.MULTILINE)
    names, texts = sections[::2], sections[1::2]
    assert sorted(names) == sorted(SFTPOptions.model_fields)
    for name, text in zip(names, texts, strict=True):
        description, facts = text.strip("\n").split("\n\n")[:2]
        assert description.endswith("."), name
        assert re.fullmatch(
            r"\*Value:\* \S.* · \*default:\* \S.* · \*example:\* `.*`( · \*also:\* `.*`)?", facts
        ), name


def test_no_heading_of_a_group_takes_the_anchor_of_an_option() -> None:
    groups = re.findall(r"^## (.*)$", option_table(), re.MULTILINE)
    assert {group.lower().replace(" ", "_") for group in groups} & set(
        SFTPOptions.model_fields
    ) == set()


@pytest.mark.parametrize("name", SFTPOptions.model_fields)
def test_every_option_has_a_description_and_an_example_that_is_valid(
    name: str, connections_file: Path
) -> None:
    connections_file.write_text("[partner]\nport = 22\n")
    field = SFTPOptions.model_fields[name]
    assert field.description is not None
    assert field.description.endswith(".")
    [example] = field.examples or []
    needed = {"host": "h", "username": "u", "password": "p"}
    companions = {
        "compression_level": {"compression": "gzip"},
        "proxy_jump": {"proxy_jump_password": "p"},
        "clean_source": {"source_archive_dir": "/done"},
        "source_archive_dir": {"clean_source": "archive"},
        "pgp_sign_key": {"pgp_public_key": "env:KEY"},
        "pgp_armor": {"pgp_public_key": "env:KEY"},
        "pgp_passphrase": {"pgp_private_key": "env:KEY"},
        "pgp_verify_key": {"pgp_private_key": "env:KEY"},
    }
    options = SFTPOptions.from_spark(needed | companions.get(name, {}) | {name: str(example)})
    # The options of a profile take its place.
    assert options.to_spark().get("port" if name == "profile" else name, field.default) is not None
