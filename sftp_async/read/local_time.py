"""Reads dates and times as Spark's cast from strings does, in the time zone of a session.

The forms are those of SparkDateTimeUtils.stringToDate and stringToTimestamp.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_DATE = re.compile(r"(\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_DAY = re.compile(rf"{_DATE.pattern}(?:[ T].*)?", re.ASCII | re.DOTALL)
_MOMENT = re.compile(
    rf"{_DATE.pattern}(?:[ T](\d{{1,2}}):(\d{{1,2}})(?::(\d{{1,2}})(?:\.(\d{{0,9}}))?)?(.*))?",
    re.ASCII,
)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?", re.ASCII)


@lru_cache(64)
def zone_of(name: str) -> tzinfo:
    """Return a time zone by the names that Spark takes: `Europe/Berlin`, `UTC`, `Z`, `+02:00`.

    Raises:
        ValueError: it is not known here.

    """
    if name in ("Z", "UTC", "GMT", "UT"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        hours, minutes, seconds = (int(part or 0) for part in offset.groups()[1:])
        shift = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if minutes > 59 or seconds > 59 or shift > timedelta(hours=18):
            raise ValueError(f"{name!r} is no offset from UTC")
        return timezone(-shift if offset[1] == "-" else shift)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"the time zone {name!r} is not known here") from None


def parse_day(text: str) -> date:
    """Read a date: `2026-11-23`, `2026-1-3`, `2026-11`, `2026`, with a time behind it or not.

    Raises:
        ValueError: the text is no date, or its year is not one from 1 to 9999.

    """
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no date")
    year, month, day = match.groups()
    return date(int(year), int(month or 1), int(day or 1))


def parse_moment(text: str, zone: str) -> datetime:
    """Read a time: `2026-11-23 10:20:30.5`, `2026-11-23T10:20`, `2026-11-23`, with or without zone.

    A local time that a change of the clock skips is the same time after the change, and one that
    occurs twice is the first of them, as in Java.

    Args:
        text: to read.
        zone: of a text that names none.

    Raises:
        ValueError: the text is no time, its year is not one from 1 to 9999, or a zone is unknown.

    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time")
    year, month, day, hour, minute, second, fraction, own = match.groups()
    local = datetime(
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "").ljust(6, "0")[:6]),
        zone_of((own or "").strip() or zone),
    )
    return local.astimezone(UTC)
