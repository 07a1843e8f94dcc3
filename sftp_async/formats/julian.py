"""Converts days of the Julian calendar, as programs before Spark 3 stored them, to today's.

Java's older classes take days before 15 October 1582 for those of the Julian calendar. What they
stored is the number of a day whose year, month and day are to be kept, as Spark keeps them
(RebaseDateTime.rebaseJulianToGregorianDays).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

#: The first day of the Gregorian calendar, 15 October 1582, in days since 1970.
FIRST_DAY = -141427
#: 1 March of the year 0 of both calendars, in days since 1970.
_JULIAN_MARCH = -719470
_GREGORIAN_MARCH = -719468
_DAY = 86_400_000_000


def gregorian_day(day: int) -> int:
    """Return the day of the Gregorian calendar with the date that a Julian day has.

    Args:
        day: since 1970; from `FIRST_DAY` on it is returned as it is.

    """
    if day >= FIRST_DAY:
        return day
    # Years begin in March, so that the leap day is their last.
    era, rest = divmod(day - _JULIAN_MARCH, 1461)
    year = min(rest // 365, 3)
    day_of_year = rest - 365 * year
    year += 4 * era
    centuries = year // 100
    return _GREGORIAN_MARCH + 365 * year + year // 4 - centuries + centuries // 4 + day_of_year


def gregorian_dates(values: pa.Array) -> pa.Array:
    """Return dates (`date32`) with those before `FIRST_DAY` taken from the Julian calendar."""
    days = values.cast(pa.int32())
    return _mapped(days, FIRST_DAY, gregorian_day).cast(pa.date32())


def gregorian_timestamps(values: pa.Array) -> pa.Array:
    """Return wall-clock times (`timestamp[us]`), those before `FIRST_DAY` from the Julian one."""

    def convert(micros: int) -> int:
        day, rest = divmod(micros, _DAY)
        return gregorian_day(day) * _DAY + rest

    return _mapped(values.cast(pa.int64()), FIRST_DAY * _DAY, convert).cast(values.type)


def _mapped(values: pa.Array, limit: int, convert: Callable[[int], int]) -> pa.Array:
    """Return integers with those below a limit converted; each distinct one only once."""
    least = pc.min(values).as_py() if len(values) else None
    if least is None or least >= limit:
        return values
    encoded = values.dictionary_encode()
    converted = [convert(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(converted, values.type).take(encoded.indices)
