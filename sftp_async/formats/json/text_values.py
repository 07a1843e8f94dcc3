"""Parses the texts of dates, timestamps and decimals in JSON, as Spark's JacksonParser does."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

import pyarrow as pa

Parse = Callable[[str], Any]
_EPOCH = dt.date(1970, 1, 1).toordinal()
_DATE = re.compile(r"([+-]?[0-9]{4,7})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?", re.DOTALL)
_TIMESTAMP = re.compile(
    r"([+-]?[0-9]{4,6})(?:-([0-9]{1,2})(?:-([0-9]{1,2})"
    r"(?:[ T](?:([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]*))?(\D.*)?)?)?)?)?"
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BLANK = "".join(map(chr, range(33)))


class TextParser:
    """Parses strings for columns that hold no strings."""

    def __init__(self, zone: str | None) -> None:
        self._zone = zoneinfo.ZoneInfo(zone or "UTC")

    def of(self, kind: pa.DataType) -> Parse:
        """Return what parses text for a type; it raises `ValueError`."""
        if pa.types.is_date(kind):
            return date
        if pa.types.is_timestamp(kind):
            return self._local if kind.tz is None else self._instant
        exact = self.decimal(kind)
        return lambda text: exact(text.replace(",", ""))

    def decimal(self, kind: pa.Decimal128Type) -> Parse:
        """Return what parses the text of a number, rounded to the scale of a type."""
        one = Decimal(1).scaleb(-kind.scale)

        def parse(text: str) -> Decimal:
            if not _NUMBER.fullmatch(text):
                raise ValueError("it is no number")
            number = Decimal(text)
            if number.adjusted() > 40:
                raise ValueError("a number has too many digits")
            with localcontext() as context:
                context.prec = 2000
                try:
                    rounded = number.quantize(one, ROUND_HALF_UP)
                except InvalidOperation as error:
                    raise ValueError(str(error)) from None
            if rounded and rounded.adjusted() + 1 + kind.scale > kind.precision:
                raise ValueError("a number has too many digits")
            return rounded

        return parse

    def _instant(self, text: str) -> int:
        moment, zone = _timestamp(text)
        micros = (moment.toordinal() - _EPOCH) * 86_400_000_000
        offset = moment.replace(tzinfo=zone or self._zone).utcoffset() or dt.timedelta()
        clock = moment - dt.datetime.combine(moment.date(), dt.time())
        return micros + (clock - offset) // dt.timedelta(microseconds=1)

    def _local(self, text: str) -> int:
        moment, zone = _timestamp(text)
        if zone is not None:
            raise ValueError("it has a time zone")
        return (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)


def date(text: str) -> int:
    """Return a date as days since 1970."""
    found = _DATE.fullmatch(text.strip(_BLANK))
    if found is None:
        raise ValueError("it is no date")
    year, month, day = (int(part or 1) for part in found.groups())
    return dt.date(year, month, day).toordinal() - _EPOCH


def _timestamp(text: str) -> tuple[dt.datetime, dt.tzinfo | None]:
    found = _TIMESTAMP.fullmatch(text.strip(_BLANK))
    if found is None:
        raise ValueError("it is no timestamp")
    *parts, fraction, zone = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    micros = int((fraction or "")[:6].ljust(6, "0"))
    moment = dt.datetime(year, month or 1, day or 1, hour, minute, second, micros)
    return moment, None if zone is None else _zone(zone.strip())


def _zone(name: str) -> dt.tzinfo:
    if name in ("Z", "UTC"):
        return dt.UTC
    if found := re.fullmatch(r"([+-])([0-9]{1,2}):?([0-9]{2})?", name):
        offset = dt.timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return dt.timezone(offset if found[1] == "+" else -offset)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(str(error)) from None
