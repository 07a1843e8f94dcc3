"""Cuts lines without quotes into columns of text by Arrow, with no Python object for a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence


class UnquotedLines:
    """The cells of lines, which are what is between their separators.

    Args:
        lines: in a dialect that splits plainly, with no quote among them, and none of them empty.
        sep: the separator.

    """

    def __init__(self, lines: Sequence[str], sep: str) -> None:
        found = pc.split_pattern(pa.array(lines, pa.string()), sep)
        self._cells = found.values
        self._first = found.offsets.slice(0, len(found))
        self._counts = pc.list_value_length(found)

    @property
    def most(self) -> int:
        """Most cells of a line."""
        return int(pc.max(self._counts).as_py() or 0)

    def odd(self, width: int, *, or_more: bool = True) -> pa.Array:
        """Return which lines have fewer cells, or another number of them."""
        return (pc.not_equal if or_more else pc.less)(self._counts, width)

    def column(self, place: int) -> pa.Array:
        """Return the cell at a place of each line, null where a line has none there."""
        cells = pc.add(self._first, pa.scalar(place, pa.int32()))
        found = pc.if_else(pc.greater(self._counts, place), cells, pa.scalar(None, pa.int32()))
        return pc.take(self._cells, found, boundscheck=False)
