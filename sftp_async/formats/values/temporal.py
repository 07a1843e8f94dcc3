"""Formats dates, timestamps and day-time intervals as Spark does, microseconds included."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import any_true, join

_DAY_US = 86_400_000_000
_QUARTER_US = 900_000_000
_FIELD_US = {"day": _DAY_US, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
_FIELDS = list(_FIELD_US)
_EPOCH = dt.date(1970, 1, 1)
#: Dates of these years are looked up in a table, five times faster than formatting each. They are
#: days since 1970.
TABLE_FIRST = (dt.date(1900, 1, 1) - _EPOCH).days
TABLE_LAST = (dt.date(2100, 12, 31) - _EPOCH).days
_YEAR_0 = -719_528
_YEAR_10000 = 2_932_897
# Arrow's calendar ends with the year 32,767: it prints "<value out of range>" for later ones, which
# Spark has. The Gregorian calendar repeats itself, weekdays too, after 400 years of so many days,
# so years beyond reach are formatted as others in the future or, before zones had rules, the past.
_CYCLE = 146_097
_REACH = 30_000 * 365
_FUTURE = (dt.date(2400, 1, 1) - _EPOCH).days
_PAST = (dt.date(400, 1, 1) - _EPOCH).days
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
    near, cycles = within_reach(days)
    if cycles is not None:
        return _with_far_years(near.cast(pa.string()), pc.year(near), cycles)
    text = days.cast(pa.string())
    if high >= _YEAR_10000:
        text = pc.if_else(pc.greater_equal(numbers, _YEAR_10000), join("+", text), text)
    return text


def within_reach(values: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Move dates or timestamps whose years Arrow does not know by whole cycles of 400 years.

    Args:
        values: date32 or timestamp.

    Returns:
        The values, and the cycles by which each is really later; None if none was moved.

    """
    dates = pa.types.is_date32(values.type)
    unit = 1 if dates else _DAY_US
    if not dates:
        values = values.cast(pa.timestamp("us", values.type.tz))
    numbers = values.view(pa.int32()).cast(pa.int64()) if dates else values.view(pa.int64())
    bounds = pc.min_max(numbers)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is None or (low >= -_REACH * unit and high <= _REACH * unit):
        return values, None
    near: list[int | None] = []
    cycles: list[int | None] = []
    for number in numbers.to_pylist():
        far = 0
        if number is not None and abs(number) > _REACH * unit:
            start = (_FUTURE if number > 0 else _PAST) * unit
            far = (number - start) // (_CYCLE * unit)
            number -= far * _CYCLE * unit
        near.append(number)
        cycles.append(far)
    moved = pa.array(near, pa.int32() if dates else pa.int64()).view(values.type)
    return moved, pa.array(cycles, pa.int64())


def far_year(near: pa.Array, cycles: pa.Array | None) -> pa.Array:
    """Return the years of dates or of timestamps without zone that `within_reach` has moved."""
    year = pc.year(near)
    return year if cycles is None else pc.add(year, pc.multiply(cycles, 400))


def _with_far_years(text: pa.Array, near: pa.Array, cycles: pa.Array) -> pa.Array:
    """Put the real years in the place of near ones, which have four digits where they are moved."""
    year = pc.add(near, pc.multiply(cycles, 400))
    sign = pc.if_else(pc.less(year, 0), "-", pc.if_else(pc.greater(year, 9_999), "+", ""))
    rest = pc.replace_substring_regex(text, pattern=r"^[+-]?\d+", replacement="")
    return join(sign, padded(pc.abs(year), 4), rest)


@functools.cache
def date_table() -> pa.Array:
    """Return the text of all dates from `TABLE_FIRST` to `TABLE_LAST`."""
    days = pa.array(range(TABLE_FIRST, TABLE_LAST + 1), pa.int32())
    return days.cast(pa.date32()).cast(pa.string())


def timestamp_text(instants: pa.Array) -> pa.Array:
    """Return timestamps as `yyyy-MM-dd'T'HH:mm:ss.SSS` plus the zone's offset if they have a zone.

    Three digits of the second, as Spark prints, six where three would lose microseconds.
    """
    instants, cycles = within_reach(instants)
    local = local_time(instants)
    text = _clock_text(local)
    if cycles is not None:
        text = _with_far_years(text, pc.year(local), cycles)
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
        return _with_late_rules(instants, pc.local_timestamp(instants))
    return pc.add(instants.view(pa.int64()), offset).view(pa.timestamp("us"))


