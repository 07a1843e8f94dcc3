r"""Matches names with Hadoop's patterns: `*`, `?`, `[a-c]`, `[^a]`, `{a,b}`, `\x`; and `**`.

The syntax is that of Hadoop's GlobPattern and GlobExpander. `**` alone between slashes is added to
it: any number of directories, also none. Hadoop takes it for `*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

#: Any number of directories.
RECURSIVE = "**"
_SPECIAL = re.compile(r"[*?\[\]{}\\]")
_WILD = re.compile(r"[*?]")


def is_pattern(path: str) -> bool:
    """Whether a path has a character that means something in a pattern."""
    return _SPECIAL.search(path) is not None


def may_be_a_name(path: str) -> bool:
    """Whether a file of this name, if there is one, is what is meant.

    `report[1].csv` is taken for a name before it is taken for a pattern. A path with `*` or `?` is
    always a pattern: else a file that is called `*` would hide the others.
    """
    return _WILD.search(path) is None


@dataclass(frozen=True)
class NamePattern:
    """A pattern for one name, without slashes.

    Attributes:
        text: as it was given.
        literal: the only name that matches, if the pattern has no special character; else None.

    """

    text: str
    literal: str | None
    _compiled: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Compile a pattern.

        Raises:
            ValueError: it is malformed; says why.

        """
        pieces, wild = _translated(text)
        literal = None if wild else re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
        try:
            compiled = re.compile("".join(pieces), re.DOTALL)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"the pattern {text!r} is malformed: {error}") from None
        return cls(text, literal, compiled)

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        return self._compiled.fullmatch(name) is not None

    @property
    def names_hidden(self) -> bool:
        """Whether the pattern asks for names that begin with `_` or `.`, by beginning so itself."""
        return self.text.startswith(("_", ".", "\\_", "\\."))


def expand_groups(path: str) -> list[str]:
    """Return the paths that a path with groups stands for, where a group has a slash in it.

    `{a/b,c}/d` becomes `a/b/d` and `c/d`; `{a,b}/c` stays, for `NamePattern`.

    Raises:
        ValueError: a backslash is the last character.

    """
    group = _group_with_slash(path)
    if group is None:
        return [path]
    start, stop = group
    head, tail = path[:start], path[stop + 1 :]
    return [
        expanded
        for choice in _choices(path[start + 1 : stop])
        for expanded in expand_groups(f"{head}{choice}{tail}")
    ]


def _group_with_slash(path: str) -> tuple[int, int] | None:
    """Return where the first outermost group with a slash begins and ends."""
    depth, start, slash = 0, 0, False
    place = 0
    while place < len(path):
        character = path[place]
        if character == "\\":
            place += 1
            if place >= len(path):
                raise ValueError(f"the pattern {path!r} ends in a backslash")
        elif character == "{":
            if depth == 0:
                start, slash = place, False
            depth += 1
        elif character == "}" and depth > 0:
            depth -= 1
            if depth == 0 and slash:
                return start, place
        elif character == "/" and depth > 0:
            slash = True
        place += 1
    return None


def _choices(text: str) -> list[str]:
    """Split the inside of a group at its own commas."""
    found, depth, start, place = [], 0, 0, 0
    while place < len(text):
        character = text[place]
        if character == "\\":
            place += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == "," and depth == 0:
            found.append(text[start:place])
            start = place + 1
        place += 1
    return [*found, text[start:]]


def _translated(text: str) -> tuple[list[str], bool]:
    """Return the pieces of a regular expression, and whether a special character is among them."""
    pieces: list[str] = []
    wild, depth, place = False, 0, 0
    while place < len(text):
        character = text[place]
        place += 1
        if character == "\\":
            if place >= len(text):
                raise ValueError(f"the pattern {text!r} ends in a backslash")
            pieces.append(re.escape(text[place]))
            place += 1
        elif character == "[":
            wild = True
            piece, place = _character_class(text, place)
            pieces.append(piece)
        elif character in "*?":
            wild = True
            pieces.append(".*" if character == "*" else ".")
        elif character == "{":
            wild, depth = True, depth + 1
            pieces.append("(?:")
        elif character == "}" and depth:
            depth -= 1
            pieces.append(")")
        elif character == "," and depth:
            pieces.append("|")
        else:
            pieces.append(re.escape(character))
    if depth:
        raise ValueError(f"the pattern {text!r} has a {{ without its }}")
    return pieces, wild


def _character_class(text: str, place: int) -> tuple[str, int]:
    """Return a class, and the place behind it; `place` is behind its bracket."""
    start = place
    negated = text[place : place + 1] in ("^", "!")
    place += negated
    inside = ""
    # A bracket that comes first stands for itself.
    while place < len(text) and (text[place] != "]" or not inside):
        if text[place] == "\\":
            place += 1
            if place >= len(text):
                break
            inside += re.escape(text[place])
        elif text[place] == "-":
            inside += "-"
        else:
            inside += re.escape(text[place])
        place += 1
    if place >= len(text):
        raise ValueError(f"the pattern {text!r} has a [ without its ]")
    inside = _plain_hyphens(inside)
    assert place > start
    return f"[{'^' if negated else ''}{inside}]", place + 1


def _plain_hyphens(inside: str) -> str:
    """Escape a hyphen at either end of a class, where it stands for itself."""
    if inside.startswith("-"):
        inside = "\\" + inside
    if inside.endswith("-") and not inside.endswith("\\-"):
        inside = inside[:-1] + "\\-"
    return inside
