"""Cuts blocks of lines into columns of text with Arrow, where Spark's parser cuts them alike.

A block is looked at as a whole, a few passes over its bytes: quotes stand where cells begin and
end, or are escaped, and no line break is inside of quotes. Whatever else a block holds, it is not
cut here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from sftp_async.formats.csv.line_cells import BLANKS
from sftp_async.formats.csv.read_dialect import NUL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.csv.read_dialect import ReadDialect

try:
    import numpy as np
except ImportError:  # quotes are then read on the exact path
    np = None  # type: ignore[assignment]

_FEED, _SPACE = 10, 32
#: A line of white space, which Spark drops; data without its last line feed is searched.
_BLANK_LINE = re.compile(rb"(?:\A|\n)[\x00-\x09\x0b-\x20]*(?:\n|\Z)")


class FastCells:
    """Cuts the blocks of files with one dialect.

    Args:
        dialect: separators and quotes.

    """

    def __init__(self, dialect: ReadDialect) -> None:
        self._dialect = dialect
        self._quote = dialect.quote.encode()
        self._escape = dialect.escape.encode()
        #: Whether there are such blocks.
        self.suits = self._has_blocks()

    def _has_blocks(self) -> bool:
        dialect = self._dialect
        marks = {dialect.sep, dialect.quote, dialect.escape}
        return (
            len(dialect.sep) == 1
            and all(mark.isascii() for mark in marks)
            and dialect.sep not in (dialect.quote, dialect.escape, "\n", "\r", NUL)
            and not {dialect.quote, dialect.escape} & {"\n", "\r"}
            and dialect.line_sep in (None, "\n", "\r\n")
            and dialect.max_chars < 0
            # Cutting white space off the end alone is odd at the ends of lines.
            and (dialect.trim_left or not dialect.trim_right)
        )

    def columns(
        self, data: bytes, width: int, places: Sequence[int] | None
    ) -> list[pa.Array] | None:
        """Return the columns of a block, null where cells are null; None if it is not plain.

        Args:
            data: whole lines in UTF-8, without a header.
            width: the number of cells that each line must have.
            places: of the columns to return; None for all.

        """
        if not self.suits or not 0 < width <= self._dialect.max_columns:
            return None
        prepared = self._prepared(data, width)
        if prepared is None:
            return None
        plain, lines, quoted = prepared
        table = self._cut(plain, width, places, quoted=quoted)
        if table is None or table.num_rows != lines:
            return None
        columns = [self._nulled(_one_array(column), quoted) for column in table.columns]
        if places is None:
            return columns
        names = table.column_names
        return [columns[names.index(str(place))] for place in places]

    def _prepared(self, data: bytes, width: int) -> tuple[bytes, int, bool] | None:
        """Return the block for Arrow, its number of lines, and whether it has quotes."""
        dialect = self._dialect
        feeds = data.count(b"\n")
        if not self._has_plain_ends(data, feeds):
            return None
        if dialect.comment:
            comment = dialect.comment.encode()
            if data.startswith(comment) or b"\n" + comment in data:
                return None
        # Other lines of white space have too few cells.
        if (width == 1 or dialect.sep in BLANKS) and _BLANK_LINE.search(data.removesuffix(b"\n")):
            return None
        lines = feeds
        if not data.endswith(b"\n"):
            # Arrow may take an empty cell at the very end for a quoted one.
            data, lines = data + b"\n", feeds + 1
        if self._quote not in data:
            return data, lines, False
        if NUL in (dialect.quote, dialect.escape) or np is None:
            return None
        # Blank cells and quoted empty ones are alike when they are trimmed.
        if dialect.trim_left and dialect.null_value != dialect.empty_value:
            return None
        # The parser drops a NUL in quotes if it stands for an escape that is not set.
        if dialect.escape_escape == NUL and b"\0" in data:
            return None
        plain = self._with_doubled_quotes(data)
        if plain is None or not self._quotes_are_plain(plain, self._escapes_in(data)):
            return None
        return plain, lines, True

    def _has_plain_ends(self, data: bytes, feeds: int) -> bool:
        returns = data.count(b"\r")
        if self._dialect.line_sep == "\n":
            return not returns
        if not returns:
            return self._dialect.line_sep is None
        return returns == feeds == data.count(b"\r\n")

    def _with_doubled_quotes(self, data: bytes) -> bytes | None:
        """Return the block with each escaped quote doubled; None if escapes do anything else."""
        dialect, quote, escape = self._dialect, self._quote, self._escape
        if escape == quote:
            return data
        # Two quotes together are an empty cell, or are read oddly.
        if escape not in data:
            return data if self._has_no_pairs(data) else None
        if dialect.escape != dialect.escape_escape or escape * 2 in data:
            return None
        if not self._has_no_pairs(data.replace(escape + quote, b"\0\0")):
            return None
        return data.replace(escape + quote, quote * 2)

    def _has_no_pairs(self, data: bytes) -> bool:
        """Whether two quotes are together only in empty cells."""
        pairs = data.count(self._quote * 2)
        return not pairs or self._empties(data) == pairs

    def _empties(self, data: bytes) -> int:
        """Return how many pairs of quotes are cells of their own, without overlaps."""
        codes = np.frombuffer(data, np.uint8)
        at = np.flatnonzero(codes == self._quote[0])
        first = at[:-1][at[1:] == at[:-1] + 1]
        before = np.where(first > 0, codes[np.maximum(first - 1, 0)], _FEED)
        behind = np.where(
            first + 2 < len(codes), codes[np.minimum(first + 2, len(codes) - 1)], _FEED
        )
        sep = ord(self._dialect.sep)
        ends = (behind == sep) | (behind == _FEED) | (behind == 13)
        return int(np.count_nonzero(((before == sep) | (before == _FEED)) & ends))

    def _escapes_in(self, data: bytes) -> int | None:
        """Return how many quotes are escaped; None if the escape is the quote itself."""
        return None if self._escape == self._quote else data.count(self._escape + self._quote)

    def _quotes_are_plain(self, data: bytes, escapes: int | None) -> bool:
        """Whether cells are quoted whole, and quotes in them are doubled.

        Args:
            data: of a block.
            escapes: how many pairs of quotes there must be; None: any number.

        Every other quote opens: it begins a cell, or is the second of a pair; and the others
        close: they end a cell, or are the first of a pair.
        """
        codes = np.frombuffer(data, np.uint8)
        at = np.flatnonzero(codes == self._quote[0])
        if len(at) % 2:
            return False
        opening, closing = at[::2], at[1::2]
        sep = ord(self._dialect.sep)
        before = np.where(opening > 0, codes[np.maximum(opening - 1, 0)], _FEED)
        begins = (before == sep) | (before == _FEED)
        pairs = opening[1:] == closing[:-1] + 1
        begins[1:] |= pairs
        # An escape outside of quotes is text.
        if not begins.all() or escapes not in (None, int(np.count_nonzero(pairs))):
            return False
        last = len(codes) - 1
        behind = np.where(closing < last, codes[np.minimum(closing + 1, last)], _FEED)
        ends = (behind == sep) | (behind == _FEED) | (behind == 13)
        ends[:-1] |= pairs
        # White space in quotes stays, which Arrow's cells do not show.
        if self._dialect.trim_left and (
            (codes[opening + 1] <= _SPACE).any() or (codes[closing - 1] <= _SPACE).any()
        ):
            return False
        return bool(ends.all())

    def _cut(
        self, data: bytes, width: int, places: Sequence[int] | None, *, quoted: bool
    ) -> pa.Table | None:
        dialect = self._dialect
        names = [str(place) for place in range(width)]
        both_empty = dialect.null_value == dialect.empty_value == ""
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(data),
                arrow_csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=len(data) + 1
                ),
                arrow_csv.ParseOptions(
                    delimiter=dialect.sep,
                    quote_char=dialect.quote if quoted else False,
                    double_quote=quoted,
                    escape_char=False,
                    newlines_in_values=False,
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=both_empty,
                    **_included(names, places),
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _nulled(self, text: pa.Array, quoted: bool) -> pa.Array:
        """Return a column as Spark has it: with the texts of null and of an empty cell."""
        dialect = self._dialect
        if dialect.trim_left:
            trim = pc.ascii_trim if dialect.trim_right else pc.ascii_ltrim
            text = _null_where(trim(text, characters=BLANKS), "")
        if quoted and dialect.empty_value:
            text = pc.if_else(pc.equal(text, ""), dialect.empty_value, text)
        return _null_where(text, dialect.null_value) if dialect.null_value else text


def _included(names: list[str], places: Sequence[int] | None) -> dict[str, Any]:
    if places is None:
        return {}
    return {"include_columns": [names[place] for place in sorted(set(places))]}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _null_where(text: pa.Array, value: str) -> pa.Array:
    mask = pc.equal(text, value)
    return pc.if_else(mask, pa.scalar(None, text.type), text) if pc.any(mask).as_py() else text
