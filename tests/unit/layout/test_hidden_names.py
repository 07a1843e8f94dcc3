"""Hidden names: every maker uses one prefix, and `clean` recognises what it made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sftp_async
from sftp_async import SFTPOptions
from sftp_async.layout.hidden_names import Maker, hidden_name, is_hidden_name
from sftp_async.layout.part_names import is_data
from sftp_async.tools.doctor.context import CheckContext

PACKAGE = Path(sftp_async.__file__).parent
IDENTIFIER = "0a" * 16


@given(
    st.sampled_from(get_args(Maker)),
    st.uuids().map(lambda made: made.hex),
    st.from_regex(r"[a-z0-9]*", fullmatch=True),
)
def test_every_hidden_name_is_recognised_and_hidden_from_readers(
    maker: Maker, identifier: str, suffix: str
) -> None:
    name = hidden_name(maker, identifier, suffix)
    assert is_hidden_name(name)
    assert not is_data(name)


@pytest.mark.parametrize(
    "name",
    [
        ".sftp_async-mine",
        f".sftp_async-{IDENTIFIER}",
        f".sftp-async-put-{IDENTIFIER}",
        f"sftp_async-put-{IDENTIFIER}",
        f".sftp_async-put-{IDENTIFIER}.csv",
        f".sftp_async-others-{IDENTIFIER}",
        f".sftp_async-put-{IDENTIFIER}0",
        f".sftp_async-put-{IDENTIFIER}\n",
    ],
)
def test_other_names_are_not_recognised(name: str) -> None:
    assert not is_hidden_name(name)


def test_no_other_module_spells_a_hidden_name() -> None:
    spelling = re.compile(r"""["'/]\.sftp[_-]?async""")
    found = {path.name for path in PACKAGE.rglob("*.py") if spelling.search(path.read_text())}
    assert found == {"hidden_names.py"}


def test_every_maker_makes_hidden_names() -> None:
    made = re.compile(r'hidden_name\("([a-z]+)"')
    makers = {maker for path in PACKAGE.rglob("*.py") for maker in made.findall(path.read_text())}
    assert makers == set(get_args(Maker))


def test_a_name_that_clean_would_not_find_cannot_be_made() -> None:
    for identifier, suffix in (("mine", ""), (IDENTIFIER, "a-b"), (IDENTIFIER, "A")):
        with pytest.raises(AssertionError):
            hidden_name("put", identifier, suffix)


@pytest.mark.parametrize("suffix", ["", "renamed", "speed"])
def test_the_doctors_probes_are_recognised(suffix: str) -> None:
    options = SFTPOptions(host="h", username="u", password="p")
    context = CheckContext(options, "/out", directory="/out")
    directory, _, name = context.probe_path(suffix).rpartition("/")
    assert directory == "/out"
    assert is_hidden_name(name)
