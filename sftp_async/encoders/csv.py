"""CSV as Spark writes it: values quoted only where needed, and none lost when it is read back."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from sftp_async.encoders.arrays import any_true, join, replace_where, text_buffer
from sftp_async.encoders.base import Format, PartEncoder
from sftp_async.encoders.cells import CellText
from sftp_async.encoders.compression import EXTENSIONS
from sftp_async.encoders.lines import LineEncoder
from sftp_async.errors import EncodeError

#: Spark's default for empty strings, two quotes; with another quote character it is two of those.
QUOTED_EMPTY = '""'
# First in a line, Spark's writer quotes the first; a reader takes the second for a byte order mark.
_LINE_START = "^[#\ufeff]"
# What Java's String.trim removes: Spark's reader drops lines of nothing else.
_BLANK = r"^[\x00-\x20]*$"
_BLANK_CHARACTERS = "".join(map(chr, range(0x21)))


@dataclass(frozen=True)
class CSVDialect:
    """How values become lines; names and meaning are those of Spark's CSV options.

    Where Spark's writer would lose a value, this one does not follow it: white space at the ends of
    a string stays (Spark trims it unless told `ignoreLeadingWhiteSpace=false`), a line feed inside
    a value stays one whatever `line_sep` is, and a string that equals `null_value` is quoted.
    """

    sep: str = ","
    quote: str = '"'
    escape: str = "\\"
    null_value: str = ""
    empty_value: str = QUOTED_EMPTY
    line_sep: str = "\n"

    def lines(self, names: list[str], columns: list[pa.Array]) -> pa.Buffer:
        """Return the lines of all rows.

        Args:
            names: names of the columns, for errors.
            columns: string arrays of the same length, at least one.

        Raises:
            EncodeError: a value needs quotes, but `quote` is empty.

        """
        cells = [
            self._cells(name, column, first=name == names[0])
            for name, column in zip(names, columns, strict=True)
        ]
        cells[0] = self._keep_blank_line(names[0], cells)
        if self._suits_arrow and all(map(operator.is_, cells, columns)):
            return _arrow_lines(cells, self.sep)
        nulls = {"null_handling": "replace", "null_replacement": self._null_cell}
        last = pc.binary_join_element_wise(cells[-1], self.line_sep, "", **nulls)
        return text_buffer(pc.binary_join_element_wise(*cells[:-1], last, self.sep, **nulls))

    def quoted(self, text: pa.Array) -> pa.Array:
        """Return the values in quotes, with quotes inside escaped as Spark's writer does."""
        if self.escape != self.quote:
            text = pc.replace_substring(text, self.escape, self.escape * 2)
        text = pc.replace_substring(text, self.quote, self.escape + self.quote)
        return join(self.quote, text, self.quote)

    def _cells(self, name: str, text: pa.Array, *, first: bool) -> pa.Array:
        """Quote what needs it and fill in empty strings; return `text` itself if nothing does."""
        empty = pc.equal(text, "")
        mask = self._need_quotes(text, first=first)
        if mask is not None:
            self._check_quotes(name)
            text = replace_where(mask, text, self.quoted(text.filter(mask)))
        if any_true(empty):
            text = pc.if_else(empty, self._empty_cell, text)
        return text

    def _check_quotes(self, name: str) -> None:
        if not self.quote:
            raise EncodeError(
                f"A value of column {name!r} holds the separator, a line break, or nothing but "
                "white space, and cannot be written as quote is empty",
                hint='Set quote to a character such as ", or sep to one that no value holds',
            )

    def _need_quotes(self, text: pa.Array, *, first: bool) -> pa.Array | None:
        # Looking for bytes in the whole column costs next to nothing, so that masks are made only
        # for characters that do occur.
        data = text_buffer(text).to_pybytes()
        masks = [pc.match_substring(text, mark) for mark in self._special if mark.encode() in data]
        masks += [pc.ends_with(text, half) for half in self._half_seps if half.encode() in data]
        if first and (b"#" in data or "\ufeff".encode() in data):
            masks.append(pc.match_substring_regex(text, _LINE_START))
        if self.null_value and self.null_value.encode() in data:
            masks.append(pc.equal(text, self.null_value))
        if not masks:
            return None
        mask = functools.reduce(pc.or_, masks)
        return mask if any_true(mask) else None

    @functools.cached_property
    def _special(self) -> list[str]:
        """What makes a value need quotes wherever it occurs."""
        return sorted({self.sep, *self.quote, "\n", "\r", *self.line_sep})

    @functools.cached_property
    def _half_seps(self) -> list[str]:
        """Beginnings of a long separator: at the end of a value they run into the whole one."""
        return [self.sep[:length] for length in range(1, len(self.sep))]

    @functools.cached_property
    def _empty_cell(self) -> str:
        return self.quote * 2 if self.empty_value == QUOTED_EMPTY else self._cell(self.empty_value)

    @functools.cached_property
    def _null_cell(self) -> str:
        return self._cell(self.null_value)

    def _cell(self, value: str) -> str:
        """Return the cell of `null_value` or `empty_value`; one with quotes of its own stays."""
        has_quotes = len(value) > 1 and value[0] == value[-1] == self.quote
        if has_quotes or not any(mark in value for mark in self._special):
            return value
        return str(self.quoted(pa.array([value]))[0])

    def _keep_blank_line(self, name: str, cells: list[pa.Array]) -> pa.Array:
        """Return the first cells, quoted in blank lines, which Spark's reader would drop."""
        first = cells[0]
        if len(cells) > 1 and self.sep.strip(_BLANK_CHARACTERS):
            return first
        blank: pa.Array = None
        for cell in cells:
            here = pc.match_substring_regex(pc.fill_null(cell, self._null_cell), _BLANK)
            blank = here if blank is None else pc.and_(blank, here)
            if not any_true(blank):
                return first
        self._check_quotes(name)
        first = pc.fill_null(first, self._null_cell)
        return pc.if_else(blank, join(self.quote, first, self.quote), first)

    @functools.cached_property
    def _suits_arrow(self) -> bool:
        """Whether Arrow's own writer, a third faster, makes the same lines if nothing is quoted."""
        return (
            len(self.sep) == 1
            and self.sep.isascii()
            and self.quote == '"'
            and self.line_sep == "\n"
            and not self.null_value
        )


def _arrow_lines(cells: list[pa.Array], sep: str) -> pa.Buffer:
    batch = pa.RecordBatch.from_arrays(cells, names=[str(index) for index in range(len(cells))])
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter=sep, quoting_style="none", batch_size=batch.num_rows or 1
    )
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(batch, sink, options)
    return sink.getvalue()


class CSVFormat(Format):
    """CSV files.

    Args:
        schema: the columns, checked by `open_format`.
        dialect: separators and quotes.
        text: formats of dates and timestamps.
        header: whether a file starts with the column names.
        compression: `none`, `gzip` or `zstd`.

    """

    joinable = True

    def __init__(
        self,
        schema: pa.Schema,
        dialect: CSVDialect,
        text: CellText,
        *,
        header: bool,
        compression: str,
    ) -> None:
        self.extension = f"csv{EXTENSIONS[compression]}"
        self._dialect = dialect
        self._text = text
        self._compression = compression
        self._names: list[str] = schema.names
        titles = [pa.array([name], pa.string()) for name in self._names]
        self._header = dialect.lines(self._names, titles).to_pybytes() if header else b""

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file, with a header if both the options and `header` ask for it."""
        return LineEncoder(self._lines, self._compression, self._header if header else b"")

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        return self._dialect.lines(self._names, [self._text.of(column) for column in batch.columns])
