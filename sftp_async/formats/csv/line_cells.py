"""Cuts lines into cells: at their separators where that is enough, else with the exact parser."""

from __future__ import annotations

import re
from itertools import starmap
from typing import TYPE_CHECKING

from sftp_async.formats.csv.read_dialect import NUL
from sftp_async.formats.csv.record_parser import RecordError, RecordParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.csv.read_dialect import ReadDialect
    from sftp_async.formats.csv.record_parser import Cells

#: What Java's String.trim removes, and the parser takes for white space.
BLANKS = "".join(map(chr, range(33)))


class LineCells:
    """Cuts the lines of one range of a file, in order.

    Args:
        dialect: separators and quotes.

    """

    def __init__(self, dialect: ReadDialect) -> None:
        self._dialect = dialect
        self._parser = RecordParser(dialect, dialect.line_sep or "\n")
        self._splits = dialect.splits_plainly and dialect.line_sep in (None, "\n", "\r\n")
        self._quoted = _quoted_fields(dialect) if self._splits else None

    @property
    def splits(self) -> bool:
        """Whether lines without quotes are cut at their separators alone."""
        return self._splits

    def of(self, line: str) -> Cells | None:
        """Return the cells of a line; None if it has none.

        Raises:
            RecordError: Spark fails at the line, in every mode.

        """
        dialect = self._dialect
        if self._splits:
            if dialect.quote not in line:
                return self.of_unquoted(line)
            if self._quoted is not None and (cells := self._quoted(line)) is not None:
                return self._checked(cells)
            return self._behind_plain(line)
        return self._parser.line(line)

    def _behind_plain(self, line: str) -> Cells | None:
        """Return the cells of a line of which the parser sees only what begins with a quote."""
        sep = self._dialect.sep
        start = line.rfind(sep, 0, line.find(self._dialect.quote)) + 1
        comment = self._dialect.comment
        # A longer separator may be cut in another way from the right.
        if len(sep) > 1 or not start or (comment and line.startswith(comment, start)):
            return self._parser.line(line)
        # A cell is read alike wherever it is in its line.
        rest = self._parser.line(line[start:])
        return self._checked(self.of_unquoted(line[: start - 1]) + (rest or []))

    def quick(self, line: str) -> Cells | None:
        """Return the cells of a line whose quotes, if any, all have their place; else None."""
        if not self._splits:
            return None
        if self._dialect.quote not in line:
            if line.count(self._dialect.sep) >= self._dialect.max_columns:
                return None
            return self.of_unquoted(line)
        cells: Cells | None = None
        if self._quoted is not None:
            cells = self._quoted(line)
        return None if cells is None or len(cells) > self._dialect.max_columns else cells

    def of_unquoted(self, line: str) -> Cells:
        """Return the cells of a line without quotes, if `splits`."""
        cells: Cells = list(line.split(self._dialect.sep))
        if len(cells) > self._dialect.max_columns:
            return self._checked(cells)
        if self._dialect.null_value and "" in cells:
            return [cell or self._dialect.null_value for cell in cells]
        return cells

    def _checked(self, cells: Cells) -> Cells:
        if len(cells) > self._dialect.max_columns:
            raise RecordError(
                f"The record has more than max_columns={self._dialect.max_columns} values"
            )
        return cells


def _quoted_fields(dialect: ReadDialect) -> Callable[[str], Cells | None] | None:
    """Return what cuts lines in which each quote has its place; None for other lines."""
    sep, quote, escape = map(re.escape, (dialect.sep, dialect.quote, dialect.escape))
    if len(dialect.sep) > 1 or NUL in (dialect.quote, dialect.escape):
        return None
    if dialect.sep in (dialect.quote, dialect.escape):
        return None
    if dialect.escape == dialect.quote:
        inside = f"[^{quote}]*(?:{quote}{quote}[^{quote}]*)*"
        escaped = re.compile(quote + quote)
    elif dialect.escape == dialect.escape_escape:
        inside = f"[^{quote}{escape}]*(?:{escape}.[^{quote}{escape}]*)*"
        escaped = re.compile(f"{escape}([{quote}{escape}])")
    else:
        return None
    mark, null, empty = dialect.quote, dialect.null_value, dialect.empty_value
    replacement = mark if dialect.escape == mark else r"\1"
    field = f"(?:{quote}{inside}{quote}|[^{quote}{sep}][^{sep}]*|)"
    whole = re.compile(f"{field}(?:{sep}{field})*", re.DOTALL)
    fields = re.compile(f"(?:{quote}({inside}){quote}|([^{sep}]*))(?:{sep}|$)", re.DOTALL)

    def value(quoted: str, bare: str) -> str:
        if bare:
            return bare
        if dialect.escape in quoted:
            return escaped.sub(replacement, quoted)
        return quoted

    def cells(line: str) -> Cells | None:
        # The parser drops a NUL in quotes if it stands for an escape that is not set.
        if (NUL in line and dialect.escape_escape == NUL) or whole.fullmatch(line) is None:
            return None
        found = fields.findall(line)
        # At the end of the line the pattern finds an empty field more than there is.
        if line[-1] != dialect.sep:
            found.pop()
        if null == empty == "":
            return list(starmap(value, found))
        return [
            value(quoted, bare) or (empty if line_field else null)
            for (quoted, bare), line_field in zip(found, _are_quoted(line), strict=True)
        ]

    begins = re.compile(f"(?:({quote}){inside}{quote}|[^{sep}]*)(?:{sep}|$)", re.DOTALL)

    def _are_quoted(line: str) -> list[str]:
        marks = begins.findall(line)
        return marks if line[-1] == dialect.sep else marks[:-1]

    return cells
