"""Makes the text of rows in one gather: each cell is the number of a text, and `take` copies all.

Needs NumPy, which pyarrow does not: import it only where the encoder can do without.
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

# Joining a constant to a text takes some eight times as long as gathering it as a cell of its own.
# So a short one, as all of CSV's, is joined to a whole table once and for all, and a longer one to
# the part of the table that a batch needs if that is small for its rows.
_SHORT = 2
_FEW = 16


class LookupTable:
    """Texts that many batches look up by their number.

    Args:
        texts: a string array without nulls.

    """

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts

    @functools.lru_cache(maxsize=64)  # noqa: B019 - tables live as long as the cache
    def between(self, head: str, tail: str) -> pa.Array:
        """Return all texts with something before and after them."""
        return join(head, self.texts, tail) if head or tail else self.texts


@dataclass(frozen=True)
class Lookup:
    """A cell of every row: the text number `indices[row] + shift`.

    Args:
        texts: a part of a table, as its first text and their count, or string arrays without nulls
            that are numbered as if they were one.
        indices: from the first text on, 32 or 64 bits wide; one for each row, or one for all.
        shift: added to all indices.

    """

    texts: tuple[LookupTable, int, int] | list[pa.Array]
    indices: Integers
    shift: int = 0


class RowGather:
    """Collects the cells of some thousand rows from left to right, and then gathers their text.

    Joining columns costs a step for every value and one for every separator, after a step that
    turns each value into a text. Here most texts come from tables, with the separators.

    Args:
        rows: their number.

    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._cells: list[_Cell] = []
        self._pending = ""

    def add_constant(self, text: str) -> None:
        """Add the same text to every row."""
        last = self._cells[-1] if self._cells else None
        if last is not None and not self._pending and last.can_join(text, self._rows):
            last.tail += text
        else:
            self._pending += text

    def add_values(
        self,
        lookups: Sequence[Lookup],
        missing: Mask | None = None,
        *,
        null: str = "",
        before: str = "",
        after: str = "",
    ) -> None:
        """Add a column's values.

        Args:
            lookups: the parts of each value, from left to right; at least one.
            missing: the rows without a value, which get `null` alone.
            null: the text of a missing value.
            before: the text before every value that is not missing.
            after: the text after it.

        """
        if missing is None:
            self.add_constant(before)
            for lookup in lookups:
                self._append(_Cell(lookup))
            self.add_constant(after)
            return
        cells = [_Cell(lookup, missing) for lookup in lookups]
        if before and cells[0].can_join(before, self._rows):
            cells[0].before = before
        elif before:
            cells.insert(0, _Cell(_constant(before), missing))
        if after and cells[-1].can_join(after, self._rows):
            cells[-1].after = after
        elif after:
            cells.append(_Cell(_constant(after), missing))
        cells[0].null = null
        for cell in cells:
            self._append(cell)

    def gather(self) -> pa.Buffer:
        """Return the text of all rows, one after the other.

        Raises:
            pyarrow.ArrowException: it is longer than 2 GiB.

        """
        self._append_pending()
        texts = _NumberedTexts()
        grid = np.empty((self._rows, len(self._cells)), np.int32)
        for number, cell in enumerate(self._cells):
            indices = cell.lookup.indices + (cell.add_texts(texts) + cell.lookup.shift)
            if cell.missing is not None:
                null = cell.head + cell.null + cell.tail
                indices = np.where(cell.missing, texts.add([_single(null)], key=null), indices)
            grid[:, number] = indices
        flat = pa.Array.from_buffers(pa.int32(), grid.size, [None, pa.py_buffer(grid)])
        return text_buffer(pc.take(pa.concat_arrays(texts.arrays), flat))

    def _append(self, cell: _Cell) -> None:
        if cell.can_join(self._pending, self._rows):
            cell.head, self._pending = self._pending, ""
        else:
            self._append_pending()
        self._cells.append(cell)

    def _append_pending(self) -> None:
        if self._pending:
            self._cells.append(_Cell(_constant(self._pending)))
            self._pending = ""


@dataclass
class _Cell:
    """A lookup and the constants that are joined to its texts; to `null` only `head` and `tail`."""

    lookup: Lookup
    missing: Mask | None = None
    null: str = ""
    head: str = ""
    before: str = ""
    after: str = ""
    tail: str = ""

    def can_join(self, text: str, rows: int) -> bool:
        """Return whether joining one more constant costs less than a cell of its own."""
        if isinstance(self.lookup.texts, list):
            return False
        _, _, count = self.lookup.texts
        length = sum(map(len, (self.head, self.before, self.after, self.tail, text)))
        return length <= _SHORT or count * _FEW <= rows

    def add_texts(self, texts: _NumberedTexts) -> int:
        """Add the lookup's texts; return the number of the first."""
        if isinstance(self.lookup.texts, list):
            return texts.add(self.lookup.texts)
        table, first, count = self.lookup.texts
        head, tail = self.head + self.before, self.after + self.tail
        if len(head) + len(tail) <= _SHORT:
            array = table.between(head, tail).slice(first, count)
        else:
            array = join(head, table.texts.slice(first, count), tail)
        return texts.add([array], key=(table, first, count, head, tail))


class _NumberedTexts:
    """String arrays under one numbering."""

    def __init__(self) -> None:
        self.arrays: list[pa.Array] = []
        self._count = 0
        self._known: dict[Hashable, int] = {}

    def add(self, arrays: list[pa.Array], *, key: Hashable = None) -> int:
        """Return the number of the first text; arrays with a key are added once."""
        if key is not None and key in self._known:
            return self._known[key]
        start = self._count
        if key is not None:
            self._known[key] = start
        self.arrays += arrays
        self._count += sum(map(len, arrays))
        return start


def _constant(text: str) -> Lookup:
    return Lookup([_single(text)], np.zeros(1, np.int32))


@functools.lru_cache(maxsize=256)
def _single(text: str) -> pa.Array:
    return pa.array([text], pa.string())
