"""Cuts text into records and cells exactly as uniVocity's CsvParser does, which Spark uses.

The states, and what happens in them at a quote, an escape, white space and the end of the text, are
those of version 2.9.1 of that parser, odd ones included; each is held by a comparison with Spark.
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


class _End(Exception):  # noqa: N818 - no error: the end of the text, which any state may meet
    """The text has no more characters."""


class RecordParser:
    """Reads records one by one.

    Args:
        dialect: separators and quotes.
        line_end: what ends a record in the text, one character or two.

    Attributes:
        start: where the last record began in the text.
        position: where it ended.
        ended: whether the text of `following` came to its end, with no record left.

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
        self._marks = _any_of(dialect.quote, dialect.escape, dialect.escape_escape, line_end)
        self._ends = _any_of(self._sep, self._feed, line_end)
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

    def line(self, text: str) -> Cells | None:
        """Return the cells of the first record of a line; None if it has none.

        Raises:
            RecordError: Spark's parser fails at this line, in every mode.

        """
        self._set(text, 0)
        try:
            return self._first()
        except RecordError:
            self.forget()
            raise

    def following(self, text: str, position: int) -> Cells | None:
        """Return the cells of the next record that has any; None at the end of the text.

        Args:
            text: of several records.
            position: where the last one ended.

        Raises:
            RecordError: as in `line`.

        """
        self._set(text, position)
        try:
            return self._next_with_cells()
        except RecordError:
            self.forget()
            raise

    def _first(self) -> Cells | None:
        try:
            while True:
                self._ch = self._next()
                if self._dialect.comment and self._ch == self._dialect.comment:
                    return None
                if not self._pending:
                    self._record()
                if (row := self._row()) is not None:
                    return row
        except _End:
            return self._at_end()

    def _next_with_cells(self) -> Cells | None:
        try:
            while True:
                self.start = self.position
                self._ch = self._next()
                if self._dialect.comment and self._ch == self._dialect.comment:
                    self._skip_line()
                elif not self._pending:
                    self._record()
                if (row := self._row()) is not None:
                    return row
        except _End:
            row = self._at_end()
            self.ended = not self._pending
            return row

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

    # Characters

    def _next(self) -> str:
        position = self.position
        if position >= len(self._text):
            raise _End
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

    def _skip_blanks(self) -> None:
        while self._ch <= " " and self._ch not in (self._sep, self._feed, self._dialect.quote):
            self._ch = self._next()

    # Cells and rows

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
            value = _trimmed(value)
        self._value.clear()
        self._add(value or self._dialect.empty_value)

    def _push(self, text: str) -> None:
        if self._skips:
            return
        self._value.append(text)
        limit = self._dialect.max_chars
        if limit >= 0 and sum(map(len, self._value)) > limit:
            raise RecordError(f"A value has more than max_chars_per_column={limit} characters")

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

    # Records

    def _record(self) -> None:
        if self._single:
            self._record_of_single()
        else:
            self._record_of_multi()

    def _record_of_single(self) -> None:
        dialect, sep = self._dialect, self._sep
        if self._ch <= " " and dialect.trim_left:
            self._skip_blanks()
        while self._ch != self._feed:
            if self._ch <= " " and dialect.trim_left:
                self._skip_blanks()
            if self._ch in (sep, self._feed):
                self._add(dialect.null_value)
            else:
                self._unescaped = False
                self._prev = NUL
                if self._ch == dialect.quote:
                    self._normalizes = self._normalizes_in_quotes
                    if not any(self._value) and self._plain_quoted():
                        if self._behind_plain_quoted():
                            continue
                        return
                    self._trim = False
                    self._quoted()
                    self._normalizes = True
                    if not self._went_back():
                        self._take()
                elif any(self._value) or not self._plain():
                    self._trim = dialect.trim_right
                    self._collect_to_sep()
                    self._take()
            if self._ch != self._feed:
                self._ch = self._next()
                if self._ch == self._feed:
                    self._add(dialect.null_value)

    def _went_back(self) -> bool:
        return (
            self._unescaped
            and self._dialect.unescaped == "back_to_delimiter"
            and not any(self._value)
        )

    def _plain(self) -> bool:
        """Take an unquoted cell that has an end in the text, if it is not too long."""
        dialect, text, begin = self._dialect, self._text, self.position
        if begin >= len(text):
            return False
        stop = text.find(self._sep, begin)
        line_end = self._end1 + self._end2
        # The cell's first character is behind already, but may begin a line end.
        end = text.find(line_end, begin - 1)
        if stop < 0 or 0 <= end < stop:
            stop = end
        if stop < 0:
            return False
        value = text[begin - 1 : stop]
        if 0 <= dialect.max_chars < len(value):
            return False
        if dialect.trim_right:
            value = _trimmed(value)
            # The parser looks for the end of the value further and further back.
            if not value and not _trimmed(text[:stop]):
                raise RecordError("The text begins with a blank value, which cannot be trimmed")
        self.position = stop
        self._ch = self._next()
        self._add(value or dialect.null_value)
        return True

    def _plain_quoted(self) -> bool:
        """Take a quoted cell without escapes that ends before a separator or line feed."""
        dialect, text, begin = self._dialect, self._text, self.position
        if begin >= len(text):
            return False
        stop = text.find(dialect.quote, begin)
        if stop < 0 or stop + 1 >= len(text):
            return False
        if text[stop - 1] == dialect.escape or text[stop + 1] not in (self._sep, self._feed):
            return False
        value = text[begin:stop]
        if dialect.escape in value and any(
            value[at + 1 : at + 2] == dialect.escape_escape or at + 1 == len(value)
            for at, ch in enumerate(value)
            if ch == dialect.escape
        ):
            return False
        if self._normalizes and self._end1 + self._end2 in value:
            return False
        if 0 <= dialect.max_chars < len(value):
            return False
        self.position = stop + 1
        self._add(value or dialect.empty_value)
        return True

    def _behind_plain_quoted(self) -> bool:
        """Read on behind such a cell; return whether the record goes on."""
        try:
            self._ch = self._next()
            if self._ch == self._sep:
                try:
                    self._ch = self._next()
                    if self._ch == self._feed:
                        self._add(self._dialect.null_value)
                except _End:
                    self._add(self._dialect.null_value)
                    return False
        except _End:
            return False
        return True

    def _collect_to_sep(self) -> None:
        """Collect up to a separator or line feed, quotes and all."""
        while self._ch not in (self._sep, self._feed):
            self._push(self._ch)
            self._push_up_to(self._ends)
            self._ch = self._next()

    def _collect_to_mark(self) -> None:
        """Collect up to a quote or an escape."""
        dialect = self._dialect
        marks = (dialect.quote, dialect.escape, dialect.escape_escape)
        while self._ch not in marks:
            self._push(self._ch)
            self._push_up_to(self._marks)
            self._ch = self._next()

    def _push_up_to(self, stops: re.Pattern[str]) -> None:
        """Collect what comes before the next of some characters, which are read one by one."""
        found = stops.search(self._text, self.position)
        stop = found.start() if found else len(self._text)
        if stop > self.position:
            self._push(self._text[self.position : stop])
            self.position = stop

    # Quoted cells

    def _quoted(self) -> None:
        """Collect a quoted cell, of whose text `_prev` is the last character read."""
        dialect = self._dialect
        quote, escape, sep = dialect.quote, dialect.escape, self._sep
        must_end = False  # whether a separator or line feed must follow
        while True:
            if self._prev != NUL and self._until_sep:
                self._rest_of_unescaped()
                break
            self._ch = self._next()
            again = False
            while True:
                ch = self._ch
                if self._prev == quote and (ch <= " " or ch == sep or ch == self._feed):
                    break
                if ch not in (quote, escape):
                    if self._prev == quote:
                        again = self._unescaped_quote()
                        if not again:
                            self._check_end(must_end)
                            return
                        break
                    if self._prev == escape != NUL:
                        self._push(escape)
                    self._collect_to_mark()
                    self._prev = self._ch
                    self._ch = self._next()
                else:
                    self._escaped()
                    self._prev = self._ch
                    self._ch = self._next()
                    if self._unescaped and self._ch in (sep, self._feed):
                        self._check_end(must_end)
                        return
            if again:
                continue
            if self._ch not in (sep, self._feed) and self._ch <= " ":
                blanks = [self._ch]
                while True:
                    self._ch = self._next()
                    if self._ch == self._feed:
                        self._check_end(must_end)
                        return
                    if self._ch > " " or self._ch == sep:
                        break
                    blanks.append(self._ch)
                must_end = True
                if self._ch != sep and dialect.unescaped != "raise_error":
                    self._push(quote)
                    self._push("".join(blanks))
                    if self._until_sep or self._ch not in (quote, escape):
                        self._push(self._ch)
                    self._prev = self._ch
                    continue
            must_end = True
            break
        self._check_end(must_end)

    def _check_end(self, must_end: bool) -> None:
        if must_end and self._ch not in (self._sep, self._feed):
            raise RecordError(f"The character {self._ch!r} follows a quoted value")

    def _rest_of_unescaped(self, *, in_multi: bool = False) -> None:
        """Collect what follows an unescaped quote up to the separator; or drop the value."""
        if self._dialect.unescaped == "skip_value":
            self._skip_value()
            return
        rest = "".join(self._value)
        self._value.clear()
        self._push(self._dialect.quote + rest)
        self._ch = self._next()
        self._trim = self._dialect.trim_right
        if in_multi:
            self._collect_to_multi()
        else:
            self._collect_to_sep()

    def _skip_value(self) -> None:
        self._value.clear()
        self._skips = True
        if self._single:
            while self._ch not in (self._sep, self._feed):
                self._ch = self._next()
            return
        sep = self._dialect.sep
        while self._match < len(sep) and self._ch != self._feed:
            self._match = self._match + 1 if sep[self._match] == self._ch else 0
            self._ch = self._next()

    def _unescaped_quote(self) -> bool:
        """Handle a character behind a quote that closed nothing; whether the cell goes on."""
        self._unescaped = True
        handling = self._dialect.unescaped
        if handling == "back_to_delimiter":
            self._go_back()
            self._push(self._ch)
            self._prev = NUL
            return True
        if handling in ("stop_at_closing_quote", "stop_at_delimiter"):
            self._push(self._dialect.quote)
            self._push(self._ch)
            self._prev = self._ch
            return True
        if handling == "skip_value":
            self._skip_value()
            return False
        raise RecordError("A quoted value holds a quote that is not escaped")

    def _go_back(self) -> None:
        """Cut what was collected at its separators: the quote before it was no opening one."""
        collected = "".join(self._value)
        while True:
            marks = (self._dialect.sep, self._feed)
            ends = [(at, mark) for mark in marks if (at := collected.find(mark)) >= 0]
            if not ends:
                break
            at, mark = min(ends)
            self._add(collected[:at])
            if mark == self._feed:
                self._pending.append(self._cells)
                self._cells = []
            collected = collected[at + len(mark) :]
        self._value[:] = [collected] if collected else []

    def _escaped(self) -> None:
        """Handle a quote or an escape in a quoted cell."""
        dialect, ch, prev = self._dialect, self._ch, self._prev
        if ch == dialect.escape and prev == dialect.escape_escape != NUL:
            self._push(dialect.escape)
            self._ch = NUL
        elif prev == dialect.escape:
            if ch == dialect.quote:
                self._push(dialect.quote)
                self._ch = NUL
            else:
                self._push(prev)
        elif ch == dialect.quote == prev:
            self._push(dialect.quote)
        elif prev == dialect.quote:
            self._unescaped_quote_in_value()

    def _unescaped_quote_in_value(self) -> None:
        handling = self._dialect.unescaped
        if handling == "skip_value":
            self._skip_value()
        elif handling == "raise_error":
            raise RecordError("A value holds a quote that is not escaped")
        else:
            self._push(self._dialect.quote)
            self._prev = self._ch
            self._escaped_to_sep()

    def _escaped_to_sep(self) -> None:
        while self._ch not in (self._sep, self._feed):
            if self._ch not in (self._dialect.quote, self._dialect.escape):
                if self._prev == self._dialect.quote:
                    self._unescaped_quote_in_value()
                    return
                self._push(self._ch)
            else:
                self._escaped()
            self._prev = self._ch
            self._ch = self._next()

    # Separators of several characters

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

    def _record_of_multi(self) -> None:
        dialect = self._dialect
        if self._ch <= " " and dialect.trim_left:
            self._skip_blanks_of_multi()
        while self._ch != self._feed:
            if self._ch <= " " and dialect.trim_left:
                self._skip_blanks_of_multi()
            if self._ch == self._feed or self._matches():
                self._add(dialect.null_value)
            else:
                self._unescaped = False
                self._prev = NUL
                if self._ch == dialect.quote and not any(self._value):
                    self._normalizes = self._normalizes_in_quotes
                    self._trim = False
                    self._quoted_of_multi()
                    self._normalizes = True
                    if not self._went_back():
                        self._take()
                else:
                    self._collect_to_multi()
                    if dialect.trim_right:
                        self._value[:] = [_trimmed("".join(self._value))]
                    self._take()
            if self._ch != self._feed:
                self._ch = self._next()
                if self._ch == self._feed:
                    self._add(dialect.null_value)

    def _skip_blanks_of_multi(self) -> None:
        sep = self._dialect.sep
        while self._ch <= " " and self._ch not in (self._feed, self._dialect.quote):
            self._ch = self._next()
            if sep[self._match] == self._ch and self._matches():
                self._add(self._dialect.null_value)
                self._ch = self._next()
        self._save_match()

    def _collect_to_multi(self) -> None:
        sep = self._dialect.sep
        while self._match < len(sep) and self._ch != self._feed:
            if sep[self._match] == self._ch:
                self._match += 1
                if self._match == len(sep):
                    break
            elif self._match:
                self._save_match()
                continue
            else:
                self._push(self._ch)
            self._ch = self._next()
        self._save_match()

    def _quoted_of_multi(self) -> None:
        dialect = self._dialect
        quote, escape = dialect.quote, dialect.escape
        if self._prev != NUL and self._until_sep:
            self._rest_of_unescaped(in_multi=True)
            return
        self._ch = self._next()
        while True:
            if self._prev == quote and (self._ch <= " " or self._ch == self._feed):
                break
            if self._prev == quote and self._matches():
                return
            if self._ch not in (quote, escape):
                if self._prev == quote:
                    if self._unescaped_quote():
                        self._quoted_of_multi()
                    return
                if self._prev == escape != NUL:
                    self._push(escape)
                self._collect_to_mark()
                self._prev = self._ch
                self._ch = self._next()
            else:
                self._escaped()
                self._prev = self._ch
                self._ch = self._next()
                if self._unescaped and (self._ch == self._feed or self._matches()):
                    return
        if self._ch == self._feed or self._ch > " " or self._matches(saves=False):
            return
        blanks: list[str] = []
        while True:
            blanks.append(self._ch)
            self._ch = self._next()
            if self._ch == self._feed or self._matches(saves=False):
                return
            if self._ch > " ":
                break
        if dialect.unescaped != "raise_error" and not self._matches(saves=False):
            self._push(quote)
            self._push("".join(blanks))
            if self._until_sep or self._ch not in (quote, escape):
                self._push(self._ch)
            self._prev = self._ch
            self._quoted()


def _any_of(*characters: str) -> re.Pattern[str]:
    return re.compile("[" + "".join(map(re.escape, sorted({*characters} - {""}))) + "]")


def _trimmed(value: str) -> str:
    """Return a value without its last characters up to the space, as Java counts white space."""
    end = len(value)
    while end and value[end - 1] <= " ":
        end -= 1
    return value[:end]
