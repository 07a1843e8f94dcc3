"""Text of dates, timestamps and day-time intervals as Spark writes them, microseconds kept."""

from __future__ import annotations

import datetime as dt
import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.encoders.arrays import any_true, join

_DAY_US = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1)
#: Dates of these years are looked up in a table, five times faster than formatting each. They are
#: days since 1970.
TABLE_FIRST = (dt.date(1900, 1, 1) - _EPOCH).days
TABLE_LAST = (dt.date(2100, 12, 31) - _EPOCH).days
_YEAR_0 = -719_528
_YEAR_10000 = 2_932_897
# java.time.ZoneId also takes UTC+1, GMT+01:30, UT-5, +1, Z: https://docs.oracle.com/javase/8/docs/api/java/time/ZoneId.html#of-java.lang.String-
_FIXED_ZONE = re.compile(r"^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$")
_UTC_NAMES = frozenset({"UTC", "Z", "GMT", "UT", "Etc/UTC", "Zulu", "+00:00", "Etc/GMT", "GMT0"})


def date_text(days: pa.Array) -> pa.Array:
    """Return date32 values as `yyyy-MM-dd`; years above 9999 get a plus sign, as in Java."""
    numbers = days.view(pa.int32())
    bounds = pc.min_max(numbers)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is None:
        return pa.nulls(len(days), pa.string())
    if low >= TABLE_FIRST and high <= TABLE_LAST:
        return date_table().take(pc.subtract(numbers, pa.scalar(TABLE_FIRST, pa.int32())))
    text = days.cast(pa.string())
    if high >= _YEAR_10000:
        text = pc.if_else(pc.greater_equal(numbers, _YEAR_10000), join("+", text), text)
    return text


@functools.cache
def date_table() -> pa.Array:
    """Return the text of all dates from `TABLE_FIRST` to `TABLE_LAST`."""
    days = pa.array(range(TABLE_FIRST, TABLE_LAST + 1), pa.int32())
    return days.cast(pa.date32()).cast(pa.string())


def timestamp_text(instants: pa.Array) -> pa.Array:
    """Return timestamps as `yyyy-MM-dd'T'HH:mm:ss.SSS` plus the zone's offset if they have a zone.

    Three digits of the second, as Spark prints, six where three would lose microseconds.
    """
    local = local_time(instants)
    text = _clock_text(local)
    if instants.type.tz is None:
        return text
    return join(text, offset_text(instants, local))


def local_time(instants: pa.Array) -> pa.Array:
    """Return `timestamp[us]` without zone: what a clock in the array's own zone shows."""
    instants = instants.cast(pa.timestamp("us", instants.type.tz))
    zone = instants.type.tz
    if zone is None:
        return instants
    offset = fixed_offset(zone)
    if offset is None:
        return pc.local_timestamp(instants)
    return pc.add(instants.view(pa.int64()), offset).view(pa.timestamp("us"))


def fixed_offset(zone: str) -> int | None:
    """Return the microseconds by which a zone such as `UTC` or `GMT+2` is ahead of UTC, if fixed.

    Arrow knows names as `Europe/Berlin`, but not all of these that Java takes.
    """
    if zone in _UTC_NAMES:
        return 0
    if match := _FIXED_ZONE.match(zone):
        sign, hours, minutes = match.groups()
        offset = (int(hours) * 60 + int(minutes or 0)) * 60_000_000
        return -offset if sign == "-" else offset
    return None


def _clock_text(local: pa.Array) -> pa.Array:
    millis = local.cast(pa.timestamp("ms"), safe=False)
    exact = pc.equal(millis.cast(pa.timestamp("us")), local)
    if pc.all(exact).as_py() is not False:
        text = millis.cast(pa.string())
    else:
        text = pc.if_else(exact, millis.cast(pa.string()), local.cast(pa.string()))
    micros = local.view(pa.int64())
    bounds = pc.min_max(micros)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is None:
        return text
    if low >= _YEAR_0 * _DAY_US and high < _YEAR_10000 * _DAY_US:
        return pc.binary_replace_slice(text, 10, 11, "T")
    text = pc.replace_substring(text, " ", "T")
    return pc.if_else(pc.greater_equal(micros, _YEAR_10000 * _DAY_US), join("+", text), text)


def offset_text(
    instants: pa.Array, local: pa.Array, style: str = "+HH:MM:ss", zero: str = "Z"
) -> pa.Scalar | pa.Array:
    """Return the offsets from UTC; one scalar where they are all the same.

    `style` is `+HH`, `+HHmm`, `+HH:MM` and so on: capital parts are always printed, small ones
    unless zero; `zero` is the text of no offset.
    """
    micros = pc.subtract(local.view(pa.int64()), instants.cast(local.type).view(pa.int64()))
    bounds = pc.min_max(micros)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low == high:
        return pa.scalar(offset_name(low or 0, style, zero))
    encoded = micros.dictionary_encode()
    names = [offset_name(value, style, zero) for value in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def offset_name(micros: int, style: str = "+HH:MM:ss", zero: str = "Z") -> str:
    """Return the text of one offset from UTC; see `offset_text`."""
    seconds = abs(micros) // 1_000_000
    if not seconds:
        return zero
    colon = ":" if ":" in style else ""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{'-' if micros < 0 else '+'}{hours:02}"
    show_seconds = "SS" in style or ("ss" in style and seconds)
    if "MM" in style or ("mm" in style and minutes):
        text += f"{colon}{minutes:02}"
    return text + (f"{colon}{seconds:02}" if show_seconds else "")


def interval_text(durations: pa.Array) -> pa.Array:
    """Return `duration[us]` values as ANSI intervals: `INTERVAL '-1 02:03:04.5' DAY TO SECOND`."""
    micros = durations.cast(pa.duration("us")).view(pa.int64())
    negative = pc.less(micros, 0)
    # Quotients round towards zero, so the parts of a negative interval are all negative or zero;
    # taking their absolutes one by one also serves the lowest int64, which has none itself.
    days = pc.divide(micros, _DAY_US)
    rest = pc.abs(pc.subtract(micros, pc.multiply(days, _DAY_US)))
    hours = pc.divide(rest, 3_600_000_000)
    rest = pc.subtract(rest, pc.multiply(hours, 3_600_000_000))
    minutes = pc.divide(rest, 60_000_000)
    rest = pc.subtract(rest, pc.multiply(minutes, 60_000_000))
    seconds = pc.divide(rest, 1_000_000)
    fraction = pc.subtract(rest, pc.multiply(seconds, 1_000_000))
    dotted = ""
    if any_true(pc.greater(fraction, 0)):
        digits = pc.ascii_rtrim(padded(fraction, 6), characters="0")
        dotted = pc.if_else(pc.equal(fraction, 0), "", join(".", digits))
    return join(
        "INTERVAL '",
        pc.if_else(negative, "-", ""),
        pc.abs(days).cast(pa.string()),
        " ",
        padded(hours, 2),
        ":",
        padded(minutes, 2),
        ":",
        padded(seconds, 2),
        dotted,
        "' DAY TO SECOND",
    )


def padded(numbers: pa.Array, width: int) -> pa.Array:
    """Return non-negative integers as text, with zeros in front up to `width` digits."""
    if width == 2:
        # Fields of a clock: never above 99, and a look-up beats padding.
        return _two_digits().take(numbers)
    return pc.ascii_lpad(numbers.cast(pa.string()), width=width, padding="0")


@functools.cache
def _two_digits() -> pa.Array:
    return pa.array([f"{number:02}" for number in range(100)], pa.string())
