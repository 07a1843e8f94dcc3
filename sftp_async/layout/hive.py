"""Hive's names for partition directories, as Spark writes them: `country=DE/day=2024-05-01`.

The rules are those of Spark's ExternalCatalogUtils (escapePathName, getPartitionPathString), which
has them from Hive's FileUtils.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Stands for null, and for an empty text, whose directory would have no name.
NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_ESCAPED = re.compile(r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]""")


def escaped(text: str) -> str:
    """Return the text with every character that paths or URLs take for something else as `%XX`."""
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", text)


def unescaped(text: str) -> str:
    """Return the text with each `%XX` as the character that it stands for.

    As ExternalCatalogUtils.unescapePathName: what is no escape stays, and an escape is a character
    of Latin-1, not a byte.
    """
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "%" in text else text


def directory_name(column: str, value: str | None) -> str:
    """Return the name of the directory for one value of one column."""
    return f"{escaped(column)}={escaped(value) if value else NULL}"


def is_directory_of(name: str, column: str) -> bool:
    """Whether a directory holds a value of the column; Spark reads names in any case."""
    return name.lower().startswith(f"{escaped(column)}=".lower())


def with_parents(directories: Iterable[str]) -> list[list[str]]:
    """Return the relative directories and those above them, each once, the outermost first.

    `["a=1/b=2"]` becomes `[["a=1"], ["a=1/b=2"]]`: one list for each level. An empty name is the
    target itself, and left out.
    """
    found: set[str] = set()
    for directory in directories:
        while directory and directory not in found:
            found.add(directory)
            directory = posixpath.dirname(directory)
    levels: dict[int, list[str]] = {}
    for directory in sorted(found):
        levels.setdefault(directory.count("/"), []).append(directory)
    return [levels[depth] for depth in sorted(levels)]
