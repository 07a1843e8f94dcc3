"""What is read of workbooks that openpyxl wrote, and of those that are damaged or too large."""

from __future__ import annotations

import datetime as dt
import io
import json
import struct
import sys
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats import open_read_format
from sftp_async.formats.excel import sheet_size
from tests.support.readable import MemoryFile, decode_file, read_options

pytestmark = pytest.mark.one_python


def book(*rows: list[Any], name: str = "Sheet", change: Any = None) -> bytes:
    """Return a workbook with one sheet; `change` gets the workbook before it is saved."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = name
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(made)
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def read(data: bytes, kinds: dict[str, pa.DataType] | None = None, **options: Any) -> list[Any]:
    """Return the rows as tuples, with inferred columns if none are given."""
    file = MemoryFile("/in/a.xlsx", data)
    reading = read_options(format="excel", **options)
    schema = inferred(data, **options) if kinds is None else pa.schema(kinds)
    return [tuple(row.values()) for row in decode_file(file, reading, schema).to_pylist()]


def inferred(*files: bytes, **options: Any) -> pa.Schema:
    """Return the columns of files."""
    some = [MemoryFile(f"/in/{number}.xlsx", data) for number, data in enumerate(files)]
    return open_read_format(read_options(format="excel", **options), None).infer_schema(some)


def test_columns_have_the_narrowest_type_of_their_cells() -> None:
    day, time = dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5)
    data = book(
        ["n", "x", "mixed", "day", "time", "flag", "clock", "none", None],
        [1, 1, 1, day, day, True, dt.time(1, 2, 3), None, "y"],
        [2, 2.5, "b", day, time, False, dt.timedelta(hours=30), None, None],
    )
    assert inferred(data) == pa.schema(
        {
            "n": pa.int64(),
            "x": pa.float64(),
            "mixed": pa.string(),
            "day": pa.date32(),
            "time": pa.timestamp("us"),
            "flag": pa.bool_(),
            "clock": pa.string(),
            "none": pa.string(),
            "_c8": pa.string(),
        }
    )
    assert read(data) == [
        (1, 1.0, "1", day, dt.datetime(2026, 1, 2), True, "01:02:03", None, "y"),
        (2, 2.5, "b", day, time, False, "30:00:00", None, None),
    ]
    assert {*inferred(data, infer_schema=False).types} == {pa.string()}


def test_types_hold_the_cells_of_all_rows_and_files() -> None:
    first = book(["a"], *([number] for number in range(5000)), [0.5])
    second = book(["A", "b"], ["x", 1])
    assert inferred(first) == pa.schema({"a": pa.float64()})
    assert inferred(first, second) == pa.schema({"a": pa.string()})
    merged = inferred(first, second, merge_schema=True)
    assert merged == pa.schema({"a": pa.string(), "b": pa.int64()})
    assert read(book(["a"], [1]), {"a": pa.string(), "b": pa.int64()}, merge_schema=True) == [
        ("1", None)
    ]


def test_columns_go_by_the_header_and_a_missing_one_is_an_error() -> None:
    data = book(["B", "a"], [1, "x"])
    assert read(data, {"a": pa.string(), "b": pa.int32()}) == [("x", 1)]
    with pytest.raises(DecodeError, match=r"no column 'c' .*It has 'B', 'a'"):
        read(data, {"c": pa.string()})
    by_place = read(data, {"x": pa.int8(), "y": pa.string()}, match_columns="position")
    assert by_place == [(1, "x")]
    assert read(data, {"x": pa.string(), "y": pa.string()}, header=False) == [
        ("B", "a"),
        ("1", "x"),
    ]


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        (5, pa.string(), "5"),
        (0.5, pa.string(), "0.5"),
        (True, pa.string(), "true"),
        (dt.date(2026, 1, 2), pa.string(), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 60000), pa.string(), "2026-01-02 03:04:05.06"),
        (0.1 + 0.2, pa.decimal128(10, 2), Decimal("0.30")),
        (2.675, pa.decimal128(10, 2), Decimal("2.68")),
        (2, pa.decimal128(38, 18), Decimal(2)),
        ("42", pa.int16(), 42),
        ("true", pa.bool_(), True),
        ("03.02.2026", pa.date32(), dt.date(2026, 2, 3)),
        (dt.datetime(2026, 1, 2, 3), pa.date32(), dt.date(2026, 1, 2)),
        (dt.date(2026, 1, 2), pa.timestamp("us"), dt.datetime(2026, 1, 2)),
        (
            dt.datetime(2026, 7, 1, 14),
            pa.timestamp("us", "UTC"),
            dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC),
        ),
    ],
)
def test_a_given_type_casts_the_cells(cell: Any, kind: pa.DataType, value: Any) -> None:
    data = book(["v"], [cell], [None], [None], ["0"])
    kinds = {"v": kind}
    options = {"date_format": "dd.MM.yyyy", "time_zone": "Europe/Berlin"}
    assert read(data, kinds, range="A1:A3", **options) == [(value,), (None,)]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("abc", pa.int32()),
        (1.5, pa.int32()),
        (300, pa.int8()),
        (1, pa.bool_()),
        (45000, pa.date32()),
        (45000, pa.timestamp("us")),
        (True, pa.float64()),
        (12345, pa.decimal128(4, 0)),
        (dt.date(2026, 1, 2), pa.int32()),
    ],
)
def test_a_cell_that_does_not_fit_is_null_dropped_or_an_error(cell: Any, kind: pa.DataType) -> None:
    data = book([None], [None, "k", "v"], [None, "good", None], [None, "bad", cell])
    kinds = {"k": pa.string(), "v": kind}
    assert read(data, kinds) == [("good", None), ("bad", None)]
    assert read(data, kinds, mode="DROPMALFORMED") == [("good", None)]
    with pytest.raises(DecodeError, match=r"Cell C4 of sheet 'Sheet' holds .* column 'v'"):
        read(data, kinds, mode="FAILFAST")
    *_, (_, _, record) = read(data, {**kinds, "_corrupt_record": pa.string()})
    assert json.loads(record)["cell"] == "C4"
    assert json.loads(record)["values"][0] == "bad"


def test_errors_and_formulas_are_their_cached_values() -> None:
    def change(made: Any) -> None:
        made.active["A2"].data_type = "e"
        made.active["B2"].data_type = "s"

    data = book(
        ["error", "text", "formula"], ["#N/A", "#N/A", "=1+1"], ["x", "y", "z"], change=change
    )
    # openpyxl caches no values; what Excel writes is `<f>1+1</f><v>2</v>`.
    data = replaced(data, "xl/worksheets/sheet1.xml", b"<v></v>", b"<v>2</v>")
    data = replaced(data, "xl/worksheets/sheet1.xml", b"<v />", b"<v>2</v>")
    assert read(data) == [(None, "#N/A", "2"), ("x", "y", "z")]


def replaced(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """Return a workbook with other text in one of its parts."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            target.writestr(name, text.replace(old, new) if name == part else text)
    return result.getvalue()


