"""Cuts lines whose quotes are in usual places by few calls into C: the same cells as the parser's.

A line is split at its quotes: every other part was quoted. What is left of the line, with one
character in place of each quoted part, is split at its separators. Cells that Spark's parser does
not end where their quotes do are found by regular expressions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sftp_async.formats.csv.lines import BLANKS
from sftp_async.formats.csv.read_dialect import NUL

if TYPE_CHECKING:
    from sftp_async.formats.csv.parser_state import Cells
    from sftp_async.formats.csv.read_dialect import ReadDialect

#: Stand for a quoted part and for an escaped quote: characters that are none, by Unicode.
_PART, _QUOTE = "\ufdd0", "\ufdd1"


class QuickLines:
    """Cuts lines; None stands for a line that the parser must cut.

    Args:
        dialect: one for which `suits` is true.

    """

    def __init__(self, dialect: ReadDialect) -> None:
        self._sep, self._quote, self._escape = dialect.sep, dialect.quote, dialect.escape
        self._null, self._empty = dialect.null_value, dialect.empty_value
        self._trims = dialect.trim_left
        self._trims_right = dialect.trim_right
        before = dialect.escape_escape
        #: Characters that make a line with quotes one for the parser.
        self._odd = [_PART, _QUOTE]
        if before == NUL or before not in (dialect.escape, dialect.quote):
            self._odd.append(before)
        if self._escape not in (self._quote, before):
            self._odd.append(self._escape)
        sep, quote = re.escape(dialect.sep), re.escape(dialect.quote)
        plain = f"(?:{quote}[^{quote}]*{quote}|[^{quote}{sep}]*)"
        #: The cells at the start of a line that end with their quotes, with a separator each.
        self._plain = re.compile(f"(?>{plain}{sep})*+")
        self._doubling = re.compile(f"{quote}[^{quote}]*(?:{quote}{quote}[^{quote}]*)*{quote}")
        self._fields = None
        # Spark leaves half of a line end in such a cell, if it keeps the line ends in quotes.
        keeps_half = dialect.multi_line and dialect.line_sep == "\r\n"
        stops = dialect.unescaped == "stop_at_delimiter"
        if stops and self._escape != self._quote and not keeps_half:
            self._fields = _Fields(dialect)

    @staticmethod
    def suits(dialect: ReadDialect) -> bool:
        """Whether lines of a dialect can be cut here."""
        marks = {dialect.quote, dialect.escape}
        return (
            len(dialect.sep) == 1
            and NUL not in marks
            and dialect.sep not in marks
            and dialect.max_chars < 0
            and dialect.line_sep in (None, "\n", "\r\n")
            # The parser fails at some blank cells if white space stays before others.
            and (dialect.trim_left or not dialect.trim_right)
        )

    def cells(self, line: str) -> Cells | None:
        """Return the cells of a line that is not blank; None if the parser must find out."""
        if self._trims and line[:1] <= " " and not line.strip(BLANKS):
            return None
        if self._quote not in line:
            return self._filled(line, [])
        for mark in self._odd:
            if mark in line:
                return None
        if self._escape == self._quote:
            return self._with_doubled(line)
        if self._escape in line:
            return self._with_escaped(line)
        found = None
        # Doubled quotes are empty cells, or are not escaped.
        if self._quote * 2 not in line or self._fields is None or self._trims:
            found = self._parted(line)
        if found is None and self._fields is not None and not self._trims:
            return self._with_unescaped(line, self._fields)
        return found

    def _with_doubled(self, line: str) -> Cells | None:
        quote = self._quote
        if quote * 2 not in line:
            return self._parted(line)
        start = _end_of(self._plain, line)
        rest = line[start:]
        outside = self._doubling.sub(_PART, rest)
        if quote in outside:
            return None
        quoted: list[str] = self._doubling.findall(rest)
        parts = [part[1:-1].replace(quote * 2, quote) for part in quoted]
        return self._joined(line, start, self._filled(outside, parts))

    def _with_escaped(self, line: str) -> Cells | None:
        quote, escape = self._quote, self._escape
        if escape * 2 in line:
            return None
        parts = line.replace(escape + quote, _QUOTE).split(quote)
        outside = _PART.join(parts[::2])
        # An escape outside of quotes is text.
        if not len(parts) % 2 or _QUOTE in outside:
            return None
        return self._filled(outside, [part.replace(_QUOTE, quote) for part in parts[1::2]])

    def _parted(self, line: str) -> Cells | None:
        """Return the cells of a line in which every other quote opens, and the others close."""
        parts = line.split(self._quote)
        return self._filled(_PART.join(parts[::2]), parts[1::2]) if len(parts) % 2 else None

    def _with_unescaped(self, line: str, fields: _Fields) -> Cells | None:
        start = _end_of(self._plain, line)
        return self._joined(line, start, fields.cells(line, start))

    def _joined(self, line: str, start: int, others: Cells | None) -> Cells | None:
        """Return the plain cells that come before an index, and the others behind it."""
        if others is None or not start:
            return others
        plain = self._parted(line[: start - 1])
        return None if plain is None else plain + others

    def _filled(self, outside: str, quoted: list[str]) -> Cells | None:
        """Return the cells of a line, of which quoted parts are apart."""
        cells: list[str] = outside.split(self._sep)
        if self._trims_right:
            cells = [cell.strip(BLANKS) for cell in cells]
        elif self._trims:
            cells = [cell.lstrip(BLANKS) for cell in cells]
        if not quoted:
            return [cell or self._null for cell in cells] if self._null else list(cells)
        if cells.count(_PART) != len(quoted):
            return None
        if len(cells) == len(quoted):
            return [part or self._empty for part in quoted] if self._empty else list(quoted)
        following = iter(quoted).__next__
        if self._null == self._empty == "":
            return [following() if cell == _PART else cell for cell in cells]
        return [
            (following() or self._empty) if cell == _PART else cell or self._null for cell in cells
        ]


class _Fields:
    """Cuts lines that have no escapes, but quotes that are not escaped in quoted cells.

    A quoted cell ends at its quotes if nothing but white space is between them and the separator;
    several quotes there stand for one less. Any other cell that begins with a quote is text up to
    the next separator, with its quotes: `stop_at_delimiter`.

    To one kind of the latter the parser adds a quote if it is the last of its line.
    """

    def __init__(self, dialect: ReadDialect) -> None:
        sep, quote = re.escape(dialect.sep), re.escape(dialect.quote)
        self._null, self._empty = dialect.null_value, dialect.empty_value
        blanks = "[" + re.escape(BLANKS.replace(dialect.sep, "")) + "]*"
        inside, bare = f"[^{quote}]*", f"[^{quote}{sep}][^{sep}]*"
        self._whole = re.compile(
            f"(?>(?:{quote}{inside}{quote}[^{sep}]*|{bare}|){sep})*+"
            f"(?:{quote}{inside}{quote}[^{sep}]*|{bare}|)",
            re.DOTALL,
        )
        #: A cell to which the parser adds a quote, at the end of a line.
        self._odd_last = re.compile(f"{quote}{inside}{quote}+{blanks[:-1]}+[^{sep}]{quote}")
        self._fields = re.compile(
            f"(?:({quote})({inside}){quote}({quote}*){blanks}(?={sep}|\\Z)"
            f"|({quote}{inside}{quote}[^{sep}]*|{bare}|))({sep}|\\Z)",
            re.DOTALL,
        )

    def cells(self, line: str, start: int) -> Cells | None:
        """Return the cells from an index on; None if a quote is not closed."""
        if self._whole.fullmatch(line, start) is None:
            return None
        cells: Cells = []
        text = ""
        for opening, inside, quotes, text, end in self._fields.findall(line, start):
            cells.append(inside + quotes or self._empty if opening else text or self._null)
            if not end:
                break
        return None if self._odd_last.match(text) else cells


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0
