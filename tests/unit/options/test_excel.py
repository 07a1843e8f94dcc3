"""Ranges of cells, and the options of Excel files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from sftp_async.errors import OptionsError
from sftp_async.options import FormatOptions
from sftp_async.options.excel import (
    MAX_COLUMNS,
    CellRange,
    cell_name,
    column_number,
    goes_by_name,
    sheet_has_header,
)

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("B2:F", CellRange(1, 1, None, 5)),
        ("b2:f100", CellRange(1, 1, 99, 5)),
        ("$B$2:$F$100", CellRange(1, 1, 99, 5)),
        ("B2", CellRange(1, 1)),
        ("B:F", CellRange(0, 1, None, 5)),
        ("3:10", CellRange(2, 0, 9, None)),
        ("A1:XFD1048576", CellRange(0, 0, 1_048_575, 16_383)),
    ],
)
def test_a_range_is_read_as_excel_writes_it(text: str, found: CellRange) -> None:
    assert CellRange.parse(text) == found
    assert CellRange.parse(str(FormatOptions(range=text).range)) == found


@pytest.mark.parametrize(
    "text", ["", ":", "B2:", "F2:B3", "B3:F2", "A0", "XFE1", "A1048577", "Sheet1!A1", "A1:B2:C3"]
)
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        CellRange.parse(text)
    if text:
        with pytest.raises(OptionsError, match=r"range .*give cells such as B2:F100"):
            FormatOptions(range=text)


@given(st.integers(0, MAX_COLUMNS - 1))
def test_columns_have_the_letters_of_excel(number: int) -> None:
    name = cell_name(16, number)
    assert name == f"{get_column_letter(number + 1)}17"
    assert column_number(name.removesuffix("17")) == number


def test_a_sheet_has_a_header_unless_the_option_says_no() -> None:
    assert sheet_has_header(FormatOptions(format="excel"))
    assert sheet_has_header(FormatOptions(format="excel", header=True))
    assert not sheet_has_header(FormatOptions(format="excel", header=False))


def test_columns_go_by_the_header_unless_places_are_asked_for() -> None:
    assert goes_by_name(FormatOptions(format="excel"))
    assert not goes_by_name(FormatOptions(format="excel", header=False))
    assert not goes_by_name(FormatOptions(format="excel", match_columns="position"))
