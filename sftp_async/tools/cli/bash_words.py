"""Answers Bash's request for completions: puts split words together, and quotes the answers.

Bash splits `partner:/out` at the colon, asks for a completion of `/out` alone, and puts the answer
into the command line as it is.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What Bash splits words at, besides blanks, and what this command has within words.
_BREAK = re.compile(r"[:=@]+")
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]", re.ASCII)


def answer_bash(complete: Callable[[], None]) -> None:
    """Run what completes the words in the environment, and print its answer for Bash."""
    words, current, before = joined(
        os.environ.get("COMP_WORDS", "").split("\n"), int(os.environ.get("COMP_CWORD") or 0)
    )
    word = words[current] if current < len(words) else ""
    if re.search(r"""(?<!\\)["'$`]""", word):  # its value is the shell's to find
        return
    os.environ["COMP_WORDS"] = "\n".join(words)
    os.environ["COMP_CWORD"] = str(current)
    answer = io.StringIO()
    try:
        with redirect_stdout(answer):
            complete()
    finally:
        skipped = len("".join(shlex.split(before)))
        lines = [quoted(line[skipped:]) for line in answer.getvalue().splitlines()]
        sys.stdout.write("".join(f"{line}\n" for line in lines if line))
        sys.stdout.flush()


def joined(words: Sequence[str], current: int) -> tuple[list[str], int, str]:
    """Put words together that Bash has split.

    Args:
        words: the words of the command line, quoted as they were typed.
        current: the index of the word at the cursor.

    Returns:
        the words, the index among them, and the start of that word that Bash leaves as it is.

    """
    whole: list[str] = []
    index, before = len(words), ""
    glue = False
    for number, word in enumerate(words[: current + 1]):
        is_break = number > 1 and _BREAK.fullmatch(word) is not None
        if whole and (glue or (is_break and len(whole) > 1)):
            whole[-1] += word
        else:
            whole.append(word)
        glue = is_break
        if number == current:
            index = len(whole) - 1
            end = len(whole[-1]) - (0 if is_break else len(word))
            before = whole[-1][:end]
    return whole, index, before


def quoted(text: str) -> str:
    """Return a text as Bash takes it for itself; unlike `shlex.quote`, without quotation marks."""
    return _SPECIAL.sub(lambda match: "\\" + match[0] if match[0].isascii() else match[0], text)
