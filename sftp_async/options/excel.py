"""Defines the options of Excel files: the sheet, and the range of cells that is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import FieldType, OptionalText

if TYPE_CHECKING:
    from sftp_async.options.formats import FormatOptions

#: Rows and columns of a sheet
#: (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3).
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384

_CORNER: Final = re.compile(r"\$?(?P<column>[A-Z]{1,3})?\$?(?P<row>[1-9][0-9]{0,6})?", re.ASCII)


def column_letters(number: int) -> str:
    """Return the letters of a column, from 0: `A`, `B`, …, `AA`."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number of a column, from 0; `letters` are capitals."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell, such as `C17`, by its row and column, both from 0."""
    return f"{column_letters(column)}{row + 1}"


@dataclass(frozen=True)
class CellRange:
    """A rectangle of cells, numbered from 0, whose last row and column belong to it.

    Attributes:
        first_row: row of the first cell.
        first_column: column of the first cell.
        last_row: None: the last one that has a value.
        last_column: None: the last one that has a value.

    """

    first_row: int = 0
    first_column: int = 0
    last_row: int | None = None
    last_column: int | None = None

    @classmethod
    def parse(cls, text: str) -> CellRange:
        """Parse `B2:F100`, `B2:F`, `B2`, `B:F` or `2:100`, with `$` or without, in any case.

        Raises:
            ValueError: it is none of these, or has its ends in the wrong order.

        """
        start, colon, end = text.strip().upper().partition(":")
        row, column = _corner(start)
        last_row, last_column = _corner(end) if colon else (None, None)
        if row is None and column is None:
            raise ValueError("names no cell")
        found = cls(row or 0, column or 0, last_row, last_column)
        if colon and last_row is None and last_column is None:
            raise ValueError("has no end")
        if last_row is not None and last_row < found.first_row:
            raise ValueError("ends before its first row")
        if last_column is not None and last_column < found.first_column:
            raise ValueError("ends before its first column")
        return found


def _corner(text: str) -> tuple[int | None, int | None]:
    match = _CORNER.fullmatch(text)
    if match is None:
        raise ValueError("names no cell")
    row = int(match["row"]) - 1 if match["row"] else None
    column = column_number(match["column"]) if match["column"] else None
    if (row or 0) >= MAX_ROWS or (column or 0) >= MAX_COLUMNS:
        raise ValueError(
            f"is beyond the last cell of a sheet, {cell_name(MAX_ROWS - 1, MAX_COLUMNS - 1)}"
        )
    return row, column


def _parse_range(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    try:
        CellRange.parse(value)
    except ValueError as error:
        raise ValueError(
            f"{error}: give cells such as B2:F100, B2:F for all rows below, or B2"
        ) from error
    return value.strip().upper().replace("$", "")


def sheet_has_header(options: FormatOptions) -> bool:
    """Whether the first row of a sheet has the names of the columns: unless `header` is false."""
    return options.header or "header" not in options.model_fields_set


def goes_by_name(options: FormatOptions) -> bool:
    """Whether the columns of a sheet are found by its header: unless the user asks for places."""
    by_place = "match_columns" in options.model_fields_set and options.match_columns == "position"
    return sheet_has_header(options) and not by_place


class ExcelOptions(OptionsModel):
    """Which part of an Excel file is read, and how its sheet is called."""

    sheet: OptionalText = Field(
        None,
        description="Excel: name of the sheet. If not set, a write calls it `Sheet1`, and a read "
        "takes the first one.",
        examples=["Orders"],
    )
    range: Annotated[str | None, BeforeValidator(_parse_range), FieldType("cells")] = Field(
        None,
        description="Excel: the cells to read, the header included: `B2:F100`, `B2:F` for all rows "
        "below, `B2`, or `B:F`. If not set, a read takes the sheet from `A1` on.",
        examples=["B2:F"],
    )
