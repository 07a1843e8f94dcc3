"""What is written is read by openpyxl with its values and types; the rest is refused by name."""

from __future__ import annotations

import datetime as dt
import io
import sys
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError, SFTPAsyncError
from sftp_async.formats import open_format
from sftp_async.formats.excel import encoder
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded

pytestmark = pytest.mark.one_python


def written(rows: pa.RecordBatch, **options: Any) -> Any:
    """Return the sheet that openpyxl finds in the file."""
    return openpyxl.load_workbook(io.BytesIO(encoded(rows, format="excel", **options))).active


def column(values: list[Any], kind: pa.DataType | None = None) -> pa.RecordBatch:
    """Return rows of one column, `v`."""
    return pa.record_batch({"v": pa.array(values, kind)})


def test_cells_have_the_types_of_their_columns() -> None:
    rows = pa.record_batch(
        {
            "whole": pa.array([7, None], pa.int16()),
            "number": pa.array([0.1, 1e300]),
            "single": pa.array([0.1, None], pa.float32()),
            "decimal": pa.array([Decimal("123456789012.345"), None], pa.decimal128(38, 3)),
            "text": ["007", ""],
            "flag": [True, False],
            "day": [dt.date(1900, 2, 28), dt.date(1900, 3, 1)],
            "time": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 678000), None], pa.timestamp("us")),
            "nothing": pa.nulls(2),
        }
    )
    sheet = written(rows, sheet="Übersicht")
    assert sheet.title == "Übersicht"
    header, first, second = sheet.iter_rows(max_col=9)
    assert [cell.value for cell in header] == rows.schema.names
    assert [cell.data_type for cell in first] == ["n", "n", "n", "n", "s", "b", "d", "d", "n"]
    assert [cell.value for cell in first] == [
        *(7, 0.1, 0.1, 123456789012.345, "007", True),
        *(dt.datetime(1900, 2, 28), dt.datetime(2026, 1, 2, 3, 4, 5, 678000), None),
    ]
    assert [cell.value for cell in second][:2] == [None, 1e300]
    assert second[6].value == dt.datetime(1900, 3, 1)
    assert first[3].number_format == "0.000"


def test_without_a_header_the_first_row_is_data() -> None:
    assert written(column([1]), header=False)["A1"].value == 1


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", '=HYPERLINK("http://x")', "+1", "@SUM(A1)", "{=1}", "https://example.com"),
        *("mailto:a@example.com", "#N/A", "TRUE", "1e5", "<r>a</r>", "<r><t>&</t></r>", "<&>"),
    ],
)
def test_a_text_is_a_text_whatever_it_looks_like(text: str) -> None:
    cell = written(column([text]))["A2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_timestamps_with_a_zone_show_the_clock_of_that_zone() -> None:
    rows = column([dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)], pa.timestamp("us", "Europe/Berlin"))
    assert written(rows)["A2"].value == dt.datetime(2026, 7, 1, 14)
    assert written(rows, time_zone="America/New_York")["A2"].value == dt.datetime(2026, 7, 1, 8)


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        ([1, 2**53 + 1], pa.int64(), r"integer beyond 2\^53.* in row 3 of the sheet.*CAST\(`v`"),
        ([-(2**53) - 1], pa.int64(), r"integer beyond 2\^53"),
        ([None, float("nan")], pa.float64(), r"NaN or infinity, in row 3"),
        ([float("-inf")], pa.float32(), r"NaN or infinity"),
        ([Decimal("1234567890123.456")], pa.decimal128(20, 3), r"decimal of more than 15 digits"),
        ([dt.date(1899, 12, 31)], pa.date32(), r"day before 1900 or after 9999"),
        ([-(10**17)], pa.timestamp("us"), r"day before 1900 or after 9999"),
        ([2_932_897], pa.date32(), r"day before 1900 or after 9999"),
        ([1], pa.timestamp("us"), r"microseconds.*date_trunc\('MILLISECOND', `v`\)"),
        (["x" * 32_768], pa.string(), r"32,768 characters .*holds 32,767.* in row 2"),
        (["😀" * 16_384], pa.string(), r"32,768 characters"),
        (["a\uffff"], pa.string(), r"U\+FFFE or U\+FFFF"),
    ],
)
def test_a_value_that_excel_would_change_is_refused_by_column_and_row(
    values: list[Any], kind: pa.DataType, why: str
) -> None:
    with pytest.raises(EncodeError, match=rf"(?s)'v' has .*{why}"):
        encoded(column(values, kind), format="excel")


