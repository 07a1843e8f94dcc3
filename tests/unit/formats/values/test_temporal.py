"""Text of dates, timestamps and intervals: ISO by default, or after a pattern."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import OptionsError
from sftp_async.formats.values.datetime_patterns import Pattern
from sftp_async.formats.values.temporal import (
    date_text,
    fixed_offset,
    interval_text,
    local_time,
    timestamp_text,
)

MOMENT = dt.datetime(2024, 3, 5, 16, 7, 8, 90_123)


def instants(*micros: int | None, zone: str | None = None) -> pa.Array:
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", zone))


def formatted(pattern: str, moment: dt.datetime, zone: str | None = "Europe/Berlin") -> str:
    column = pa.array([moment]).cast(pa.timestamp("us"))
    if zone:
        column = pc.assume_timezone(column, zone)
    text = Pattern.parse(pattern, option="timestamp_format", clock=True).of(column)
    return str(text[0])


@given(st.lists(st.dates() | st.none()))
def test_a_date_is_iso(dates: list[dt.date | None]) -> None:
    expected = [date and date.isoformat() for date in dates]
    assert date_text(pa.array(dates, pa.date32())).to_pylist() == expected


def test_years_outside_four_digits_have_a_sign_as_in_java() -> None:
    days = pa.array([-735_525, -719_529, -719_528, 2_932_896, 2_932_897, 3_671_155])
    assert date_text(days.cast(pa.int32()).cast(pa.date32())).to_pylist() == [
        "-0044-03-15",
        "-0001-12-31",
        "0000-01-01",
        "9999-12-31",
        "+10000-01-01",
        "+12021-04-13",
    ]


def test_a_slice_of_dates_is_its_own_text() -> None:
    dates = pa.array([dt.date(2000, 1, 1), None, dt.date(2024, 2, 29)])
    assert date_text(dates.slice(1)).to_pylist() == [None, "2024-02-29"]


@given(
    st.lists(st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29)) | st.none(), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_a_timestamp_reads_back_to_the_same_instant(
    moments: list[dt.datetime | None], zone: str
) -> None:
    column = pa.array(moments, pa.timestamp("us")).cast(pa.timestamp("us", zone))
    for moment, text in zip(moments, timestamp_text(column).to_pylist(), strict=True):
        if moment is None:
            assert text is None
        else:
            assert dt.datetime.fromisoformat(text) == moment.replace(tzinfo=dt.UTC)
            assert len(text.partition("T")[2].partition(".")[2].rstrip("Z")) >= 3


def test_the_fraction_has_three_digits_unless_microseconds_would_be_lost() -> None:
    assert timestamp_text(instants(0, 120_000, 120_001, -1, None)).to_pylist() == [
        "1970-01-01T00:00:00.000",
        "1970-01-01T00:00:00.120",
        "1970-01-01T00:00:00.120001",
        "1969-12-31T23:59:59.999999",
        None,
    ]


def test_the_offset_follows_summer_time_and_shows_the_seconds_of_old_local_time() -> None:
    summer = int(dt.datetime(2024, 7, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
    old = int(dt.datetime(1890, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
    assert timestamp_text(instants(0, summer, old, None, zone="Europe/Berlin")).to_pylist() == [
        "1970-01-01T01:00:00.000+01:00",
        "2024-07-01T02:00:00.000+02:00",
        "1890-01-01T00:53:28.000+00:53:28",
        None,
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "UTC"])
@given(moment=st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(9998, 12, 31)))
def test_clocks_follow_the_rules_of_their_zone_in_every_year(
    zone: str, moment: dt.datetime
) -> None:
    # Arrow knows no change of clocks after 2037.
    there = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
    column = pa.array([moment], pa.timestamp("us")).cast(pa.timestamp("us", zone))
    assert local_time(column).to_pylist() == [there.replace(tzinfo=None)]


def test_every_year_of_spark_has_its_text() -> None:
    # Arrow's calendar ends with the year 32,767.
    days = pa.array([-(2**31), 11_000_000, 2**31 - 1, 0, None], pa.int32()).cast(pa.date32())
    assert date_text(days).to_pylist() == [
        "-5877641-06-23",
        "+32086-12-23",
        "+5881580-07-11",
        "1970-01-01",
        None,
    ]
    late, early = 9_000_000_000_000_000_000, -9_000_000_000_000_000_000
    column = instants(late, early, 0, None, zone="Europe/Berlin")
    assert timestamp_text(column).to_pylist() == [
        "+287168-08-24T18:00:00.000+02:00",
        "-283229-05-10T08:53:28.000+00:53:28",
        "1970-01-01T01:00:00.000+01:00",
        None,
    ]
    pattern = Pattern.parse("EEE d.M.y", option="date_format", clock=False)
    assert pattern.of(days).to_pylist() == [
        "Tue 23.6.-5877641",
        "Mon 23.12.32086",
        "Fri 11.7.5881580",
        "Thu 1.1.1970",
        None,
    ]


def test_a_day_of_the_year_may_have_more_digits_than_its_pattern() -> None:
    assert formatted("DD", dt.datetime(2024, 12, 31)) == "366"
    assert formatted("DD DDD", dt.datetime(2024, 1, 9)) == "09 009"


def test_no_offset_is_z() -> None:
    assert timestamp_text(instants(0, zone="UTC")).to_pylist() == ["1970-01-01T00:00:00.000Z"]
    assert timestamp_text(instants(0, zone="Europe/London").slice(0, 0)).to_pylist() == []


def test_a_column_of_nulls_has_no_text() -> None:
    assert timestamp_text(instants(None, None, zone="Europe/Berlin")).to_pylist() == [None, None]
    assert date_text(pa.nulls(2, pa.date32())).to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 0),
        ("Z", 0),
        ("GMT+2", 120),
        ("UTC-01:30", -90),
        ("+05:30", 330),
        ("Europe/Berlin", None),
    ],
)
def test_fixed_zones_of_java_are_understood(zone: str, minutes: int | None) -> None:
    assert fixed_offset(zone) == (minutes if minutes is None else minutes * 60_000_000)


def test_a_fixed_zone_shifts_the_clock() -> None:
    assert timestamp_text(instants(0, zone="GMT+2")).to_pylist() == [
        "1970-01-01T02:00:00.000+02:00"
    ]


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "INTERVAL '0 00:00:00' DAY TO SECOND"),
        (93_784_500_000, "INTERVAL '1 02:03:04.5' DAY TO SECOND"),
        (-93_784_500_000, "INTERVAL '-1 02:03:04.5' DAY TO SECOND"),
        (1, "INTERVAL '0 00:00:00.000001' DAY TO SECOND"),
        (-(2**63), "INTERVAL '-106751991 04:00:54.775808' DAY TO SECOND"),
        (None, None),
    ],
)
def test_a_day_time_interval_is_ansi_sql(micros: int | None, text: str | None) -> None:
    column = pa.array([micros], pa.int64()).cast(pa.duration("us"))
    assert interval_text(column).to_pylist() == [text]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("dd.MM.yyyy HH:mm:ss", "05.03.2024 16:07:08"),
        ("d/M/yy h:mm a", "5/3/24 4:07 PM"),
        ("EEE, d MMM yyyy", "Tue, 5 Mar 2024"),
        ("EEEE, MMMM d", "Tuesday, March 5"),
        ("yyyyMMddHHmmssSSS", "20240305160708090"),
        ("ss.S ss.SS ss.SSSSSS ss.SSSSSSSSS", "08.0 08.09 08.090123 08.090123000"),
        ("yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "2024-03-05T16:07:08.090+01:00"),
        (
            "X XX XXX x xx xxx Z ZZZZZ VV",
            "+01 +0100 +01:00 +01 +0100 +01:00 +0100 +01:00 Europe/Berlin",
        ),
        ("'o''clock' ''k", "o'clock '16"),
        ("D DDD q Q", "65 065 1 1"),
        ("K k yyy y", "4 16 2024 2024"),
        ("'only text'", "only text"),
        ("XXX", "+01:00"),
    ],
)
def test_a_pattern_formats_as_javas_formatter_does(pattern: str, text: str) -> None:
    assert formatted(pattern, MOMENT) == text


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("XXX", "Z"), ("xxx", "+00:00"), ("Z", "+0000"), ("x", "+00"), ("ZZZZZ", "Z")],
)
def test_no_offset_has_the_sign_that_its_letter_asks_for(pattern: str, text: str) -> None:
    assert formatted(pattern, MOMENT, "UTC") == text


def test_nulls_and_slices_go_through_a_pattern() -> None:
    dates = pa.array([dt.date(2000, 1, 1), None, dt.date(2024, 2, 29)])
    for pattern, expected in (("dd.MM.", [None, "29.02."]), ("'x'", [None, "x"])):
        text = Pattern.parse(pattern, option="date_format", clock=False).of(dates.slice(1))
        assert text.to_pylist() == expected


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_a_pattern_agrees_with_strftime(moment: dt.datetime) -> None:
    text = formatted("yyyy-MM-dd HH:mm:ss.SSSSSS EEEE MMMM DDD hh", moment, None)
    assert text == moment.strftime("%Y-%m-%d %H:%M:%S.%f %A %B %j %I")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns"])
def test_the_offset_in_a_pattern_is_that_of_the_moment(zone: str) -> None:
    offset = MOMENT.replace(tzinfo=ZoneInfo(zone)).strftime("%z")
    assert formatted("xx", MOMENT, zone) == offset


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("yyyy-MM-dd GG", "'G'"),
        ("yyyy-MMMMM", "'M'"),
        ("YYYY", "'Y'"),
        ("uuuu", "'u'"),
        ("dd 'of", "not closed"),
        ("[dd", "not closed"),
        ("dd]", "quotes"),
        ("", "empty"),
        ("V", "exactly"),
    ],
)
def test_a_pattern_that_is_not_understood_names_option_and_letter(pattern: str, words: str) -> None:
    with pytest.raises(OptionsError, match="timestamp_format") as caught:
        Pattern.parse(pattern, option="timestamp_format", clock=True)
    assert words in str(caught.value)


def test_a_date_has_no_hours() -> None:
    with pytest.raises(OptionsError, match=r"'H'.*no time of day"):
        Pattern.parse("yyyy-MM-dd HH", option="date_format", clock=False)
