"""Makes the lines of a CSV dialect: separators, quotes, escapes, text for nulls."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, join, replace_where, text_buffer
from sftp_async.formats.values.cell_text import NUMERIC, never_blank

#: Spark's default for empty strings, two quotes; with another quote character it is two of those.
QUOTED_EMPTY = '""'
# At the start of a line, Spark's writer quotes the first one; a reader takes the second one for a
# byte order mark.
_COMMENT = "#"
_MARK = "\ufeff"
# The characters that Java's String.trim removes: Spark's reader drops lines of these alone.
_BLANK = r"^[\x00-\x20]*$"
_BLANK_CHARACTERS = "".join(map(chr, range(0x21)))


@dataclass(frozen=True)
class CSVDialect:
    """How values become lines; names and meaning are those of Spark's CSV options.

    Where Spark's writer would lose a value, this one does not follow it: white space at the ends of
    a string stays unless it is to be ignored (which is Spark's default), a line feed inside a value
    stays one whatever `line_sep` is, and a string that equals `null_value` is quoted.
    docs/reference/spark-files.md lists all differences.
    """

    sep: str = ","
    quote: str = '"'
    escape: str = "\\"
    null_value: str = ""
    empty_value: str = QUOTED_EMPTY
    line_sep: str = "\n"
    quote_all: bool = False
    escape_quotes: bool = True
    #: Before `escape` in quotes; None is `escape` itself, unless that is the quote.
    escape_escape: str | None = None
    ignore_leading: bool = False
    ignore_trailing: bool = False

    def lines(
        self, names: list[str], columns: list[pa.Array], *, unmarked: bool = False
    ) -> pa.Buffer:
        """Return the lines of all rows.

        Args:
            names: names of the columns, for errors.
            columns: string arrays of the same length, at least one.
            unmarked: they are those of a batch that `is_unmarked`.

        Raises:
            EncodeError: a value needs quotes, but `quote` is empty.

        """
        cells = [
            self._cells(name, column, first=name == names[0], unmarked=unmarked)
            for name, column in zip(names, columns, strict=True)
        ]
        if not self.quote_all:
            cells[0] = self._keep_blank_line(names[0], cells)
        untouched = all(map(operator.is_, cells, columns))
        # Arrow's writer also refuses marks in memory where a value is null.
        hidden = not unmarked and any(cell.null_count and self._holds_marks(cell) for cell in cells)
        if self._suits_arrow and untouched and not hidden:
            return _arrow_lines(cells, self.sep)
        nulls = {"null_handling": "replace", "null_replacement": self.null_cell}
        last = pc.binary_join_element_wise(cells[-1], self.line_sep, "", **nulls)
        return text_buffer(pc.binary_join_element_wise(*cells[:-1], last, self.sep, **nulls))

    def quoted(self, text: pa.Array) -> pa.Array:
        """Return the values in quotes, with quotes inside escaped as Spark's writer does."""
        data = text_buffer(text).to_pybytes()
        if self.escape != self.quote and self.escape.encode() in data:
            escaped = (self.escape_escape or self.escape) + self.escape
            text = pc.replace_substring(text, self.escape, escaped)
        if self.quote.encode() in data:
            text = pc.replace_substring(text, self.quote, self.escape + self.quote)
        return join(self.quote, text, self.quote)

    def _cells(self, name: str, text: pa.Array, *, first: bool, unmarked: bool) -> pa.Array:
        """Quote what needs it and fill in empty strings; return `text` itself if nothing does."""
        given = text
        if self.ignore_leading:
            text = pc.ascii_ltrim(text, characters=_BLANK_CHARACTERS)
        start = given if first else None
        mask: pa.Array | None
        if self.quote_all:
            mask = text.is_valid()
        elif unmarked and not first:
            mask = None
        else:
            mask = self.need_quotes(text, start)
        if self.ignore_trailing:
            text = pc.ascii_rtrim(text, characters=_BLANK_CHARACTERS)
        empty = pc.equal(text, "")
        if mask is not None:
            self.check_quotes(name)
            text = replace_where(mask, text, self.quoted(text.filter(mask)))
        if any_true(empty):
            text = pc.if_else(empty, self.empty_cell, text)
        return text

    def check_quotes(self, name: str) -> None:
        """Check that there are quotes to put around a value of the column `name`.

        Raises:
            EncodeError: there are none.

        """
        if not self.quote:
            raise EncodeError(
                f"A value of column {name!r} holds the separator, a line break, or nothing but "
                "white space, and cannot be written as quote is empty",
                hint='Set quote to a character such as ", or sep to one that no value holds',
            )

    def need_quotes(self, text: pa.Array, start: pa.Array | None) -> pa.Array | None:
        """Return where values need quotes, or are null; None if none needs them.

        Args:
            text: a string array.
            start: for the first column, the values before white space was cut off: Spark looks at
                their first character.

        """
        # Looking for bytes in the whole column costs next to nothing, so that masks are made only
        # for characters that do occur.
        data = text_buffer(text).to_pybytes()
        masks = [pc.match_substring(text, mark) for mark in self._special if mark.encode() in data]
        masks += [pc.ends_with(text, half) for half in self._half_seps if half.encode() in data]
        if start is not None and _COMMENT.encode() in data:
            masks.append(pc.starts_with(start, _COMMENT))
        if start is not None and _MARK.encode() in data:
            masks.append(pc.starts_with(text, _MARK))
        if self.quote and not self.escape_quotes and self.quote.encode() in data:
            masks.append(pc.starts_with(text, self.quote))
        if self.null_value and self.null_value.encode() in data:
            masks.append(pc.equal(text, self.null_value))
        if not masks:
            return None
        mask = functools.reduce(pc.or_, masks)
        return mask if any_true(mask) else None

    def may_need_quotes(self, data: bytes, *, first: bool) -> bool:
        """Return whether anything but one of `marks` may ask for quotes in this text."""
        return bool(
            not self.marks
            or (first and (_COMMENT.encode() in data or _MARK.encode() in data))
            or (self.null_value and self.null_value.encode() in data)
        )

    def suits_row_gather(self, batch: pa.RecordBatch) -> bool:
        """Return whether `CSVRowGather` can make the lines of a batch that is not `is_unmarked`."""
        if not self._is_plain or not self._leaves_numbers:
            return False
        lines_show = batch.num_columns > 1 and self.sep.strip(_BLANK_CHARACTERS)
        return bool(lines_show) or any(
            not column.null_count and never_blank(column.type) for column in batch.columns
        )

    def is_unmarked(self, batch: pa.RecordBatch) -> bool:
        """Return whether all columns are strings that hold none of `marks`.

        Only the first character of a line may ask for quotes then, and Arrow's own writer is the
        fastest way to make the lines.
        """
        return (
            self._is_plain
            and self._suits_arrow
            and all(
                pa.types.is_string(column.type) and not self._holds_marks(column)
                for column in batch.columns
            )
        )

    def _holds_marks(self, text: pa.Array) -> bool:
        """Return whether one of `marks` occurs in a string array, null values included."""
        data = text_buffer(text).to_pybytes()
        return any(mark in data for mark in self.marks)

    @functools.cached_property
    def marks(self) -> bytes:
        """The special characters, if each is one ASCII character; else nothing."""
        marks = "".join(self._special)
        return marks.encode() if marks.isascii() and len(self.sep) == 1 else b""

    @functools.cached_property
    def _suits_arrow(self) -> bool:
        """Whether Arrow's own writer, a third faster, makes the same lines if nothing is quoted."""
        return (
            len(self.sep) == 1
            and self.sep.isascii()
            and self.quote == '"'
            and self.escape_quotes
            and self.line_sep == "\n"
            and not self.null_value
        )

    @functools.cached_property
    def _is_plain(self) -> bool:
        """Whether only the characters of a value decide on its quotes, and none is cut off."""
        trimmed = self.ignore_leading or self.ignore_trailing
        return self.escape_quotes and not self.quote_all and not trimmed

    @functools.cached_property
    def _leaves_numbers(self) -> bool:
        """Whether no number, date or boolean ever needs quotes."""
        odd_null = not self.null_value or not NUMERIC.issuperset(self.null_value)
        return odd_null and NUMERIC.isdisjoint("".join(self._special))

    @functools.cached_property
    def _special(self) -> list[str]:
        """Texts for which a value needs quotes wherever they occur in it."""
        quote = self.quote if self.escape_quotes else ""
        return sorted({self.sep, *quote, "\n", "\r", *self.line_sep})

    @functools.cached_property
    def _half_seps(self) -> list[str]:
        """Beginnings of a long separator: at the end of a value they would merge with it."""
        return [self.sep[:length] for length in range(1, len(self.sep))]

    @functools.cached_property
    def empty_cell(self) -> str:
        """The cell of an empty string."""
        return self.quote * 2 if self.empty_value == QUOTED_EMPTY else self._cell(self.empty_value)

    @functools.cached_property
    def null_cell(self) -> str:
        """The cell of a null."""
        return self._cell(self.null_value)

    def _cell(self, value: str) -> str:
        """Return the cell of `null_value` or `empty_value`; one with quotes of its own stays."""
        if self.ignore_leading:
            value = value.lstrip(_BLANK_CHARACTERS)
        asks = any(mark in value for mark in self._special)
        asks = asks or (bool(self.quote) and value.startswith(self.quote))
        if self.ignore_trailing:
            value = value.rstrip(_BLANK_CHARACTERS)
        has_quotes = len(value) > 1 and value[0] == value[-1] == self.quote
        if has_quotes or not self.quote or not (asks or self.quote_all):
            return value
        return str(self.quoted(pa.array([value]))[0])

    def _keep_blank_line(self, name: str, cells: list[pa.Array]) -> pa.Array:
        """Return the first cells, quoted in blank lines, which Spark's reader would drop."""
        first = cells[0]
        if len(cells) > 1 and self.sep.strip(_BLANK_CHARACTERS):
            return first
        blank: pa.Array = None
        for cell in cells:
            here = pc.match_substring_regex(pc.fill_null(cell, self.null_cell), _BLANK)
            blank = here if blank is None else pc.and_(blank, here)
            if not any_true(blank):
                return first
        self.check_quotes(name)
        first = pc.fill_null(first, self.null_cell)
        return pc.if_else(blank, join(self.quote, first, self.quote), first)


def _arrow_lines(cells: list[pa.Array], sep: str) -> pa.Buffer:
    batch = pa.RecordBatch.from_arrays(cells, names=[str(index) for index in range(len(cells))])
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter=sep, quoting_style="none", batch_size=batch.num_rows or 1
    )
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(batch, sink, options)
    return sink.getvalue()
