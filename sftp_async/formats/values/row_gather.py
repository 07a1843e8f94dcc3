"""Rows of text laid like a mosaic: every cell is one of some texts, and one gather copies them all.

Needs NumPy, which pyarrow does not: import it only where another way can stand in.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import join, text_buffer

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    Integers = npt.NDArray[np.integer[Any]]
    Mask = npt.NDArray[np.bool_]

# Joining a constant to a text takes some eight times as long as laying it in a place of its own. So
# a short one, as all of CSV's, is joined to a whole table once and for all, and a longer one to the
# part of the table that a batch needs if that is small for its rows.
_SHORT = 2
_FEW = 16


class Table:
    """Texts that many batches need.

    Args:
        texts: a string array without nulls.

    """

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts

    @functools.lru_cache(maxsize=64)  # noqa: B019 - tables are as lasting as the cache
    def between(self, head: str, tail: str) -> pa.Array:
        """Return all texts with something before and after them."""
        return join(head, self.texts, tail) if head or tail else self.texts


@dataclass(frozen=True)
class Tile:
    """What stands in one place of every row: the text number `indices[row] + shift`.

    Args:
        texts: a part of a table, as its first text and how many follow, or string arrays without
            nulls that are numbered as if they were one.
        indices: from the first text on, 32 or 64 bits wide; one for each row, or one for all.
        shift: added to all indices.

    """

    texts: tuple[Table, int, int] | list[pa.Array]
    indices: Integers
    shift: int = 0


class Mosaic:
    """The text of some thousand rows, laid from left to right and then copied in one go.

    Joining columns costs a step for every value and one for every separator, after a step that
    makes each value a text. Here most texts come from tables, with the separators.

    Args:
        rows: their number.

    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._places: list[_Place] = []
        self._pending = ""

    def constant(self, text: str) -> None:
        """Lay the same text in every row."""
        last = self._places[-1] if self._places else None
        if last is not None and not self._pending and last.takes(text, self._rows):
            last.tail += text
        else:
            self._pending += text

    def value(
        self,
        tiles: Sequence[Tile],
        missing: Mask | None = None,
        *,
        null: str = "",
        before: str = "",
        after: str = "",
    ) -> None:
        """Lay a column's tiles side by side.

        Args:
            tiles: at least one.
            missing: the rows without a value: `null` is all they get.
            null: the text of a missing value.
            before: what stands before every value that is there.
            after: what stands after it.

        """
        if missing is None:
            self.constant(before)
            for tile in tiles:
                self._lay(_Place(tile))
            self.constant(after)
            return
        places = [_Place(tile, missing) for tile in tiles]
        if before and places[0].takes(before, self._rows):
            places[0].before = before
        elif before:
            places.insert(0, _Place(_same(before), missing))
        if after and places[-1].takes(after, self._rows):
            places[-1].after = after
        elif after:
            places.append(_Place(_same(after), missing))
        places[0].null = null
        for place in places:
            self._lay(place)

    def text(self) -> pa.Buffer:
        """Return the text of all rows, one after the other.

        Raises:
            pyarrow.ArrowException: it is longer than 2 GiB.

        """
        self._lay_pending()
        texts = _Texts()
        grid = np.empty((self._rows, len(self._places)), np.int32)
        for number, place in enumerate(self._places):
            indices = place.tile.indices + (place.add_to(texts) + place.tile.shift)
            if place.missing is not None:
                null = place.head + place.null + place.tail
                indices = np.where(place.missing, texts.add([_one(null)], key=null), indices)
            grid[:, number] = indices
        flat = pa.Array.from_buffers(pa.int32(), grid.size, [None, pa.py_buffer(grid)])
        return text_buffer(pc.take(pa.concat_arrays(texts.arrays), flat))

    def _lay(self, place: _Place) -> None:
        if place.takes(self._pending, self._rows):
            place.head, self._pending = self._pending, ""
        else:
            self._lay_pending()
        self._places.append(place)

    def _lay_pending(self) -> None:
        if self._pending:
            self._places.append(_Place(_same(self._pending)))
            self._pending = ""


@dataclass
class _Place:
    """A tile with what is joined to its texts: all of it, but to `null` only `head` and `tail`."""

    tile: Tile
    missing: Mask | None = None
    null: str = ""
    head: str = ""
    before: str = ""
    after: str = ""
    tail: str = ""

    def takes(self, text: str, rows: int) -> bool:
        """Tell whether one more text may be joined to those that are here."""
        if isinstance(self.tile.texts, list):
            return False
        _, _, count = self.tile.texts
        length = sum(map(len, (self.head, self.before, self.after, self.tail, text)))
        return length <= _SHORT or count * _FEW <= rows

    def add_to(self, texts: _Texts) -> int:
        """Take the tile's texts in; returns the number of the first."""
        if isinstance(self.tile.texts, list):
            return texts.add(self.tile.texts)
        table, first, count = self.tile.texts
        head, tail = self.head + self.before, self.after + self.tail
        if len(head) + len(tail) <= _SHORT:
            array = table.between(head, tail).slice(first, count)
        else:
            array = join(head, table.texts.slice(first, count), tail)
        return texts.add([array], key=(table, first, count, head, tail))


class _Texts:
    """String arrays under one numbering."""

    def __init__(self) -> None:
        self.arrays: list[pa.Array] = []
        self._count = 0
        self._known: dict[Hashable, int] = {}

    def add(self, arrays: list[pa.Array], *, key: Hashable = None) -> int:
        """Return the number of the first text; what has a key is taken in once."""
        if key is not None and key in self._known:
            return self._known[key]
        start = self._count
        if key is not None:
            self._known[key] = start
        self.arrays += arrays
        self._count += sum(map(len, arrays))
        return start


def _same(text: str) -> Tile:
    return Tile([_one(text)], np.zeros(1, np.int32))


@functools.lru_cache(maxsize=256)
def _one(text: str) -> pa.Array:
    return pa.array([text], pa.string())
