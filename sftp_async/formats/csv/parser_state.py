"""Holds the state of a parser of CSV text: characters, the cell and the record that are read.

The state, what ends a record, and what happens at the end of the text are those of version 2.9.1 of
uniVocity's CsvParser, which Spark uses, odd ones included; comparisons with Spark hold each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sftp_async.formats.csv.read_dialect import NUL

if TYPE_CHECKING:
    from sftp_async.formats.csv.read_dialect import ReadDialect

Cells = list[str | None]


class RecordError(ValueError):
    """A record that makes Spark's parser fail, in every mode."""


class End(Exception):  # noqa: N818 - no error: the end of the text, which any state may meet
    """The text has no more characters."""


class ParserState:
    """Reads characters, and collects cells and rows of them.

    Args:
        dialect: separators and quotes.
        line_end: what ends a record in the text, one character or two.

    Attributes:
        start: where the last record began in the text.
        position: where it ended.
        ended: whether the text came to its end, with no record left.

    """

    def __init__(self, dialect: ReadDialect, line_end: str = "\n") -> None:
        self._dialect = dialect
        self._single = len(dialect.sep) == 1
        self._sep = dialect.sep if self._single else NUL
        self._end1, self._end2 = line_end[0], line_end[1:]
        # Spark keeps the line ends in quotes if the user has set them and cells may have them.
        self._normalizes_in_quotes = dialect.line_sep is None or not dialect.multi_line
        self._normalizes = True
        self._until_sep = dialect.unescaped in (
            "stop_at_delimiter",
            "skip_value",
            "back_to_delimiter",
        )
        # What counts as a line feed (Format.setLineSeparator).
        self._feed = line_end if line_end == dialect.line_sep and len(line_end) == 1 else "\n"
        if len(line_end) == 2 and not dialect.multi_line:
            self._feed = line_end  # in no line: Spark loses what is behind a line feed in one
        line_end = "" if line_end == self._feed else line_end[0]
        self._marks = any_of(dialect.quote, dialect.escape, dialect.escape_escape, line_end)
        self._ends = any_of(self._sep, self._feed, line_end)
        self._text = ""
        self._ch = self._prev = NUL
        self._value: list[str] = []
        self._cells: Cells = []
        self._pending: list[Cells] = []
        self._unescaped = False
        self._trim = False
        self._skips = False  # whether the cell becomes null, whatever follows in it
        self._match = 0
        self.start = self.position = 0
        self.ended = False

    def _set(self, text: str, position: int) -> None:
        self._text = text
        self.start = self.position = position

    def forget(self) -> None:
        """Drop a record that is incomplete, as its text is."""
        self.ended = False
        self._value.clear()
        self._cells = []
        self._pending.clear()
        self._normalizes = True
        self._prev = NUL
        self._skips = False
        self._match = 0

    def _next(self) -> str:
        position = self.position
        if position >= len(self._text):
            raise End
        ch = self._text[position]
        self.position = position + 1
        if (
            ch == self._end1
            and self._text.startswith(self._end2, position + 1)
            and self._normalizes
        ):
            self.position += len(self._end2)
            return self._feed
        return ch

    def _skip_line(self) -> None:
        end = self._end1 + self._end2
        at = self._text.find(end, self.position)
        self.position = len(self._text) if at < 0 else at + len(end)

    def _add(self, value: str | None) -> None:
        if len(self._cells) >= self._dialect.max_columns:
            raise RecordError(
                f"The record has more than max_columns={self._dialect.max_columns} values"
            )
        self._cells.append(value)
        self._skips = False

    def _take(self) -> None:
        """End a cell: its value is what was collected."""
        if self._skips:
            self._skips = False
            self._add(None)
            return
        value = "".join(self._value)
        if self._trim:
            value = trimmed(value)
        self._value.clear()
        self._add(value or self._dialect.empty_value)

    def _push(self, text: str) -> None:
        if self._skips:
            return
        self._value.append(text)
        limit = self._dialect.max_chars
        if limit >= 0 and sum(map(len, self._value)) > limit:
            raise RecordError(f"A value has more than max_chars_per_column={limit} characters")

    def _push_up_to(self, stops: re.Pattern[str]) -> None:
        """Collect what comes before the next of some characters, which are read one by one."""
        found = stops.search(self._text, self.position)
        stop = found.start() if found else len(self._text)
        if stop > self.position:
            self._push(self._text[self.position : stop])
            self.position = stop

    def _row(self) -> Cells | None:
        if self._pending:
            return self._pending.pop(0)
        if not self._cells:
            return None
        cells, self._cells = self._cells, []
        return cells

    def _at_end(self) -> Cells | None:
        """Return the last record, which the end of the text cut off."""
        takes = self._takes_at_end()
        has_value = any(self._value)
        if self._cells or takes:
            if has_value or takes:
                self._take()
            elif self.position > self.start:
                self._add(self._dialect.null_value)
            return self._row()
        if has_value or self.position > self.start:
            if has_value:
                self._take()
            else:
                self._add(self._dialect.null_value)
            return self._row()
        return self._pending.pop(0) if self._pending else None

    def _takes_at_end(self) -> bool:
        if self._ch == self._dialect.quote:
            if self._prev == self._dialect.quote:
                return True
            if not self._unescaped:
                self._push(self._dialect.quote)
        takes = self._prev != NUL and self._ch not in (self._sep, self._feed)
        self._ch = self._prev = NUL
        if self._match:
            self._save_match()
            return True
        return takes

    def _save_match(self) -> None:
        if 0 < self._match < len(self._dialect.sep):
            self._push(self._dialect.sep[: self._match])
        self._match = 0

    def _matches(self, *, saves: bool = True) -> bool:
        """Whether the separator begins here; what is read of it and is none is collected."""
        sep = self._dialect.sep
        while self._ch == sep[self._match]:
            self._match += 1
            if self._match == len(sep):
                self._match = 0
                return True
            self._ch = self._next()
        if saves:
            self._save_match()
        return False


def any_of(*characters: str) -> re.Pattern[str]:
    """Return what finds the next of some characters; empty ones are none."""
    return re.compile("[" + "".join(map(re.escape, sorted({*characters} - {""}))) + "]")


def trimmed(value: str) -> str:
    """Return a value without its last characters up to the space, as Java counts white space."""
    end = len(value)
    while end and value[end - 1] <= " ":
        end -= 1
    return value[:end]
