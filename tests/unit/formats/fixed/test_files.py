"""Fixed-width files, byte by byte: fields, null, overflow, lengths, modes, control records."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import ControlRecordError, DecodeError, EncodeError, OptionsError
from sftp_async.formats import open_format, open_read_format
from sftp_async.formats.fixed import matrix
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded
from tests.support.readable import MemoryFile

pytestmark = pytest.mark.one_python


def written(layout: str, **columns: Any) -> list[str]:
    options = {name: columns.pop(name) for name in [*columns] if name in ("encoding", "line_sep")}
    data = encoded(pa.record_batch(columns), format="fixed", fixed_layout=layout, **options)
    return data.decode(options.get("encoding", "UTF-8")).splitlines()


def read(data: bytes, schema: pa.Schema | None = None, **options: Any) -> list[dict[str, Any]]:
    form = open_read_format(FormatOptions(format="fixed", **options), schema)
    file = MemoryFile("a.dat", data)
    found = form.infer_schema([file]) if schema is None else schema
    return pa.Table.from_batches(form.decode(file, 0, len(data)), found).to_pylist()


def decimals(scale: int, *values: str | None) -> pa.Array:
    return pa.array([value and Decimal(value) for value in values], pa.decimal128(9, scale))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("7", ["  12.50", "  -0.07", "       "]),
        ("7 left", ["12.50  ", "-0.07  ", "       "]),
        ("7 zero", ["0012.50", "-000.07", "       "]),
        ('7 pad="*"', ["**12.50", "**-0.07", "       "]),
        ("7.2", ["0001250", "-000007", "       "]),
        ('7.2 pad=" "', ["   1250", "     -7", "       "]),
        ("7.3 leading", ["+012500", "-000070", "       "]),
        ("7.2 trailing", ["001250+", "000007-", "       "]),
        ("7.2 overpunch", ["000125{", "000000P", "       "]),
        ("7.2 overpunch_ascii", ["0001250", "000000w", "       "]),
        ('7.2 null="9999999"', ["0001250", "-000007", "9999999"]),
    ],
)
def test_numbers_have_their_alignment_filling_and_sign(field: str, expected: list[str]) -> None:
    assert written(f"a:{field}", a=decimals(2, "12.50", "-0.07", None)) == expected


def test_zoned_numbers_are_bytes_in_every_code_page() -> None:
    batch = pa.record_batch({"a": decimals(0, "120", "-120", "5", "-5")})
    for encoding in ("cp037", "cp273", "cp500", "cp1140", "IBM1047"):
        options = {"fixed_layout": "a:3 overpunch", "encoding": encoding, "fixed_line_ends": False}
        data = encoded(batch, format="fixed", **options)
        assert data.hex() == "f1f2c0f1f2d0f0f0c5f0f0d5"
        assert read(data + b"\xf0\xf1\xf7", **options)[3:] == [
            {"a": Decimal(-5)},
            {"a": Decimal(17)},
        ]


@pytest.mark.parametrize(
    ("layout", "columns", "problem"),
    [
        ("a:3", {"a": ["abc", None, "abcd"]}, "'a', row 3 of its part: the value takes 4 char"),
        ("a:2", {"a": [99, -99]}, "row 2 of its part: the value takes 3 characters"),
        ("a:2 overpunch", {"a": [99, 100]}, "row 2 of its part: the value takes 3 digits"),
        ("a:2.1", {"a": decimals(1, "9.9", "10.0")}, "row 2 of its part"),
        ("a:3 unsigned", {"a": [1, -1]}, "row 2 of its part: the value is negative"),
        ("a:5", {"a": ["x", "a\nb"]}, "row 2 of its part: the value holds a line break"),
        ("a:5", {"a": ["x", "a\rb"]}, "row 2 of its part: the value holds a line break"),
    ],
)
def test_what_does_not_fit_is_an_error_of_a_column_and_row(
    layout: str, columns: dict[str, Any], problem: str
) -> None:
    batch = pa.record_batch(columns)
    form = open_format(FormatOptions(format="fixed", fixed_layout=layout), batch.schema)
    with pytest.raises(EncodeError) as caught:
        form.open().encode(batch)
    assert problem in str(caught.value)
    # Rows are counted through the part.
    encoder = form.open()
    encoder.encode(batch.slice(0, 1))
    with pytest.raises(EncodeError, match=r"row [23] of its part"):
        encoder.encode(batch.slice(1))


def test_a_character_that_the_encoding_lacks_is_an_error_of_a_column_and_row() -> None:
    batch = pa.record_batch({"a": ["x", "€"]})
    with pytest.raises(EncodeError, match=r"'a', row 2 of its part: .* latin-1 lacks"):
        encoded(batch, format="fixed", fixed_layout="a:3", encoding="latin-1")


@pytest.mark.parametrize(
    ("layout", "mark"),
    [("a:3, b:5", '"T"'), ("_:1, a:2, b:5", '_:2, "m1"'), ('"T", a:2, b:5', '"Tom1":5')],
)
def test_a_row_that_a_reader_would_take_for_a_trailer_is_an_error(layout: str, mark: str) -> None:
    trailer = {"fixed_layout": layout, "fixed_trailer": f"{mark}, rows:2"}
    names = ["Tom", "Ann"] if layout.startswith("a") else ["om", "nn"]
    batch = pa.record_batch({"a": names[::-1], "b": ["2", "1"]})
    with pytest.raises(EncodeError, match=r"Row 2 of its part has '(T|m1|Tom1)' at [13], by which"):
        encoded(batch, format="fixed", **trailer)
    assert encoded(batch.slice(0, 1), format="fixed", **trailer)


def test_the_line_end_of_ebcdic_within_a_text_is_a_line_break_in_ebcdic() -> None:
    batch = pa.record_batch({"a": ["x", "a\x85b"]})
    options = {"format": "fixed", "fixed_layout": "a:3"}
    for encoding in ("cp037", "IBM1047"):
        with pytest.raises(EncodeError, match="'a', row 2 of its part: the value holds a line br"):
            encoded(batch, encoding=encoding, **options)
    data = encoded(batch, encoding="cp037", fixed_line_ends=False, **options)
    assert len(data) == 6
    assert read(encoded(batch, **options), batch.schema, fixed_layout="a:3") == batch.to_pylist()


@pytest.mark.parametrize(
    ("layout", "schema", "problem"),
    [
        ("a:3", {"a": pa.string(), "b": pa.string()}, "no field for 'b', but for a"),
        ("a:3, b:2", {"a": pa.string()}, "fields for which there is no column: 'b'"),
        ("a:3", {"a": pa.binary()}, "has no text in a fixed-width file"),
        ("a:3.1", {"a": pa.float64()}, "is no INT, BIGINT or DECIMAL"),
        ("a:5.1", {"a": pa.decimal128(5, 2)}, "has 2 decimals, and its field 1"),
        ('a:8 "yyyyMMdd"', {"a": pa.string()}, "is no DATE or TIMESTAMP"),
        ("a:4", {"a": pa.bool_()}, "is written as true and false, and its field has 4"),
        ("a:4 left zero", {"a": pa.int32()}, "filled with zeros behind its digits"),
        ('a:4 pad="9"', {"a": pa.int32()}, "of which the filling '9' could be a part"),
        ('a:9 pad="-"', {"a": pa.float64()}, "of which the filling '-' could be a part"),
    ],
)
def test_a_column_that_has_no_field_for_it_is_refused(
    layout: str, schema: dict[str, pa.DataType], problem: str
) -> None:
    options = FormatOptions(format="fixed", fixed_layout=layout)
    with pytest.raises(EncodeError) as caught:
        open_format(options, pa.schema(schema))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "format=fixed needs a layout: set fixed_layout="),
        ({"fixed_layout": "a"}, "fixed_layout is no layout: The field 'a' has no width"),
        ({"fixed_layout": "a:3", "fixed_line_ends": False}, "needs an encoding of one byte"),
        ({"fixed_layout": '"€", a:3', "encoding": "cp037"}, "a character in constant that cp037"),
        ({"fixed_layout": '"a\nb", a:3'}, "a line break in constant"),
        ({"fixed_layout": "a:3", "fixed_header": "x:1"}, "a record without a constant"),
        ({"fixed_layout": "a:3", "fixed_trailer": '"T":4'}, "of 4 characters, and those of the"),
        ({"fixed_layout": '"D", a:3', "fixed_trailer": '"D", _:1'}, "recognised by 'D' at 1"),
        ({"fixed_layout": '"D1", a:3', "fixed_trailer": '"D", _:1'}, "recognised by 'D' at 1"),
    ],
)
def test_options_that_make_no_layout_are_refused_both_ways(
    options: dict[str, Any], problem: str
) -> None:
    schema = pa.schema({"a": pa.string()})
    for opened in (open_format, open_read_format):
        with pytest.raises(OptionsError) as caught:
            opened(FormatOptions(format="fixed", **options), schema)
        assert problem in str(caught.value)


def test_columns_are_found_by_name_and_may_be_some_of_the_layout() -> None:
    layout = "a:2, b:3 int, c:1"
    schema = pa.schema({"C": pa.string(), "b": pa.int32()})
    assert read(b"xx  7z\n", schema, fixed_layout=layout) == [{"C": "z", "b": 7}]
    with pytest.raises(DecodeError, match="no field for 'C'"):
        read(b"", schema, fixed_layout=layout, case_sensitive=True)
    wrong = pa.schema({"a": pa.int32()})
    with pytest.raises(DecodeError, match="has 0 decimals, and its field 1"):
        read(b"", wrong, fixed_layout="a:5.1")


def test_a_blank_string_is_null_or_empty_and_other_blanks_are_null() -> None:
    layout = 'a:2, b:2 int, c:8 "yyyyMMdd" null="00000000", d:1 true="Y" false="N", e:2 pad="*"'
    data = b"    00000000   \n"
    null = {"a": None, "b": None, "c": None, "d": None, "e": None}
    types = {"a": pa.string(), "b": pa.int32(), "c": pa.date32(), "d": pa.bool_()}
    schema = pa.schema(types | {"e": pa.string()})
    assert read(data, schema, fixed_layout=layout) == [null]
    empty = read(data, schema, fixed_layout=layout, fixed_blank_strings="empty")
    assert empty == [null | {"a": "", "e": ""}]


@pytest.mark.parametrize("filling", ["", "right", "zero", 'pad="*"', 'right pad="*"', 'pad="·"'])
@pytest.mark.parametrize("null", ["NA", "****", "0000"])
def test_the_text_of_null_is_null_whatever_fills_the_field(filling: str, null: str) -> None:
    layout = f'a:4 {filling} null="{null}", b:4 int {filling} null="{null}"'
    batch = pa.record_batch({"a": ["ab", None], "b": pa.array([12, None], pa.int32())})
    data = encoded(batch, format="fixed", fixed_layout=layout)
    found = read(data, batch.schema, fixed_layout=layout)
    assert found == [{"a": "00ab" if filling == "zero" else "ab", "b": 12}, {"a": None, "b": None}]


def test_what_is_no_number_has_no_zeros_before_it() -> None:
    batch = pa.record_batch({"a": [1.5, -1.5, float("inf"), float("-inf"), None]})
    data = encoded(batch, format="fixed", fixed_layout="a:10 zero")
    assert data.split(b"\n")[:4] == [b"00000001.5", b"-0000001.5", b"  Infinity", b" -Infinity"]
    assert read(data, batch.schema, fixed_layout="a:10 zero") == batch.to_pylist()
    nothing = pa.record_batch({"a": [float("nan")]})
    assert encoded(nothing, format="fixed", fixed_layout="a:5 zero") == b"  NaN\n"


LINES = b"  1ann\n\n  2bo\n  x  c\n  3ann?\r\n  4  d"
LAYOUT = "id:3 int, name:3"
ROWS = [
    {"id": 1, "name": "ann"},
    {"id": 2, "name": "bo"},
    {"id": None, "name": "  c"},
    {"id": 3, "name": "ann"},
    {"id": 4, "name": "  d"},
]
BROKEN = {1: "  2bo", 2: "  x  c", 3: "  3ann?"}


def test_permissive_keeps_what_can_be_read_and_the_record() -> None:
    assert read(LINES, fixed_layout=LAYOUT) == ROWS
    schema = pa.schema({"id": pa.int32(), "name": pa.string(), "_corrupt_record": pa.string()})
    assert read(LINES, schema, fixed_layout=LAYOUT) == [
        row | {"_corrupt_record": BROKEN.get(number)} for number, row in enumerate(ROWS)
    ]


def test_a_wrong_length_is_counted_in_characters() -> None:
    layout = {"fixed_layout": LAYOUT}
    text = "  1äöü\n  2äöüx\n  3äö\n"
    names = [("äöü", None), ("äöü", "  2äöüx"), ("äö", "  3äö")]
    schema = pa.schema({"name": pa.string(), "_corrupt_record": pa.string()})
    for encoding in ("UTF-8", "ISO-8859-1", "cp273", "UTF-16"):
        found = read(text.encode(encoding), schema, encoding=encoding, **layout)
        assert [(row["name"], row["_corrupt_record"]) for row in found] == names


def test_malformed_rows_are_dropped_or_fail() -> None:
    sound = [row for number, row in enumerate(ROWS) if number not in BROKEN]
    assert read(LINES, fixed_layout=LAYOUT, mode="DROPMALFORMED") == sound
    with pytest.raises(DecodeError, match="Row 2 of the lines from byte 0 on is malformed"):
        read(LINES, fixed_layout=LAYOUT, mode="FAILFAST")


def test_a_record_without_its_constant_is_malformed() -> None:
    data = b"6abc\n7abc\n"
    assert read(data, fixed_layout='"6", a:3', mode="DROPMALFORMED") == [{"a": "abc"}]


def test_the_last_record_without_a_line_end_may_be_cut() -> None:
    options = {"fixed_layout": LAYOUT, "fixed_line_ends": False, "encoding": "ASCII"}
    assert read(b"  1ann  2b", **options) == [{"id": 1, "name": "ann"}, {"id": 2, "name": "b"}]
    assert len(read(b"  1ann  2b", mode="DROPMALFORMED", **options)) == 1


def test_a_number_that_is_none_is_malformed() -> None:
    for field, good, bad in (
        ("4 overpunch", b"001J", [b"0x1J", b"001!", b"00+J"]),
        ("4 trailing", b"011-", [b"0011", b"0x1-"]),
        ("4 leading", b"-011", [b"0011", b"+0x1"]),
        ("4 unsigned", b"  11", [b"-011", b"1.10"]),
        ("4.1", b"-011", [b"1.10", b"1E11", b"0-11"]),
    ):
        for text in bad:
            found = read(good + b"\n" + text + b"\n", fixed_layout=f"a:{field}")
            assert found[0]["a"] is not None
            assert found[1]["a"] is None, (field, text)
    assert read(b"300\n", pa.schema({"a": pa.int8()}), fixed_layout="a:3.0") == [{"a": None}]


def test_rescued_data_keeps_a_field_that_does_not_fit() -> None:
    schema = pa.schema({"id": pa.int32(), "name": pa.string(), "_rescued": pa.string()})
    found = read(LINES, schema, fixed_layout=LAYOUT, rescued_data_column="_rescued")
    assert [row["_rescued"] for row in found] == [None, None, '{"id":"  x"}', None, None]


CONTROLS = {
    "fixed_layout": '"6", a:4',
    "fixed_header": '"1", day:4 "MMdd"; "5"',
    "fixed_trailer": '"8", rows:2 zero; "9", rows:2 zero; "99", _:3',
}
SHEET = b"11123\n5    \n6a   \n6b   \n802\n5    \n6c   \n801  \n903  \n99999\n"


def test_control_records_are_no_rows_and_count_those_since_the_last_of_their_kind() -> None:
    assert read(SHEET, **CONTROLS) == [{"a": "a"}, {"a": "b"}, {"a": "c"}]
    form = open_read_format(FormatOptions(format="fixed", **CONTROLS), None)
    assert not form.is_splittable("a.dat")
    uncounted = CONTROLS | {"fixed_trailer": '"8", _:2; "9", _:2; "99", _:3'}
    form = open_read_format(FormatOptions(format="fixed", **uncounted), None)
    assert form.is_splittable("a.dat")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"802", b"803", "The trailer '8' behind byte 0 counts 3 rows, and there are 2"),
        (b"801  ", b"802  ", "'8' behind byte 0 counts 2 rows, and there are 1"),
        (b"903", b"902", "'9' behind byte 0 counts 2 rows, and there are 3"),
        (b"903", b"9x3", "has 'x3' for its number of rows"),
        (b"903  \n99999\n", b"", "There is no trailer '9' at the end of the file"),
        (b"99999\n", b"6d   \n", "Behind the trailer '8' are 1 rows"),
        (b"801  ", b"801 ", "has 4 characters, and its layout 5"),
    ],
)
def test_a_control_record_that_does_not_fit_the_rows_fails(
    old: bytes, new: bytes, problem: str
) -> None:
    with pytest.raises(ControlRecordError) as caught:
        read(SHEET.replace(old, new, 1), **CONTROLS)
    assert problem in str(caught.value)
    assert ("rows" in caught.value.stated) == ("counts" in problem or "its number" in problem)


def test_a_header_may_count_the_rows() -> None:
    options = {"fixed_layout": "a:3", "fixed_header": '"#", rows:2 zero'}
    assert len(read(b"#02\nabc\ndef\n", **options)) == 2
    with pytest.raises(ControlRecordError, match="The header counts 2 rows, and there are 1"):
        read(b"#02\nabc\n", **options)


def test_pandas_reads_the_same_columns() -> None:
    pandas = pytest.importorskip("pandas")
    batch = pa.record_batch(
        {
            "id": [1, 20, 300],
            "name": ["ann", "böb", None],
            "day": pa.array([dt.date(2026, 11, 23), None, dt.date(2026, 11, 24)]),
            "price": decimals(2, "1.50", "-22.00", None),
        }
    )
    data = encoded(
        batch, format="fixed", fixed_layout='id:6 zero, name:8, day:8 "yyyyMMdd", price:9'
    )
    frame = pandas.read_fwf(
        io.BytesIO(data), widths=[6, 8, 8, 9], names=batch.schema.names, parse_dates=["day"]
    )
    assert frame["id"].tolist() == [1, 20, 300]
    assert frame["name"].fillna("").tolist() == ["ann", "böb", ""]
    assert [str(day)[:10] for day in frame["day"]] == ["2026-11-23", "NaT", "2026-11-24"]
    assert frame["price"].fillna(0).tolist() == [1.5, -22.0, 0]


def test_records_are_the_same_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pa.record_batch({"a": ["x", "yy"], "b": [1, 2]})
    options = {"format": "fixed", "fixed_layout": '"D", a:3, _:1, b:2 zero'}
    with_numpy = encoded(batch, **options)
    monkeypatch.setattr(matrix, "np", None)
    assert encoded(batch, **options) == with_numpy == b"Dx   01\nDyy  02\n"
