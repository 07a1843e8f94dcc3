"""Workbooks by other writers, of other formats than `.xlsx`, have the rows that they were given.

The files in `files` have one sheet, `Orders`, with the rows below. xlwt 1.3.0 made `orders.xls`,
with formats `yyyy-mm-dd` and `yyyy-mm-dd hh:mm:ss` for times: `sheet.write(row, column, value)`.
pyxlsbwriter 0.1.0 made `orders.xlsb`: `XlsbWriter.write_sheet(rows)`. LibreOffice 7.4 made the
others of a workbook that this package had written: `soffice --convert-to ods orders.xlsx`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from tests.support.readable import MemoryFile, decode_file, read_options

pytestmark = pytest.mark.one_python

FILES = Path(__file__).parent / "files"
SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "name": pa.string(),
        "price": pa.float64(),
        "day": pa.date32(),
        "at": pa.timestamp("us"),
        "paid": pa.bool_(),
    }
)
ROWS = [
    (1, "pen", 2.5, dt.date(2026, 11, 23), dt.datetime(2026, 11, 23, 8, 30), True),
    (2, "Füller €", -0.125, dt.date(1999, 12, 31), dt.datetime(2000, 1, 1, 0, 0, 1), False),
    (None,) * 6,
    (3_000_000_000, "=1+1", 1e300, None, dt.datetime(2026, 1, 2, 23, 59, 59), None),
]


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_rows_and_columns_are_those_that_were_written(path: Path) -> None:
    file = MemoryFile(f"/in/{path.name}", path.read_bytes())
    options = read_options(format="excel", sheet="Orders")
    columns = len(SCHEMA)
    if path.suffix == ".ods":
        columns -= 1  # LibreOffice made numbers of the booleans, with a formula that shows them
    found = open_read_format(options, None).infer_schema([file])
    assert [*found][:columns] == [*SCHEMA][:columns]
    rows = decode_file(file, options, pa.schema([*SCHEMA][:columns])).to_pylist()
    assert [tuple(row.values()) for row in rows] == [row[:columns] for row in ROWS]
    part = read_options(format="excel", range="B2:C3", header=False)
    kinds = pa.schema({"a": pa.string(), "b": pa.float64()})
    assert decode_file(file, part, kinds).to_pylist() == [
        {"a": row[1], "b": row[2]} for row in ROWS[:2]
    ]


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_a_truncated_file_is_an_error_that_names_it(path: Path) -> None:
    data = path.read_bytes()
    file = MemoryFile(f"/in/{path.name}", data[: len(data) // 3])
    with pytest.raises(DecodeError, match=rf"no workbook .*/in/{path.name}"):
        decode_file(file, read_options(format="excel"), SCHEMA)