def _with_late_rules(instants: pa.Array, local: pa.Array) -> pa.Array:
    """Correct the local time of instants after the last change of clocks that Arrow knows of."""
    zone = instants.type.tz
    micros = instants.view(pa.int64())
    high = pc.max(micros).as_py()
    if high is None or high < known_until(zone):
        return local
    late = pc.fill_null(pc.greater_equal(micros, known_until(zone)), False)
    moments = micros.filter(late)
    # Clocks change at full quarters of an hour.
    quarters = pc.divide(moments, _QUARTER_US).dictionary_encode()
    offsets = [_offset_us(zone, quarter) for quarter in quarters.dictionary.to_pylist()]
    shown = pc.add(moments, pa.array(offsets, pa.int64()).take(quarters.indices))
    return pc.replace_with_mask(local.view(pa.int64()), late, shown).view(local.type)


@functools.cache
def known_until(zone: str) -> int:
    """Return the moment, in microseconds since 1970, until which Arrow knows a zone's offsets.

    The zone files list changes of clocks until 2037 at most, and some only those before the present
    rule, which follows them. Arrow does not read that rule; Python's zoneinfo does.
    """
    try:
        info = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return 2**63
    months = [
        dt.datetime(year, month, 1, tzinfo=dt.UTC)
        for year in range(1970, 2038)
        for month in range(1, 13)
    ]
    known = pc.local_timestamp(pa.array(months, pa.timestamp("us", zone))).to_pylist()
    for before, month, local in zip(months[:1] + months, months, known, strict=False):
        if month.astimezone(info).replace(tzinfo=None) != local:
            return int(before.timestamp()) * 1_000_000
    return int(months[-1].timestamp()) * 1_000_000


@functools.lru_cache(maxsize=4096)
def _offset_us(zone: str, quarter: int) -> int:
    seconds = quarter * 900
    # Python's calendar ends with the year 9999.
    seconds -= max(0, (seconds - _FUTURE * 86_400) // (_CYCLE * 86_400)) * _CYCLE * 86_400
    offset = dt.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone)).utcoffset()
    return offset // dt.timedelta(microseconds=1) if offset else 0


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


def interval_text(durations: pa.Array, fields: str = "day to second") -> pa.Array:
    """Return `duration[us]` values as ANSI intervals: `INTERVAL '-1 02:03:04.5' DAY TO SECOND`.

    Args:
        durations: the values.
        fields: the first and the last field, or the only one: `hour to minute`, `hour`.

    """
    first, _, last = fields.partition(" to ")
    rest = durations.cast(pa.duration("us")).view(pa.int64())
    parts = ["INTERVAL '", pc.if_else(pc.less(rest, 0), "-", "")]
    mark = ""
    for unit in _FIELDS[_FIELDS.index(first) : _FIELDS.index(last or first) + 1]:
        # Quotients round towards zero, so the parts of a negative interval are all negative or
        # zero; taking their absolutes one by one also serves the lowest int64, which has none.
        count = pc.divide(rest, _FIELD_US[unit])
        rest = pc.subtract(rest, pc.multiply(count, _FIELD_US[unit]))
        text = pc.abs(count).cast(pa.string())
        parts += [mark, text if unit == "day" else pc.ascii_lpad(text, width=2, padding="0")]
        mark = " " if unit == "day" else ":"
    fraction = pc.abs(rest)
    if any_true(pc.greater(fraction, 0)):
        digits = pc.ascii_rtrim(padded(fraction, 6), characters="0")
        parts.append(pc.if_else(pc.equal(fraction, 0), "", join(".", digits)))
    return join(*parts, f"' {fields.upper()}")


def padded(numbers: pa.Array, width: int) -> pa.Array:
    """Return non-negative integers as text, with zeros in front up to `width` digits."""
    if width == 2:
        # Fields of a clock: never above 99, and a look-up beats padding.
        return _two_digits().take(numbers)
    return pc.ascii_lpad(numbers.cast(pa.string()), width=width, padding="0")


@functools.cache
def _two_digits() -> pa.Array:
    return pa.array([f"{number:02}" for number in range(100)], pa.string())
