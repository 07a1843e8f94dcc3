"""Finds the cells of CSV lines with NumPy where quotes in quoted cells are not escaped.

A cell that begins with a quote goes on to the next separator behind its second quote. If nothing
but quotes and then white space is between the two, the cell was quoted, and several quotes there
stand for one less; else its text is all of that, quotes included. That is what uniVocity's
`stop_at_delimiter`, Spark's default, comes to where there is no escape and nothing is trimmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from sftp_async.formats.csv.read_dialect import ReadDialect

    Bytes = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]
    Integers = npt.NDArray[Any]

_FEED, _SPACE = 10, 32


class UnescapedQuotes:
    """The cells of a block.

    Args:
        codes: the bytes of whole lines, the last one with a line feed.
        dialect: one for which `suits` is true of the bytes.

    Attributes:
        ends: of each cell, line by line; None if a quoted cell does not end in its line.

    """

    def __init__(self, codes: Bytes, dialect: ReadDialect) -> None:
        self._codes = codes
        self._quote = ord(dialect.quote)
        marks = codes == ord(dialect.sep)
        marks |= codes == _FEED
        marks |= codes == self._quote
        at = np.flatnonzero(marks)
        are_quotes = codes[at] == self._quote
        quotes, stops = np.flatnonzero(are_quotes), np.flatnonzero(~are_quotes)
        #: Where quotes are.
        self._quotes = at[quotes]
        #: For each cell, how many quotes are before it.
        self._before = quotes[:0]
        self.ends = self._found(at[stops], stops, quotes)

    @staticmethod
    def suits(data: bytes, dialect: ReadDialect) -> bool:
        """Whether the cells of lines in UTF-8 can be found here, if quoted ones end in theirs."""
        escapes = {dialect.escape, dialect.escape_escape} - {dialect.quote}
        return (
            dialect.unescaped == "stop_at_delimiter"
            and dialect.escape != dialect.quote
            and not (dialect.trim_left or dialect.trim_right)
            and not any(mark.encode() in data for mark in escapes)
        )

    def _found(self, places: Integers, stops: Integers, quotes: Integers) -> Integers | None:
        """Return the ends of cells.

        Args:
            places: of separators and line feeds, each of which may end a cell.
            stops: their numbers among all marks.
            quotes: the numbers of quotes among all marks.

        """
        numbers = np.arange(len(stops))
        starts = np.zeros_like(places)
        np.add(places[:-1], 1, out=starts[1:])
        before = np.zeros_like(stops)
        np.subtract(stops[:-1] + 1, numbers[1:], out=before[1:])
        # The first separator or line feed behind the second quote; none behind the last quotes.
        behind = np.full(len(quotes), len(places))
        np.subtract(quotes[1:], np.arange(1, len(quotes)), out=behind[:-1])
        quoted = np.flatnonzero(self._codes[starts] == self._quote)
        ends = behind[before[quoted]]
        longer = ends > quoted
        firsts, lasts = self._of_cells(quoted[longer], ends[longer])
        feeds = np.flatnonzero(self._codes[places] == _FEED)
        if (lasts > feeds[np.searchsorted(feeds, firsts)]).any():
            return None
        changes = np.zeros(len(places) + 1, np.int8)
        changes[firsts] = 1
        changes[lasts] -= 1
        is_end = np.cumsum(changes[:-1], dtype=np.int8) == 0
        is_first = np.ones_like(is_end)
        is_first[1:] = is_end[:-1]
        self._before = before[is_first]
        cells: Integers = places[is_end].astype(np.int32)
        return cells

    @staticmethod
    def _of_cells(firsts: Integers, lasts: Integers) -> tuple[Integers, Integers]:
        """Return those of ranges, in order, that do not begin within the one before them."""
        if (firsts[1:] > lasts[:-1]).all():
            return firsts, lasts
        kept = []
        reached = -1
        for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
            if first > reached:
                kept.append(number)
                reached = last
        chosen = np.array(kept, np.intp)
        return firsts[chosen], lasts[chosen]

    def unquote(self, starts: Integers, ends: Integers) -> Mask | None:
        """Take the quotes off the cells that were quoted, and return which ones were.

        Return None if the parser may add a quote to a cell, as it does to some at the end of lines.

        Args:
            starts: of the cells; changed in place.
            ends: of the cells, without returns; changed in place.

        """
        cells = np.flatnonzero(self._codes[starts] == self._quote)
        closing = self._before[cells] + 1
        stops = self._quotes[closing] + 1
        plain = stops == ends[cells]
        rest = np.flatnonzero(~plain)
        # The last quote of those that follow each other.
        lasts = np.flatnonzero(np.diff(self._quotes, append=-1) != 1)
        closing[rest] = lasts[np.searchsorted(lasts, closing[rest])]
        stops[rest] = self._quotes[closing[rest]] + 1
        plain[rest] = stops[rest] == ends[cells[rest]]
        rest = rest[~plain[rest]]
        rest = rest[self._codes[stops[rest]] <= _SPACE]
        if len(rest):
            others = np.cumsum(self._codes > _SPACE, dtype=np.int32)
            plain[rest] = others[stops[rest] - 1] == others[ends[cells[rest]] - 1]
            rest = rest[~plain[rest]]
            following = np.append(self._quotes, len(self._codes))[closing[rest] + 1]
            if (following < ends[cells[rest]]).any():
                return None
        cells, stops = cells[plain], stops[plain]
        starts[cells] += 1
        ends[cells] = stops - 1
        quoted = np.zeros(len(starts), np.bool_)
        quoted[cells] = True
        return quoted
