"""Reads quoted values as uniVocity's CsvParser does: escapes, and quotes that are not escaped."""

from __future__ import annotations

from sftp_async.formats.csv.parser_state import ParserState, RecordError
from sftp_async.formats.csv.read_dialect import NUL


class QuotedValues(ParserState):
    """Collects values; each method begins at the character in `_ch`."""

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
