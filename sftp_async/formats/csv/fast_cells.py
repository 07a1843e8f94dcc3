"""Cuts plain blocks of lines into columns of text, as Spark's parser cuts them.

With NumPy by an index of the cells; without, by Arrow's CSV reader, where no cell is quoted. What a
block holds besides decides whether that is the same as what the parser does; other blocks are not
cut here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from sftp_async.formats.arrow_text import null_where
from sftp_async.formats.csv.file_columns import MAX_CELLS
from sftp_async.formats.csv.lines import BLANKS, text_lines
from sftp_async.formats.csv.read_dialect import NUL
from sftp_async.formats.csv.rows import rows_where

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sftp_async.formats.csv.file_columns import FileColumns
    from sftp_async.formats.csv.read_dialect import ReadDialect

try:
    from sftp_async.formats.csv.cell_index import cell_index
except ImportError:  # NumPy is not installed
    cell_index = None  # type: ignore[assignment]

#: A line of white space, which Spark drops; data without its last line feed is searched.
_BLANK_LINE = re.compile(rb"(?:\A|\n)[\x00-\x09\x0b-\x20]*(?:\n|\Z)")


@dataclass(frozen=True)
class PlainCells:
    """The cells of a block.

    Attributes:
        columns: of text, null where cells are null or missing.
        places: what the columns are.
        rows: number of them.
        odd: which rows have too few cells; or too many, if these are not kept.
        records: returns the text of each row's line.

    """

    columns: list[pa.Array]
    places: FileColumns
    rows: int
    odd: pa.Array
    records: Callable[[], pa.Array]


class FastCells:
    """Cuts the blocks of files with one dialect.

    Args:
        dialect: separators and quotes.

    """

    def __init__(self, dialect: ReadDialect) -> None:
        self._dialect = dialect
        self._quote = dialect.quote.encode()
        #: Whether there are such blocks.
        self.suits = self._has_blocks()

    def _has_blocks(self) -> bool:
        dialect = self._dialect
        marks = {dialect.sep, dialect.quote, dialect.escape, dialect.comment or ""}
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

    def cells(self, data: bytes, places: FileColumns) -> PlainCells | None:
        """Return the cells of a block; None if it is not plain.

        Args:
            data: whole lines in UTF-8, without a header.
            places: the columns to return.

        """
        dialect = self._dialect
        fits = 0 < places.width <= dialect.max_columns
        if not self.suits or not fits or not self._has_plain_ends(data):
            return None
        # Lines of white space have cells, then.
        if dialect.sep in BLANKS and _BLANK_LINE.search(data.removesuffix(b"\n")):
            return None
        if not data.endswith(b"\n"):
            data += b"\n"
        return self._cut(data, places) if cell_index is None else self._found(data, places)

    def _has_plain_ends(self, data: bytes) -> bool:
        if b"\r" not in data:
            return self._dialect.line_sep != "\r\n"
        if self._dialect.line_sep == "\n":
            return False
        returns = data.count(b"\r")
        if returns != data.count(b"\r\n"):
            return False
        return self._dialect.line_sep is None or returns == data.count(b"\n")

    def _found(self, data: bytes, places: FileColumns) -> PlainCells | None:
        """Return the cells as NumPy finds them."""
        index = cell_index(data, self._dialect)
        if index is None or index.most > self._dialect.max_columns:
            return None
        found = places.with_extra(index.most)
        if found is not places and index.rows * len(found.places) > MAX_CELLS:
            return None
        columns = index.columns(places.width, found.places)
        odd = index.odd_rows(places.width, or_more=not places.rescues)
        return PlainCells(columns, found, index.rows, odd, lambda: index.records(data))

    def _cut(self, data: bytes, places: FileColumns) -> PlainCells | None:
        """Return the cells as Arrow's CSV reader finds them, in blocks without quotes."""
        dialect, width = self._dialect, places.width
        lines = data.count(b"\n")
        if self._quote in data or (dialect.comment and dialect.comment.encode() in data):
            return None
        # Other lines of white space have too few cells.
        if width == 1 and _BLANK_LINE.search(data.removesuffix(b"\n")):
            return None
        names = [str(place) for place in range(width)]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(data),
                arrow_csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=len(data) + 1
                ),
                arrow_csv.ParseOptions(
                    delimiter=dialect.sep, quote_char=False, newlines_in_values=False
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    **_included(names, places.places),
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != lines:
            return None
        columns = {
            name: self._nulled(_one_array(column))
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        return PlainCells(
            [columns[str(place)] for place in places.places],
            places,
            lines,
            rows_where([], lines),
            lambda: pa.array(text_lines(data, dialect.line_sep), pa.string()),
        )

    def _nulled(self, text: pa.Array) -> pa.Array:
        """Return a column as Spark has it: trimmed, and null where it has the text of null."""
        dialect = self._dialect
        if dialect.trim_left:
            trim = pc.ascii_trim if dialect.trim_right else pc.ascii_ltrim
            text = null_where(trim(text, characters=BLANKS), "")
        return null_where(text, dialect.null_value) if dialect.null_value else text


def _included(names: list[str], places: Sequence[int]) -> dict[str, Any]:
    if len(places) == len(names):
        return {}
    return {"include_columns": [names[place] for place in sorted(set(places))]}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