def test_merged_cells_have_their_value_once_and_blank_rows_at_the_end_are_none() -> None:
    def change(made: Any) -> None:
        made.active.merge_cells("A2:A3")
        made.active["B9"].number_format = "0.00"

    data = book(["a", "b"], ["x", 1], [None, 2], [None, None], ["y", 3], change=change)
    assert read(data) == [("x", 1), (None, 2), (None, None), ("y", 3)]


def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    def change(made: Any) -> None:
        made.epoch = CALENDAR_MAC_1904
        made.active["A2"] = dt.datetime(2026, 1, 2)

    assert read(book(["day"], change=change)) == [(dt.date(2026, 1, 2),)]


def test_the_first_sheet_or_the_named_one_is_read() -> None:
    def change(made: Any) -> None:
        made.create_chartsheet("Chart", 0)
        made.create_sheet("Other").append(["b"])
        made["Other"].append([2])

    data = book(["a"], [1], name="First", change=change)
    assert read(data) == [(1,)]
    assert read(data, sheet="Other") == [(2,)]
    with pytest.raises(DecodeError, match=r"no sheet 'Third' .*It has 'First', 'Other'"):
        read(data, sheet="Third")


def test_a_range_cuts_rows_and_columns_and_may_reach_beyond_the_sheet() -> None:
    data = book(["x", "a", "b"], [0, 1, 2], [0, 3, 4], [0, 5, 6])
    assert read(data, range="B1:C3") == [(1, 2), (3, 4)]
    assert read(data, range="B1:B") == [(1,), (3,), (5,)]
    assert read(data, range="B2:D3", header=False) == [(1, 2, None), (3, 4, None)]
    assert read(data, {"v": pa.int8()}, range="F10", header=False) == []


def test_the_table_is_found_where_it_begins() -> None:
    data = book([], [None, None, "a", "b"], [None, None, 1, 2])
    assert read(data) == [(1, 2)]


def test_an_empty_sheet_has_no_rows_and_no_columns() -> None:
    assert read(book(), {"a": pa.int8()}, merge_schema=True) == []
    assert read(book(["a"]), {"a": pa.int8()}) == []
    with pytest.raises(DecodeError, match=r"No columns can be inferred"):
        inferred(book())


