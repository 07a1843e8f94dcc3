"""Cuts lines into cells: at their separators where that is enough, else with the exact parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.formats.csv.quick_lines import QuickLines
from sftp_async.formats.csv.record_parser import RecordError, RecordParser

if TYPE_CHECKING:
    from sftp_async.formats.csv.read_dialect import ReadDialect
    from sftp_async.formats.csv.record_parser import Cells


class LineCells:
    """Cuts the lines of one range of a file, in order.

    Args:
        dialect: separators and quotes.

    """

    def __init__(self, dialect: ReadDialect) -> None:
        self._dialect = dialect
        self._parser = RecordParser(dialect, dialect.line_sep or "\n")
        self._splits = dialect.splits_plainly and dialect.line_sep in (None, "\n", "\r\n")
        self._quick = QuickLines(dialect) if QuickLines.suits(dialect) else None

    @property
    def splits(self) -> bool:
        """Whether lines without quotes are cut at their separators alone."""
        return self._splits

    def of(self, line: str) -> Cells | None:
        """Return the cells of a line; None if it has none.

        Raises:
            RecordError: Spark fails at the line, in every mode.

        """
        if self._quick is not None and (cells := self._quick.cells(line)) is not None:
            return self._checked(cells)
        if self._splits:
            if self._dialect.quote not in line:
                return self.of_unquoted(line)
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
        if self._quick is not None:
            cells = self._quick.cells(line)
            return None if cells is None or len(cells) > self._dialect.max_columns else cells
        if not self._splits or self._dialect.quote in line:
            return None
        few = line.count(self._dialect.sep) < self._dialect.max_columns
        return self.of_unquoted(line) if few else None

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
