"""Finds time zones by the names that Java knows, and converts local times as Java does."""

from __future__ import annotations

import datetime as dt
import functools
import os
import re
import zoneinfo
from pathlib import Path

_LINK = Path("/etc/localtime")
_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
DAY_US = 86_400_000_000
#: Days of 400 years, after which the calendar repeats itself, weekdays too.
_CYCLE = 146_097
# java.time.ZoneId.SHORT_IDS
_SHORT = {
    "EST": "-05:00", "HST": "-10:00", "MST": "-07:00", "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires", "ART": "Africa/Cairo",
    "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago",
    "CTT": "Asia/Shanghai", "EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris",
    "IET": "America/Indiana/Indianapolis", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia", "NET": "Asia/Yerevan", "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
}  # fmt: skip
_ONE_DIGIT_HOUR = re.compile(r"([+-])([0-9]):")
_ONE_DIGIT_MINUTE = re.compile(r"([+-])([0-9]{2}):([0-9])$")
# java.time.ZoneOffset.of
_OFFSET = re.compile(
    r"([+-])(?:([0-9])|([0-9]{2})(?::?([0-9]{2})|:([0-9]{2}):([0-9]{2})|([0-9]{2})([0-9]{2}))?)"
)
_PREFIXED = re.compile(r"(?:UTC|GMT|UT)([+-].*)")
_REGION = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]+")


@functools.lru_cache(maxsize=1024)
def zone_of(name: str, *, short: bool = True) -> dt.tzinfo:
    """Return the zone that Spark's `getZoneId` finds for a name such as `+1:30`, `PST` or `UTC+2`.

    Args:
        name: of a zone.
        short: whether names such as `PST` and short offsets such as `+1:30` are known.

    Raises:
        ValueError: there is none.

    """
    if short:
        name = _ONE_DIGIT_HOUR.sub(r"\g<1>0\2:", name, count=1)
        name = _ONE_DIGIT_MINUTE.sub(r"\1\2:0\3", name, count=1)
        name = _SHORT.get(name, name)
    if name in ("Z", "UTC", "GMT", "UT"):
        return dt.UTC
    if name[:1] in ("+", "-"):
        return _offset(name)
    if match := _PREFIXED.fullmatch(name):
        return _offset(match[1])
    if _REGION.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no time zone")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone") from error


def machine_zone() -> str:
    """Return the name of the zone of this machine, as a JVM finds it; `UTC` if there is none.

    Java takes it from the variable TZ, then from the link /etc/localtime.
    """
    for place in (os.environ.get("TZ", "").lstrip(":"), str(_LINK.resolve())):
        _, found, name = place.rpartition("zoneinfo/")
        if place.startswith("/") and not found:
            continue
        try:
            zone_of(name := name.removeprefix("posix/"))
        except ValueError:
            continue
        return name
    return "UTC"


def _offset(text: str) -> dt.timezone:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no offset from UTC")
    sign, hour, *parts = match.groups()
    hours = int(hour or parts[0])
    minutes = int(parts[1] or parts[2] or parts[4] or 0)
    seconds = int(parts[3] or parts[5] or 0)
    return offset_zone(sign, hours, minutes, seconds)


def offset_zone(sign: str, hours: int, minutes: int, seconds: int) -> dt.timezone:
    """Return a fixed offset within 18 hours.

    Raises:
        ValueError: it is greater, or has 60 minutes or seconds.

    """
    total = (hours * 60 + minutes) * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 18 * 3600:
        raise ValueError(f"{sign}{hours:02}:{minutes:02} is no offset from UTC")
    return dt.timezone(dt.timedelta(seconds=-total if sign == "-" else total))


def days_of(year: int, month: int, day: int) -> int:
    """Return the days since 1970 of a date of any year, in the Gregorian calendar.

    Raises:
        ValueError: there is no such date.

    """
    cycles = 0 if 1 <= year <= 9999 else (year - 2000) // 400
    date = dt.date(year - cycles * 400, month, day)
    return date.toordinal() - 719_163 + cycles * _CYCLE


def utc_micros(local: int, zone: dt.tzinfo) -> int:
    """Return the microseconds since 1970 of a local time, given as if it were UTC.

    Where clocks were set back, the earlier of two instants; where they were set forward, as much
    later as they were (java.time.ZonedDateTime.of).
    """
    if zone is dt.UTC:
        return local
    if isinstance(zone, dt.timezone):
        return local - zone.utcoffset(None) // _MICROSECOND
    days, micros = divmod(local, DAY_US)
    # Python's calendar has the years 1 to 9999.
    cycles = 0
    if days > 2_932_000:
        cycles = (days - 2_800_000) // _CYCLE
    elif days < -718_000:
        cycles = (days + 718_000) // _CYCLE
    moment = _EPOCH + dt.timedelta(days=days - cycles * _CYCLE, microseconds=micros)
    offset = moment.replace(tzinfo=zone).utcoffset()
    return local - (offset // _MICROSECOND if offset else 0)
