"""Parses the texts of dates, timestamps and decimals in JSON, as Spark's JacksonParser does."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.text_rules import text_rules
from sftp_async.formats.values.from_text import reader_of
from sftp_async.formats.values.text_numbers import big_decimal, rounded
from sftp_async.formats.values.zones import days_of

if TYPE_CHECKING:
    from sftp_async.formats.values.from_text import FromText
    from sftp_async.options import FormatOptions

Parse = Callable[[str], Any]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICRO = dt.timedelta(microseconds=1)
_DAYS = re.compile(r"[+-]?\d+")
_INTS = range(-(1 << 31), 1 << 31)
#: The first day of the Gregorian calendar, 1582-10-15, in days since 1970.
_GREGORIAN = -141_427
#: Days from the first of the Julian period, used by astronomers, to 1970.
_JULIAN_EPOCH = 2_440_588


class TextParser:
    """Parses strings for columns that hold no strings.

    Args:
        options: of the read.

    Attributes:
        is_english: whether decimals in strings are those of the locale en-US.

    Raises:
        OptionsError: a pattern, the time zone or the locale is not understood.

    """

    def __init__(self, options: FormatOptions) -> None:
        self._counts_days = options.date_format is None
        self._rules = text_rules(options)
        self._date: Parse | None = None
        self.is_english = options.locale.replace("_", "-").lower() == "en-us"

    def of(self, kind: pa.DataType) -> Parse:
        """Return what parses text for a type; it raises `ValueError` if the text does not fit.

        Raises:
            TypeError: no text stands for values of the type.

        """
        parse: Parse = self._reader(kind).cell
        if pa.types.is_date(kind):
            if self._date is None:
                # The dates of a file are few.
                self._date = lru_cache(4096)(_or_counted(parse) if self._counts_days else parse)
            return self._date
        if pa.types.is_timestamp(kind) and kind.tz is not None and self._rules.timestamp is None:
            return lambda text: _utc_micros(text, parse)
        return parse

    def column(self, texts: pa.Array, kind: pa.DataType) -> pa.Array:
        """Parse a column.

        Raises:
            ValueError: a text does not fit.

        """
        values, wrong = self._reader(kind).column(texts)
        if wrong:
            raise ValueError(f"{texts[wrong[0]].as_py()!r} is no {kind}")
        return values

    def is_known(self, kind: pa.DataType) -> bool:
        """Whether scalar values of a type are read."""
        return pa.types.is_null(kind) or reader_of(kind, self._rules) is not None

    @staticmethod
    def decimal(kind: pa.Decimal128Type) -> Parse:
        """Return what parses the text of a number, rounded to the scale of a type."""
        precision, scale = kind.precision, kind.scale
        return lambda text: rounded(big_decimal(text), precision, scale)

    def _reader(self, kind: pa.DataType) -> FromText:
        reader = reader_of(kind, self._rules)
        if reader is None:
            raise TypeError(f"No text stands for a value of type {kind}")
        return reader


def _or_counted(parse: Parse) -> Parse:
    def date(text: str) -> int:
        try:
            days: int = parse(text)
        except ValueError:
            return _counted_days(text)
        return days

    return date


def _utc_micros(text: str, parse: Parse) -> int:
    """Return a timestamp, quickly if it is in UTC and in the usual form."""
    if (
        text[-1:] == "Z"
        and len(text) in (20, 24, 27)
        and text[4:17:3] == "--T::"
        and text[19] in "Z."
    ):
        with suppress(ValueError):
            return (dt.datetime.fromisoformat(text) - _EPOCH) // _MICRO
    micros: int = parse(text)
    return micros


def _counted_days(text: str) -> int:
    """Return a date that is given as the number of days since 1970, as Spark 1.5 wrote dates.

    Raises:
        ValueError: it is no number.

    """
    if not _DAYS.fullmatch(text) or int(text) not in _INTS:
        raise ValueError(f"{text!r} is no date")
    days = int(text)
    if days >= _GREGORIAN:
        return days
    # It counts by the Julian calendar before; RebaseDateTime.rebaseJulianToGregorianDays keeps
    # year, month and day. For the arithmetic see https://en.wikipedia.org/wiki/Julian_day
    years, day = divmod(4 * (days + _JULIAN_EPOCH + 1401) + 3, 1461)
    months, day = divmod(5 * (day // 4) + 2, 153)
    month = (months + 2) % 12 + 1
    year = years - 4716 + (14 - month) // 12
    return days_of(year, month, 1) + day // 5
