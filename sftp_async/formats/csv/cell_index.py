"""Finds the cells of a block of CSV lines with NumPy, where Spark's parser finds the same ones.

A block is looked at as a whole: where its separators, line feeds and quotes are. What is quoted is
known by counting quotes; each must stand where a cell begins or ends, or be escaped. Where some are
not escaped and there are no escapes, cells are found one after another instead. The cells are
then slices of the block, which Arrow gathers into columns. It takes half the time of Arrow's own
CSV reader, sees which cells were quoted, and allows rows of any length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import null_where, text_buffer
from sftp_async.formats.csv.read_dialect import NUL
from sftp_async.formats.csv.unescaped_quotes import UnescapedQuotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from sftp_async.formats.csv.read_dialect import ReadDialect

    Bytes = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]
    Integers = npt.NDArray[Any]

_FEED, _RETURN, _SPACE = 10, 13, 32
#: Stands for an escaped quote: a byte that no text in UTF-8 has.
_ESCAPED = 0xFF
_ESCAPED_TEXT = bytes([_ESCAPED])
#: Offsets of Arrow's strings have 32 bits.
_LARGEST = 2**31 - 2


def cell_index(data: bytes, dialect: ReadDialect) -> CellIndex | None:
    """Return the cells of a block; None if the parser might find others.

    Args:
        data: whole lines in UTF-8, the last one with a line feed. They end as the dialect says.
        dialect: with a separator and quotes of one byte each, and no limit of characters.

    """
    if len(data) > _LARGEST:
        return None
    quote = dialect.quote.encode()
    if quote not in data:
        return _indexed(data, dialect, quoted=False)
    if NUL in (dialect.quote, dialect.escape) or not _has_plain_escapes(data, dialect):
        return None
    # Where a quote follows another one, cells mostly are not what counting quotes tells.
    if quote * 2 in data and UnescapedQuotes.suits(data, dialect):
        return _unescaped(data, dialect)
    escape = dialect.escape.encode()
    marked = data
    if escape != quote and escape in data:
        marked = data.replace(escape + quote, _ESCAPED_TEXT)
    index = _indexed(marked, dialect, quoted=True)
    if index is None and UnescapedQuotes.suits(data, dialect):
        return _unescaped(data, dialect)
    return index


def _has_plain_escapes(data: bytes, dialect: ReadDialect) -> bool:
    """Whether an escape in a block can only be that of a quote, or text."""
    before = dialect.escape_escape
    if before == NUL:
        # The parser drops a NUL in quotes, where that stands for an escape that is not set.
        return b"\0" not in data
    if before == dialect.quote or before.encode() not in data:
        return True
    return before == dialect.escape and before.encode() * 2 not in data


def _doubled(quotes: Integers) -> int:
    """Return how many pairs there are among the places of quotes.

    Every other quote opens, and the others close. One that closes right before the next one opens
    is the first of a pair.
    """
    closing, opening = quotes[1:-1:2], quotes[2::2]
    return int(np.count_nonzero(opening == closing + 1))


def _indexed(data: bytes, dialect: ReadDialect, *, quoted: bool) -> CellIndex | None:
    codes = np.frombuffer(data, np.uint8)
    marks = codes == ord(dialect.sep)
    marks |= codes == _FEED
    quotes = pairs = 0
    if not quoted:
        ends = np.flatnonzero(marks).astype(np.int32)
    else:
        quote = ord(dialect.quote)
        marks |= codes == quote
        escapes = _ESCAPED_TEXT in data
        if escapes:
            marks |= codes == _ESCAPED
        at = np.flatnonzero(marks)
        kinds = codes[at]
        are_quotes = kinds == quote
        places = at[are_quotes]
        quotes = len(places)
        pairs = _doubled(places) if dialect.escape == dialect.quote else 0
        # 1 behind an odd number of quotes: within a quoted cell, or at the quote that begins it.
        inside = np.bitwise_xor.accumulate(are_quotes.view(np.uint8)).view(np.bool_)
        # Lines end in quotes, too; and an escape outside of quotes is text.
        if (inside & (kinds == _FEED)).any() or (escapes and (~inside & (kinds == _ESCAPED)).any()):
            return None
        if escapes:
            codes = codes.copy()
            codes[at[kinds == _ESCAPED]] = quote
        ends = at[~(inside | are_quotes)].astype(np.int32)
    index = _with_rows(dialect, codes, ends, doubled=pairs > 0)
    if dialect.trim_left:
        index.trim_left()
    if not index.unquote(quotes - 2 * pairs):
        return None
    if dialect.trim_right:
        index.trim_right()
    return index


def _texts(codes: Bytes, starts: Integers, ends: Integers) -> pa.Array:
    """Return slices of bytes, of which every other one is wanted; the others lie between them."""
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[0::2] = starts
    offsets[1::2] = ends
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(codes)]
    return pa.Array.from_buffers(pa.string(), max(len(offsets) - 1, 0), buffers)


def _unescaped(data: bytes, dialect: ReadDialect) -> CellIndex | None:
    codes = np.frombuffer(data, np.uint8)
    quotes = UnescapedQuotes(codes, dialect)
    if quotes.ends is None:
        return None
    index = _with_rows(dialect, codes, quotes.ends, doubled=False)
    return index if index.unquote_as(quotes) else None


def _with_rows(dialect: ReadDialect, codes: Bytes, ends: Integers, *, doubled: bool) -> CellIndex:
    last = np.flatnonzero(codes[ends] == _FEED).astype(np.int32)
    starts = np.empty_like(ends)
    starts[:1] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    index = CellIndex(dialect, codes, starts, ends, last, doubled=doubled)
    index.drop_returns()
    index.find_rows()
    return index


class CellIndex:
    """Where the cells of a block are; see `cell_index`.

    Args:
        dialect: with what empty cells mean.
        codes: the bytes of the block.
        starts: of each cell, line by line.
        ends: of each cell.
        last: for each line, the number of its last cell.
        doubled: whether a quote in a cell stands for half of one.

    """

    def __init__(
        self,
        dialect: ReadDialect,
        codes: Bytes,
        starts: Integers,
        ends: Integers,
        last: Integers,
        *,
        doubled: bool,
    ) -> None:
        self._dialect = dialect
        self._codes = codes
        self._starts = starts
        self._ends = ends
        self._last = last
        self._doubled = doubled
        #: For each row, the number of its first cell, and how many it has.
        self._first = self._counts = last[:0]
        #: Which lines are rows.
        self._are_rows: Mask = np.zeros(len(last), np.bool_)
        #: Which cells were quoted; None: no cell.
        self._quoted: Mask | None = None

    @property
    def rows(self) -> int:
        """Number of rows: of lines that are neither blank nor comments."""
        return len(self._first)

    @property
    def most(self) -> int:
        """Most cells of a row."""
        return int(self._counts.max(initial=0))

    def odd_rows(self, width: int, *, or_more: bool = True) -> pa.Array:
        """Return which rows have fewer cells, or another number of them."""
        return pa.array(self._counts != width if or_more else self._counts < width)

    def records(self, data: bytes) -> pa.Array:
        """Return the text of each row's line, without its end.

        Args:
            data: in which the cells were found; its escapes are part of the text.

        """
        codes = np.frombuffer(data, np.uint8)
        feeds = np.flatnonzero(codes == _FEED).astype(np.int32)
        starts = np.empty_like(feeds)
        starts[:1] = 0
        np.add(feeds[:-1], 1, out=starts[1:])
        lines = np.flatnonzero(self._are_rows).astype(np.int32)
        texts = _texts(codes, starts, feeds - (codes[feeds - 1] == _RETURN))
        return pc.take(texts, pa.array(lines * np.int32(2)), boundscheck=False)

    def columns(self, width: int, places: Sequence[int] | None = None) -> list[pa.Array]:
        """Return columns of text, null where the parser's cells are null or missing.

        Args:
            width: how many cells a row should have.
            places: of the columns to return; None for all.

        """
        texts = _texts(self._codes, self._starts, self._ends)
        are_empty = self._starts == self._ends
        empty = are_empty if are_empty.any() else None
        least = int(self._counts.min(initial=width))
        places = range(width) if places is None else places
        found = {}
        for place in dict.fromkeys(places):
            cells = self._first + np.int32(place)
            missing = self._counts <= place if place >= least else None
            if missing is not None:
                cells[missing] = 0
            column = pc.take(texts, pa.array(cells * np.int32(2)), boundscheck=False)
            if self._doubled and self._dialect.quote.encode() in text_buffer(column).to_pybytes():
                quote = self._dialect.quote
                column = pc.replace_substring(column, quote * 2, quote)
            if empty is not None and empty[cells].any():
                column = self._with_nulls(column, empty[cells], cells)
            if self._dialect.null_value:
                column = null_where(column, self._dialect.null_value)
            if missing is not None:
                column = pc.if_else(pa.array(missing), pa.scalar(None, column.type), column)
            found[place] = column
        return [found[place] for place in places]

    def _with_nulls(self, column: pa.Array, empty: Mask, cells: Integers) -> pa.Array:
        """Return a column with what its empty cells mean: null, or the text of a quoted one."""
        empty_value = self._dialect.empty_value
        null = empty
        if self._quoted is not None and empty_value != self._dialect.null_value:
            quoted = self._quoted[cells]
            null = empty & ~quoted
            if empty_value:
                column = pc.if_else(pa.array(empty & quoted), empty_value, column)
        valid = pa.py_buffer(np.packbits(~null, bitorder="little"))
        return pa.Array.from_buffers(column.type, len(column), [valid, *column.buffers()[1:]])

    def drop_returns(self) -> None:
        r"""Take the `\r` of `\r\n` off the last cell of each line."""
        ends = self._ends[self._last]
        # The byte before the first one is the last of the block here, a line feed.
        returns = self._codes[ends - 1] == _RETURN
        if returns.any():
            self._ends[self._last] = ends - returns

    def find_rows(self) -> None:
        """Find the lines that are rows: those that are neither blank nor comments."""
        first = np.empty_like(self._last)
        first[:1] = 0
        first[1:] = self._last[:-1] + 1
        counts = self._last - first + 1
        dropped = counts == 1
        dropped[dropped] = self._are_blank(first[dropped])
        if self._dialect.comment:
            starts = self._starts[first]
            comment = self._codes[starts] == ord(self._dialect.comment)
            dropped |= comment & (starts < self._ends[first])
        if dropped.any():
            first, counts = first[~dropped], counts[~dropped]
        self._first, self._counts, self._are_rows = first, counts, ~dropped

    def _are_blank(self, cells: Integers) -> Mask:
        """Whether cells are of white space alone."""
        starts, ends = self._starts[cells], self._ends[cells]
        blank: Mask = starts == ends
        for cell in np.flatnonzero(~blank & (self._codes[starts] <= _SPACE)):
            blank[cell] = not (self._codes[starts[cell] : ends[cell]] > _SPACE).any()
        return blank

    def trim_left(self) -> None:
        """Take white space off the start of all cells."""
        rest = np.flatnonzero(self._starts < self._ends)
        while len(rest := rest[self._codes[self._starts[rest]] <= _SPACE]):
            self._starts[rest] += 1
            rest = rest[self._starts[rest] < self._ends[rest]]

    def trim_right(self) -> None:
        """Take white space off the end of all cells that are not quoted."""
        rest = np.flatnonzero(self._starts < self._ends)
        if self._quoted is not None:
            rest = rest[~self._quoted[rest]]
        while len(rest := rest[self._codes[self._ends[rest] - 1] <= _SPACE]):
            self._ends[rest] -= 1
            rest = rest[self._starts[rest] < self._ends[rest]]

    def unquote(self, quotes: int) -> bool:
        """Take the quotes off the cells; return whether those are all of a number of quotes.

        Any other cell with quotes has more of them than two and those that are doubled.
        """
        if not quotes:
            return True
        quote = ord(self._dialect.quote)
        self._quoted = self._codes[self._starts] == quote
        cells = np.flatnonzero(self._quoted)
        starts, ends = self._starts[cells], self._ends[cells] - 1
        if 2 * len(cells) != quotes or (starts >= ends).any():
            return False
        if (self._codes[ends] != quote).any():
            return False
        self._starts[cells] = starts + 1
        self._ends[cells] = ends
        return True

    def unquote_as(self, quotes: UnescapedQuotes) -> bool:
        """Take the quotes off the cells where some are not escaped; return whether that is all."""
        self._quoted = quotes.unquote(self._starts, self._ends)
        return self._quoted is not None
