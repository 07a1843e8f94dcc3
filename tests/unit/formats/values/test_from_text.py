from __future__ import annotations

import datetime as dt
import struct

import pyarrow as pa
import pytest

from sftp_async.formats.values import text_numbers, text_times
from sftp_async.formats.values.from_text import TextRules, reader_of
from sftp_async.formats.values.pattern_reading import PatternReader
from sftp_async.formats.values.zones import days_of, utc_micros, zone_of

BERLIN = TextRules(time_zone="Europe/Berlin")
INSTANT = pa.timestamp("us", "UTC")


def column(
    kind: pa.DataType, texts: list[str | None], rules: TextRules = BERLIN
) -> tuple[list[object], list[int]]:
    reader = reader_of(kind, rules)
    assert reader is not None
    values, bad = reader.column(pa.array(texts, pa.string()))
    assert values.type == kind
    values.validate(full=True)
    return values.to_pylist(), bad


def test_odd_cells_are_read_one_by_one_and_the_others_are_not_lost() -> None:
    texts: list[str | None] = [str(number) for number in range(1_000)]
    texts[500], texts[501], texts[999] = "+7", "x", None
    expected: list[object] = list(range(1_000))
    expected[500], expected[501], expected[999] = 7, None, None
    assert column(pa.int32(), texts) == (expected, [501])


@pytest.mark.parametrize("copies", [1, 100])
def test_a_number_too_large_for_its_decimal_is_bad_alone_and_among_others(copies: int) -> None:
    for text, kind in [
        ("1" * 38, pa.decimal128(38, 38)),
        ("3.4028236e38", pa.decimal128(38, 0)),
        ("9" * 39, pa.decimal128(38, 0)),
        ("99999999.995", pa.decimal128(10, 2)),
    ]:
        assert column(kind, [text] * copies) == ([None] * copies, list(range(copies)))


def test_numbers_are_rounded_half_up_to_the_scale() -> None:
    values, bad = column(pa.decimal128(10, 2), ["1.005", "-1.005", "1,234.5", "1e-400"])
    assert (list(map(str, values)), bad) == (["1.01", "-1.01", "1234.50", "0.00"], [])


def test_a_float_is_the_nearest_one_and_not_that_of_the_nearest_double() -> None:
    # Halfway between two floats but for a digit that a double loses.
    (value,), _ = column(pa.float32(), ["1.00000005960464477540"])
    assert value == struct.unpack("f", struct.pack("I", 0x3F800001))[0]


def test_times_that_clocks_skip_or_repeat_are_those_of_java() -> None:
    values, bad = column(INSTANT, ["2020-03-29 02:30:00", "2020-10-25 02:30:00"])
    utc = [dt.datetime(2020, 3, 29, 1, 30, tzinfo=dt.UTC)]
    utc += [dt.datetime(2020, 10, 25, 0, 30, tzinfo=dt.UTC)]
    assert (values, bad) == (utc, [])


@pytest.mark.parametrize(
    "text",
    ["2020-01-01 12:30Z", "2020-01-01T12:30:15+19:00", "2020-01-01T", "20200101", "10:20:30 x"],
)
def test_a_timestamp_that_only_arrow_reads_is_bad(text: str) -> None:
    assert column(INSTANT, [text]) == ([None], [0])


def test_a_time_alone_is_of_today() -> None:
    before = dt.datetime.now(dt.UTC).date()
    ((value,), _), after = column(INSTANT, ["10:20:30Z"]), dt.datetime.now(dt.UTC).date()
    assert isinstance(value, dt.datetime)
    assert before <= value.date() <= after


@pytest.mark.parametrize(
    ("name", "hours"),
    [("+1:00", 1), ("-03", -3), ("UTC+2", 2), ("GMT-0330", -3.5), ("Z", 0), ("EST", -5)],
)
def test_zones_are_found_by_the_names_of_java(name: str, hours: float) -> None:
    assert zone_of(name).utcoffset(None) == dt.timedelta(hours=hours)


@pytest.mark.parametrize("name", ["", "z", "+19:00", "+01:60", "UTC2", "Nowhere", "../etc"])
def test_other_names_are_no_zones(name: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        zone_of(name)


def test_years_beyond_pythons_calendar_have_days_and_offsets() -> None:
    assert days_of(12345, 6, 7) == 3_789_548
    assert days_of(0, 1, 1) == -719_528
    local = days_of(12345, 7, 1) * 86_400_000_000
    assert local - utc_micros(local, zone_of("Europe/Berlin")) == 7_200_000_000
    with pytest.raises(ValueError, match="day"):
        days_of(12345, 2, 30)


def test_a_pattern_of_fixed_places_reads_a_column_and_others_its_cells() -> None:
    fixed = PatternReader.parse("dd.MM.yyyy", option="date_format")
    assert fixed.fixed == (r"^(\d{2})\.(\d{2})\.(\d{4})$", r"\3-\2-\1")
    digits = PatternReader.parse("yyyyMMdd", option="date_format")
    assert digits.fixed == (r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    for text in ("yyMMdd", "d.M.yyyy", "MMM yyyy", "[yyyy-MM-dd]"):
        assert PatternReader.parse(text, option="date_format").fixed is None
    values, bad = column(
        pa.date32(), ["29.02.2020", "29.02.2021", "2020-01-01"], TextRules(date=fixed)
    )
    assert (values, bad) == ([dt.date(2020, 2, 29), None, None], [1, 2])


def test_a_year_takes_no_digits_of_what_follows_it() -> None:
    reader = PatternReader.parse("yyyyMMdd", option="date_format")
    assert reader.date("20200229") == days_of(2020, 2, 29)
    with pytest.raises(ValueError, match="not of the pattern"):
        reader.date("2020229")


def test_there_is_no_text_for_nested_types() -> None:
    assert reader_of(pa.list_(pa.int32()), BERLIN) is None
    assert reader_of(pa.duration("us"), BERLIN) is None


@pytest.mark.parametrize("text", ["1_0", " 1", "0x1F", "1.0", "\U0001d7d9", ""])
def test_what_python_takes_for_an_integer_may_be_none_in_java(text: str) -> None:
    with pytest.raises(ValueError, match="no integer"):
        text_numbers.integer(text, 64)


def test_anything_may_follow_a_date() -> None:
    assert text_times.date("2020-01-02Tx") == days_of(2020, 1, 2)
    assert text_times.legacy_timestamp("2020-01-01T00:00:00GMT+01:00", dt.UTC) == (
        days_of(2020, 1, 1) * 86_400_000_000 - 3_600_000_000
    )
