"""Cuts text into records and cells exactly as uniVocity's CsvParser does, which Spark uses."""

from __future__ import annotations

from sftp_async.formats.csv.parser_state import Cells, End, RecordError, trimmed
from sftp_async.formats.csv.quoted_values import QuotedValues
from sftp_async.formats.csv.read_dialect import NUL

__all__ = ["Cells", "RecordError", "RecordParser"]


class RecordParser(QuotedValues):
    """Reads records one by one."""

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

    @property
    def has_pending(self) -> bool:
        """Whether records that were found in a quoted value are still to come."""
        return bool(self._pending)

    def pass_line(self) -> None:
        """Go on behind a record that ended with a line and was not read here.

        Its last cell that is not empty was quoted without escapes, or not quoted.
        """
        self._ch, self._prev = self._feed, NUL

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
        except End:
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
        except End:
            row = self._at_end()
            self.ended = not self._pending
            return row

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
                        self._normalizes = True
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

    def _skip_blanks(self) -> None:
        while self._ch <= " " and self._ch not in (self._sep, self._feed, self._dialect.quote):
            self._ch = self._next()

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
            value = trimmed(value)
            # The parser looks for the end of the value further and further back.
            if not value and not trimmed(text[:stop]):
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
                except End:
                    self._add(self._dialect.null_value)
                    return False
        except End:
            return False
        return True

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
                        self._value[:] = [trimmed("".join(self._value))]
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
