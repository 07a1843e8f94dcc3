"""The sessions in the documentation are what the commands print, and no command is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.record_commands import PAGES, blocks, comparable, recorded, recorder
from sftp_async.tools.cli.app import app


@pytest.mark.one_python
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_sessions_of_a_page_are_what_the_commands_print(page: Path) -> None:
    found = blocks(page.read_text(encoding="utf-8"))
    assert found
    with recorder() as run:
        for block in found:
            printed = recorded(block, run)
            assert comparable(printed, here=block.here) == comparable(block.text, here=block.here)


def test_every_command_has_a_session() -> None:
    shown = {
        command
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        for command in re.findall(r"^\$ sftp-async (\w+)", block.text, re.MULTILINE)
    }
    commands = {each.name or each.callback.__name__ for each in app.registered_commands}
    groups = {each.name for each in app.registered_groups}
    assert commands | groups == shown


def test_numbers_and_spaces_are_not_compared() -> None:
    assert comparable("a   12.5 kB\n in 0.03 s") == comparable("a 3.1 kB in 12 s")
    assert comparable("12 kB") != comparable("12 MB")
    assert comparable("12 kB", here=True) == comparable("3 MB", here=True)
    assert comparable("12 kB: ok", here=True) != comparable("12 kB: slow", here=True)
