"""Sizes of what a contender left on this machine's disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def size_of(path: Path) -> int:
    """Sum the sizes of the data files at `path`: not those hidden or named with an underscore.

    Spark writes `_SUCCESS` and `.part-….crc` next to its data.
    """
    if path.is_file():
        return path.stat().st_size
    return sum(
        found.stat().st_size
        for found in path.rglob("*")
        if found.is_file() and not found.name.startswith(("_", "."))
    )
