"""Reads dates and timestamps in text as Spark does where no pattern is given, cell by cell."""

from __future__ import annotations

import datetime as dt
import re

from sftp_async.formats.values.zones import DAY_US, days_of, utc_micros, zone_of

# UTF8String.isWhitespaceOrISOControl, of a byte.
_BLANKS = "".join(map(chr, [*range(33), 127]))
# SparkDateTimeUtils.stringToDate
_DATE = re.compile(r"([+-]?)([0-9]{4,7})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?", re.DOTALL)
_CLOCK = r"([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]*))?([^0-9].*)?)?)?"
# SparkDateTimeUtils.parseTimestampString
_TIMESTAMP = re.compile(
    rf"([+-]?)([0-9]{{4,6}})(?:-([0-9]{{1,2}})(?:-([0-9]{{1,2}})(?:[ T]{_CLOCK})?)?)?", re.DOTALL
)
_TIME_ALONE = re.compile(rf"(T?){_CLOCK}", re.DOTALL)
_MIN, _MAX = -(1 << 63), (1 << 63) - 1


def without_gmt(text: str) -> str:
    """Return a text without `GMT`, as DateTimeUtils.cleanLegacyTimestampStr does."""
    before, _, behind = text.partition("GMT")
    return before + behind


def date(text: str) -> int:
    """Return the days since 1970 of a date, with anything behind it, as Spark casts it.

    Raises:
        ValueError: it is none.

    """
    match = _DATE.fullmatch(text.strip(_BLANKS))
    if match is None:
        raise ValueError(f"{text!r} is no date")
    sign, year, month, day = match.groups()
    days = days_of(int(sign + year), int(month or 1), int(day or 1))
    if not -(1 << 31) <= days < 1 << 31:
        raise ValueError(f"{text!r} is too far a date")
    return days


def legacy_date(text: str) -> int:
    """Return a date as Spark's CSV reader finds it without a pattern."""
    try:
        return date(text)
    except ValueError:
        if "GMT" not in text:
            raise
        return date(without_gmt(text))


def timestamp(text: str, zone: dt.tzinfo) -> int:
    """Return the microseconds since 1970 of a timestamp, as Spark casts it.

    Args:
        text: the timestamp.
        zone: of a timestamp that names none.

    Raises:
        ValueError: it is none.

    """
    local, named = _parts(text, zone)
    micros = utc_micros(local, named or zone)
    if not _MIN <= micros <= _MAX:
        raise ValueError(f"{text!r} is too far a timestamp")
    return micros


def legacy_timestamp(text: str, zone: dt.tzinfo) -> int:
    """Return a timestamp as Spark's CSV reader finds it without a pattern."""
    try:
        return timestamp(text, zone)
    except ValueError:
        if "GMT" not in text:
            raise
        return timestamp(without_gmt(text), zone)


def timestamp_ntz(text: str) -> int:
    """Return a timestamp without time zone, in microseconds as if it were UTC.

    Raises:
        ValueError: it is none, or names a zone.

    """
    local, named = _parts(text, None)
    if named is not None:
        raise ValueError(f"{text!r} names a time zone")
    if not _MIN <= local <= _MAX:
        raise ValueError(f"{text!r} is too far a timestamp")
    return local


def _parts(text: str, zone: dt.tzinfo | None) -> tuple[int, dt.tzinfo | None]:
    """Return the local time as microseconds, and the zone that the text names.

    Args:
        text: the timestamp.
        zone: in which today is looked up for a time without a date; None allows no such time.

    """
    stripped = text.strip(_BLANKS)
    if match := _TIMESTAMP.fullmatch(stripped):
        sign, year, month, day, *clock = match.groups()
        days = days_of(int(sign + year), int(month or 1), int(day or 1))
        named = _zone(clock[4])
    else:
        match = _TIME_ALONE.fullmatch(stripped)
        # A T counts only where the text begins with it; without it there are minutes.
        if match is None or zone is None or (match[1] != "T" and match[3] is None):
            raise ValueError(f"{text!r} is no timestamp")
        if match[1] and not text.startswith("T"):
            raise ValueError(f"{text!r} is no timestamp")
        clock = list(match.groups()[1:])
        named = _zone(clock[4])
        today = dt.datetime.now(named or zone)
        days = days_of(today.year, today.month, today.day)
    hour, minute, second, fraction, _ = clock
    return days * DAY_US + clock_micros(
        int(hour or 0), int(minute or 0), int(second or 0), int(((fraction or "") + "000000")[:6])
    ), named


def _zone(name: str | None) -> dt.tzinfo | None:
    return None if name is None else zone_of(name.strip(_JAVA_BLANKS))


_JAVA_BLANKS = "".join(map(chr, range(33)))


def clock_micros(hour: int, minute: int, second: int, micros: int) -> int:
    """Return the microseconds of a time of day.

    Raises:
        ValueError: there is no such time.

    """
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{hour}:{minute}:{second} is no time of day")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
