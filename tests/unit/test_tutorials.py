"""The tutorials' blocks can be pasted into `python -i`, which takes them line by line."""

from __future__ import annotations

import code
import sys
import types

import pytest

from tests.support.documents import Block, blocks

TUTORIALS = [block for block in blocks("python") if block.document.startswith("docs/tutorial/")]


class Prompt(code.InteractiveConsole):
    """A Python prompt that compiles what it is given, and keeps it from running.

    What the blocks do is tested where their pages run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.statements = 0
        self.errors: list[str] = []

    def runcode(self, code: types.CodeType) -> None:
        self.statements += 1

    def showsyntaxerror(self, filename: str | None = None, **options: object) -> None:
        self.errors.append(str(sys.exc_info()[1]))

    def paste(self, text: str) -> bool:
        """Give it a block and a line break; return whether it waits for more."""
        waits = False
        for line in [*text.rstrip("\n").split("\n"), ""]:
            waits = self.push(line)
        return waits


@pytest.mark.parametrize("block", TUTORIALS, ids=str)
def test_a_block_of_a_tutorial_can_be_pasted_into_a_prompt(block: Block) -> None:
    prompt = Prompt()
    assert not prompt.paste(block.code), "the prompt waits for more"
    assert prompt.errors == []
    assert prompt.statements


@pytest.mark.parametrize(
    "text",
    [
        "for i in range(3):\n    print(i)\nprint('after')\n",  # lacks a blank line before the last
        "def f():\n    a = 1\n\n    return a\n",  # the blank line ends the function
        "print(\n",
    ],
)
def test_a_block_that_a_prompt_would_refuse_is_found(text: str) -> None:
    prompt = Prompt()
    assert prompt.paste(text) or prompt.errors