def test_a_range_without_a_value_has_no_header_and_no_rows() -> None:
    data = book(["a", None, None], [1], [2])
    assert read(data, {"a": pa.int8()}, range="B1:C3", merge_schema=True) == []
    with pytest.raises(DecodeError, match=r"No columns can be inferred"):
        inferred(data, range="B1:C3")
    with pytest.raises(DecodeError, match=r"header of sheet 'Sheet' has no column 'a' .*has none"):
        read(data, {"a": pa.int8()}, range="B1:C3")


def test_rows_without_columns_are_counted() -> None:
    file = MemoryFile("/in/a.xlsx", book(["a"], [1], [2]))
    assert decode_file(file, read_options(format="excel"), pa.schema([])).num_rows == 2


@pytest.mark.parametrize(
    "data", [b"", b"id,name\n1,a\n", b"PK\x03\x04" + bytes(40), b"\xd0\xcf\x11\xe0"]
)
def test_what_is_no_workbook_is_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(DecodeError, match=r"no workbook .*/in/a.xlsx"):
        read(data, {"a": pa.int8()})


@pytest.mark.parametrize("name", ["a.xls", "a.ods", "a.xlsx.pgp", "a"])
def test_a_workbook_is_known_by_its_content_whatever_its_name(name: str) -> None:
    file = MemoryFile(f"/in/{name}", book(["a"], [1]))
    rows = decode_file(file, read_options(format="excel"), pa.schema({"a": pa.int8()}))
    assert rows.to_pylist() == [{"a": 1}]


def compound(name: str) -> bytes:
    """Return a compound file (MS-CFB) with one empty stream, as encrypted workbooks are in."""
    end, free = 0xFFFFFFFE, 0xFFFFFFFF

    def entry(called: str, kind: int, child: int) -> bytes:
        text = called.encode("utf-16-le")
        size = len(text) + 2 if called else 0
        head = struct.pack("<64sHBB3I", text, size, kind, 1, free, free, child)
        return head + bytes(36) + struct.pack("<IQ", end, 0)

    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack("<128I", 0xFFFFFFFD, end, *[free] * 126)
    directory = entry("Root Entry", 5, 1) + entry(name, 2, free) + entry("", 0, free) * 2
    return header + table + directory


def test_a_workbook_with_a_password_is_an_error_that_says_so() -> None:
    with pytest.raises(DecodeError, match=r"encrypted with a password.*Ask the sender"):
        read(compound("EncryptedPackage"), {"a": pa.int8()})


def test_a_truncated_workbook_is_an_error() -> None:
    data = book(["a"], *([number] for number in range(1000)))
    with pytest.raises(DecodeError, match=r"no workbook"):
        read(data[: len(data) // 2], {"a": pa.int64()})


def test_a_workbook_that_would_not_fit_in_memory_is_refused_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(made: Any) -> None:
        made.active["XFD5000"] = "stray"

    with pytest.raises(DecodeError, match=r"has 81,920,000 cells .*Ctrl\+End"):
        read(book(["a"], change=change), {"a": pa.int8()})
    monkeypatch.setattr(sheet_size, "MAX_UNPACKED", 1000)
    with pytest.raises(DecodeError, match=r"before compression"):
        read(book(["a"]), {"a": pa.int8()})


def test_a_column_of_bytes_or_of_lists_is_refused() -> None:
    for kind in (pa.binary(), pa.list_(pa.int8())):
        with pytest.raises(DecodeError, match=r"'a' .*cannot be read from Excel"):
            open_read_format(read_options(format="excel"), pa.schema({"a": kind}))


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(OptionsError, match=r"pip install 'sftp-async\[excel\]'"):
        open_read_format(read_options(format="excel"), None)


def test_a_spreadsheet_of_libreoffice_is_read() -> None:
    cells = (
        '<table:table-row><table:table-cell office:value-type="string"><text:p>a</text:p>'
        '</table:table-cell><table:table-cell office:value-type="string"><text:p>b</text:p>'
        "</table:table-cell></table:table-row>"
        '<table:table-row><table:table-cell office:value-type="float" office:value="1.5"/>'
        '<table:table-cell office:value-type="date" office:date-value="2026-01-02"/>'
        "</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{spaces}><office:body>'
        f'<office:spreadsheet><table:table table:name="One">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("mimetype", kind)
        made.writestr(
            "META-INF/manifest.xml",
            "<manifest:manifest "
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
            "</manifest:manifest>",
        )
        made.writestr("content.xml", content)
    schema = pa.schema({"a": pa.float64(), "b": pa.date32()})
    file = MemoryFile("/in/a.ods", data.getvalue())
    assert open_read_format(read_options(format="excel"), None).infer_schema([file]) == schema
    rows = decode_file(file, read_options(format="excel"), schema).to_pylist()
    assert rows == [{"a": 1.5, "b": dt.date(2026, 1, 2)}]