def test_values_at_the_limits_are_written() -> None:
    assert written(column([2**53, -(2**53)]))["A2"].value == 2**53
    assert len(written(column(["ä" * 32_767]))["A2"].value) == 32_767
    decimals = column([Decimal(10) ** 20], pa.decimal128(38, 0))
    assert written(decimals)["A2"].value == 10**20


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (pa.binary(), r"base64\(`v`\)"),
        (pa.list_(pa.int32()), r"to_json\(`v`\)"),
        (pa.struct({"a": pa.int32()}), "to_json"),
        (pa.duration("us"), "CAST"),
    ],
)
def test_a_type_that_excel_lacks_is_refused_by_name(kind: pa.DataType, hint: str) -> None:
    with pytest.raises(EncodeError, match=rf"'v' has the type .*{hint}"):
        open_format(FormatOptions(format="excel"), pa.schema({"v": kind}))


@pytest.mark.parametrize("sheet", ["x" * 32, "a/b", "a[1]", "'a", "History"])
def test_a_name_that_no_sheet_can_have_is_refused(sheet: str) -> None:
    with pytest.raises(OptionsError, match=r"is no name of a sheet"):
        open_format(FormatOptions(format="excel", sheet=sheet), pa.schema({"v": pa.int8()}))


def test_a_range_is_for_reading() -> None:
    with pytest.raises(OptionsError, match=r"range is for reading"):
        open_format(FormatOptions(format="excel", range="B2"), pa.schema({"v": pa.int8()}))


def test_more_columns_than_a_sheet_has_are_refused() -> None:
    names = pa.schema([(f"c{number}", pa.int8()) for number in range(16_385)])
    with pytest.raises(EncodeError, match=r"16,385 columns, and a sheet of Excel has 16,384"):
        open_format(FormatOptions(format="excel"), names)


def test_more_rows_than_a_sheet_has_are_refused_with_a_remedy() -> None:
    form = open_format(FormatOptions(format="excel"), pa.schema({"v": pa.null()}))
    part = form.open()
    part.encode(pa.record_batch({"v": pa.nulls(1_048_575)}))
    with pytest.raises(EncodeError, match=r"1,048,576 .*header included.*max_records_per_file"):
        part.encode(pa.record_batch({"v": pa.nulls(1)}))


def test_a_time_zone_that_is_not_known_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"time_zone='Mars/Base' is not known"):
        open_format(
            FormatOptions(format="excel", time_zone="Mars/Base"), pa.schema({"v": pa.int8()})
        )


def test_a_sheet_beyond_what_excel_opens_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    with pytest.raises(EncodeError, match=r"more than 4 GiB .*max_records_per_file"):
        encoded(column(list(range(1000))), format="excel")


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(OptionsError, match=r"pip install 'sftp-async\[excel\]'"):
        open_format(FormatOptions(format="excel"), pa.schema({"v": pa.int8()}))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of the zip file
def test_a_full_local_disk_is_an_error_that_names_it() -> None:
    form = open_format(FormatOptions(format="excel"), pa.schema({"v": pa.string()}))
    part: Any = form.open()
    part.encode(column(["a"]))
    with Path("/dev/full").open("wb", buffering=0) as full:
        part._book.filename = full
        with pytest.raises(SFTPAsyncError, match=r"local disk .*No space left.*set TMPDIR"):
            part.finish()


def test_the_file_comes_in_pieces_and_leaves_nothing_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(encoder, "_PIECE", 1000)
    rows = column([str(number) for number in range(1000)])
    form = open_format(FormatOptions(format="excel"), rows.schema)
    part = form.open()
    part.encode(rows)
    assert list(tmp_path.iterdir())
    pieces = [bytes(piece) for piece in part.tail()]
    assert len(pieces) > 1
    assert {len(piece) for piece in pieces[:-1]} == {1000}
    assert openpyxl.load_workbook(io.BytesIO(b"".join(pieces))).active.max_row == 1001
    abandoned = form.open()
    abandoned.encode(rows)
    del part, abandoned
    assert not list(tmp_path.iterdir())
