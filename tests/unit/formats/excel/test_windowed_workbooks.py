"""Any workbook of XlsxWriter's or openpyxl's has the same rows in windows and as a whole."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats import open_read_format
from tests.support.excel_windows import blocks, no_windows, shown, small_windows
from tests.support.readable import MemoryFile, decode_file, read_options

pytestmark = pytest.mark.one_python

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
    st.sampled_from(["</row>", '<row r="5">', "</sheetData>", "sheetData", " a ", "x\ny", "#N/A"]),
)
CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    TEXTS,
    st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)).map(
        lambda time: time.replace(microsecond=0)
    ),
    st.dates(dt.date(1900, 3, 1)),
    st.just("=1+1"),
)
#: How many rows are blank above a row, and its cells by their columns.
Lines = list[tuple[int, dict[int, Any]]]
LINES = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 9]), st.dictionaries(st.integers(0, 5), CELLS)),
    min_size=1,
    max_size=40,
)
HEADERS = st.lists(st.sampled_from(["a", "b", "A", "", "day", "_c2"]), max_size=6)
AREAS = st.none() | st.sampled_from(["A1:C", "B2:D20", "B3", "A:F", "C9:ZZ30", "2:12"])


def placed(
    header: list[str], lines: list[tuple[int, dict[int, Any]]]
) -> list[tuple[int, int, Any]]:
    """Return row, column and value of each cell."""
    found = [(0, column, name) for column, name in enumerate(header) if name]
    row = 0
    for gap, cells in lines:
        row += 1 + gap
        found += [(row, column, value) for column, value in cells.items()]
    return found


def by_xlsxwriter(cells: list[tuple[int, int, Any]], constant_memory: bool) -> bytes:
    data = io.BytesIO()
    options = {"constant_memory": constant_memory, "strings_to_urls": False}
    with xlsxwriter.Workbook(data, options) as made:
        sheet = made.add_worksheet()
        day = made.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for row, column, value in cells:
            if value == "=1+1":
                sheet.write_formula(row, column, value, None, 2)
            elif isinstance(value, str):
                sheet.write_string(row, column, value)
            elif isinstance(value, dt.date):
                sheet.write_datetime(row, column, value, day)
            else:
                sheet.write(row, column, value)
    return data.getvalue()


def by_openpyxl(cells: list[tuple[int, int, Any]]) -> bytes:
    made = openpyxl.Workbook()
    for row, column, value in cells:
        made.active.cell(row + 1, column + 1, value)
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def read(data: bytes, **options: Any) -> tuple[pa.Schema | None, Any]:
    """Return columns and rows, or the error."""
    reading = read_options(format="excel", **options)
    file = MemoryFile("/in/a.xlsx", data)
    try:
        schema = open_read_format(reading, None).infer_schema([file])
        return schema, decode_file(file, reading, schema)
    except SFTPAsyncError as error:
        return None, str(error)


@settings(deadline=None, max_examples=40)
@given(
    HEADERS,
    LINES,
    st.sampled_from(["shared", "inline", "openpyxl"]),
    AREAS,
    st.booleans(),
    st.sampled_from([100, 400, 1500]),
)
def test_rows_columns_and_errors_are_the_same(
    header: list[str],
    lines: Lines,
    writer: str,
    area: str | None,
    has_header: bool,
    size: int,
) -> None:
    cells = placed(header, lines)
    data = by_openpyxl(cells) if writer == "openpyxl" else by_xlsxwriter(cells, writer == "inline")
    options = {"header": has_header} | ({"range": area} if area else {})
    with no_windows():
        whole, columns, _ = blocks(data, area)
        table = read(data, **options)
    with small_windows(size, piece=200):
        found, used, windows = blocks(data, area)
        assert read(data, **options) == table
    assert (shown(found), used) == (shown(whole), columns)
    assert windows > 0 or columns == (0, 0)
