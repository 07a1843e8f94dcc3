"""Reads dates and timestamps by Spark's patterns, as Java's DateTimeFormatter does when strict."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sftp_async.errors import OptionsError
from sftp_async.formats.values.text_times import clock_micros
from sftp_async.formats.values.zones import DAY_US, days_of, offset_zone, utc_micros, zone_of

_MONTHS = list(calendar.month_name)[1:] if calendar.month_name[1] == "January" else [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
_DOCS = "https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html"
# One run of a letter, a quoted literal, or any other character.
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
#: letter -> greatest run that is read; Spark refuses E, F, q and Q when reading.
_RUNS = {
    "y": 6, "M": 4, "L": 4, "d": 2, "D": 3, "H": 2, "h": 2, "K": 2, "k": 2, "m": 2, "s": 2,
    "S": 9, "a": 1, "X": 5, "x": 5, "Z": 5, "V": 2,
}  # fmt: skip
_FIELD = {
    "y": "year", "M": "month", "L": "month", "d": "day", "D": "day_of_year", "H": "hour",
    "k": "clock_hour", "K": "half_hour", "h": "clock_half_hour", "m": "minute", "s": "second",
    "S": "fraction",
}  # fmt: skip
#: Fields whose runs of these lengths have exactly so many digits.
_OFFSETS = {
    1: r"[+-]\d\d(?:\d\d)?",
    2: r"[+-]\d{4}",
    3: r"[+-]\d\d:\d\d",
    4: r"[+-]\d{4}(?:\d\d)?",
    5: r"[+-]\d\d:\d\d(?::\d\d)?",
}
#: What an ISO text is assembled from, for patterns whose fields have fixed places.
_ISO = (("year", "-"), ("month", "-"), ("day", " "), ("hour", ":"), ("minute", ":"), ("second", ""))


@dataclass(frozen=True)
class PatternReader:
    """A checked pattern for reading.

    Args:
        text: the pattern.
        parts: its parts, without brackets, as `(kind, text)`.

    """

    text: str
    parts: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str, *, option: str) -> PatternReader:
        """Check a pattern.

        Args:
            text: such as `dd.MM.yyyy HH:mm`.
            option: the option it came from, for the error.

        Raises:
            OptionsError: a letter is unknown, or is not read, or is repeated too often; a quote or
                a bracket is open.

        """
        if not text:
            raise OptionsError(f"{option} is empty. Leave it out to read ISO 8601")
        if text.count("'") % 2:
            raise OptionsError(f"{option}={text!r} has a quote ' that is not closed")
        depth = 0
        parts = []
        for match in _TOKEN.finditer(text):
            part, letter = match.group(), match.group(1)
            if letter:
                most = _RUNS.get(letter, 0)
                if not most:
                    raise OptionsError(
                        f"{option}={text!r} has the letter {letter!r}, which is not read. Known "
                        f"are {' '.join(_RUNS)}; plain text goes in quotes. See {_DOCS}"
                    )
                if len(part) > most or (letter == "V" and len(part) != 2):
                    raise OptionsError(
                        f"{option}={text!r} has {len(part)} times the letter {letter!r}, which "
                        f"is not read. See {_DOCS}"
                    )
            depth += {"[": 1, "]": -1}.get(part, 0)
            if depth < 0 or part in ("{", "}", "#"):
                raise OptionsError(
                    f"{option}={text!r} has a {part!r} that means nothing there: put it in quotes"
                )
            parts.append(part)
        if depth:
            raise OptionsError(f"{option}={text!r} has a bracket [ that is not closed")
        reader = cls(text, tuple(parts))
        reader._compiled  # noqa: B018 - a pattern that cannot be read is found here
        return reader

    def __reduce__(self) -> tuple[Any, ...]:
        return PatternReader, (self.text, self.parts)

    def date(self, text: str) -> int:
        """Return days since 1970.

        Raises:
            ValueError: the text is no date of this pattern.

        """
        return self._date(self._found(text), text)

    def timestamp(self, text: str, zone: dt.tzinfo) -> int:
        """Return microseconds since 1970.

        Args:
            text: of a timestamp.
            zone: of timestamps that name none.

        Raises:
            ValueError: as in `date`.

        """
        found = self._found(text)
        return _in_range(utc_micros(self._local(found, text), _zone(found) or zone), text)

    def timestamp_ntz(self, text: str) -> int:
        """Return microseconds since 1970 as if the timestamp were in UTC; it may name no zone.

        Raises:
            ValueError: as in `date`.

        """
        found = self._found(text)
        if _zone(found) is not None:
            raise ValueError(f"{text!r} names a time zone")
        return _in_range(self._local(found, text), text)

    @cached_property
    def fixed(self) -> tuple[str, str] | None:
        """A regular expression of RE2 and its replacement that make ISO text; None if it cannot.

        Only for patterns with year, month and day, each with a fixed number of digits.
        """
        letters = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour", "mm": "minute"}
        letters |= {"ss": "second"}
        names: list[str] = []
        pattern = ""
        for part in self.parts:
            if part[0].isalpha() and part[0].isascii():
                name = letters.get(part)
                if name is None or name in names:
                    return None
                names.append(name)
                pattern += r"(\d{4})" if name == "year" else r"(\d{2})"
            elif part in ("[", "]"):
                return None
            else:
                literal = _literal(part)
                if literal.lower() != literal.upper() or not literal.isascii():
                    return None
                pattern += re.escape(literal)
        if {"year", "month", "day"} - set(names):
            return None
        order = [name for name, _ in _ISO if name in names]
        if order != [name for name, _ in _ISO][: len(order)] or len(order) not in (3, 5, 6):
            return None
        replacement = "".join(
            f"\\{names.index(name) + 1}{mark if at + 1 < len(order) else ''}"
            for at, (name, mark) in enumerate(_ISO[: len(order)])
        )
        return f"^{pattern}$", replacement

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], tuple[tuple[str, str], ...]]:
        """The regular expression, and of each group the field and its letters."""
        groups: list[tuple[str, str]] = []
        pattern = ""
        parts = list(self.parts)
        index = 0
        while index < len(parts):
            part = parts[index]
            if part == "[":
                pattern += "(?>(?:"
            elif part == "]":
                pattern += ")?)"
            elif part[0].isalpha() and part[0].isascii():
                chain = [part]
                # What has a fixed number of digits leaves them no digits of a field before it.
                while index + 1 < len(parts) and _fixed_digits(parts[index + 1]):
                    index += 1
                    chain.append(parts[index])
                pattern += "(?>" + "".join(map(_expression, chain)) + ")"
                groups += [(_FIELD.get(part[0], "zone"), part) for part in chain]
            else:
                pattern += re.escape(_literal(part))
            index += 1
        groups = [("half", part) if part == "a" else (name, part) for name, part in groups]
        return re.compile(pattern, re.IGNORECASE | re.ASCII | re.DOTALL), tuple(groups)

    def _found(self, text: str) -> dict[str, tuple[str, str]]:
        """Return the text and letters of each field."""
        pattern, groups = self._compiled
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not of the pattern {self.text}")
        found: dict[str, tuple[str, str]] = {}
        for (name, letters), value in zip(groups, match.groups(), strict=True):
            if value is None:
                continue
            if name in found and _number(name, *found[name]) != _number(name, value, letters):
                raise ValueError(f"{text!r} has two values of {name}")
            found[name] = (value, letters)
        return found

    def _local(self, found: dict[str, tuple[str, str]], text: str) -> int:
        return self._date(found, text) * DAY_US + _clock(found)

    @staticmethod
    def _date(found: dict[str, tuple[str, str]], text: str) -> int:
        numbers = {
            name: _number(name, *found[name])
            for name in ("year", "month", "day", "day_of_year")
            if name in found
        }
        # DateTimeFormatterHelper.toLocalDate: Spark fills in what a pattern lacks.
        year = numbers.get("year", 1970)
        if abs(year) > 999_999_999:
            raise ValueError(f"{text!r} is too far a date")
        if "day_of_year" not in numbers:
            return _days_in_range(days_of(year, numbers.get("month", 1), numbers.get("day", 1)))
        nth = numbers["day_of_year"]
        days = days_of(year, 1, 1) + nth - 1
        if not 1 <= nth <= days_of(year, 12, 31) - days_of(year, 1, 1) + 1:
            raise ValueError(f"{text!r} has no such day of the year")
        if {"month", "day"} & numbers.keys():
            first = dt.date(2000 + year % 400, 1, 1) + dt.timedelta(days=nth - 1)
            if numbers.get("month", first.month) != first.month:
                raise ValueError(f"{text!r} has two values of month")
            if numbers.get("day", first.day) != first.day:
                raise ValueError(f"{text!r} has two values of day")
        return _days_in_range(days)


def _fixed_digits(part: str) -> bool:
    return part in ("MM", "LL", "dd", "DDD", "HH", "hh", "KK", "kk", "mm", "ss", "S", "yy")


def _expression(part: str) -> str:
    """Return the regular expression of one run of letters, with one group."""
    letter, run = part[0], len(part)
    if letter == "y":
        if run == 2:
            return r"(\d{2})"
        return rf"([+-]?\d{{{run},19}})" if run >= 4 else rf"(-?\d{{{run},19}})"
    if letter in "ML" and run > 2:
        return "(" + "|".join(name if run == 4 else name[:3] for name in _MONTHS) + ")"
    if letter == "D" and run == 2:
        return r"(\d{2,3})"
    if letter == "S":
        return rf"(\d{{1,{run}}})"
    if letter == "a":
        return "(AM|PM)"
    if letter in "Xx":
        return f"({_OFFSETS[run]}|Z)" if letter == "X" else f"({_OFFSETS[run]})"
    if letter == "Z":
        return {4: r"(GMT(?:[+-]\d\d:\d\d(?::\d\d)?)?)", 5: f"({_OFFSETS[5]}|Z)"}.get(
            run, rf"({_OFFSETS[2]})"
        )
    if letter == "V":
        return r"([A-Za-z][A-Za-z0-9~/._+:-]*|[+-][0-9:]+)"
    return r"(\d{1,19})" if run == 1 else rf"(\d{{{run}}})"


def _literal(part: str) -> str:
    if part == "''":
        return "'"
    return part[1:-1].replace("''", "'") if part[0] == "'" else part


def _number(name: str, value: str, letters: str) -> Any:
    if name in ("zone", "half"):
        return value.upper()
    if name == "fraction":
        return int((value + "000000000")[:9])
    if name == "month" and len(letters) > 2:
        return next(
            number
            for number, month in enumerate(_MONTHS, 1)
            if month.lower().startswith(value.lower())
        )
    if name != "year":
        return int(value)
    if len(letters) == 2:
        return 2000 + int(value)
    digits = value.lstrip("+-")
    # SignStyle.EXCEEDS_PAD: a year has a plus exactly if it has more digits than the pattern.
    if len(letters) >= 4 and (len(digits) > len(letters)) != (value[0] in "+-") and value[0] != "-":
        raise ValueError(f"the year {value!r} has a sign too many or too few")
    return int(value)


def _clock(found: dict[str, tuple[str, str]]) -> int:
    numbers = {
        name: _number(name, *found[name])
        for name in ("hour", "clock_hour", "half_hour", "clock_half_hour", "minute", "second")
        if name in found
    }
    afternoon = "half" in found and found["half"][0].upper() == "PM"
    limits = {"hour": (0, 23), "clock_hour": (1, 24), "half_hour": (0, 11)}
    limits |= {"clock_half_hour": (1, 12), "minute": (0, 59), "second": (0, 59)}
    for name, number in numbers.items():
        low, high = limits[name]
        if not low <= number <= high:
            raise ValueError(f"{number} is no {name.replace('_', ' ')}")
    if "hour" in numbers or "clock_hour" in numbers:
        hour = numbers.get("hour", numbers.get("clock_hour", 0) % 24)
        if "half" in found and (hour >= 12) != afternoon:
            raise ValueError("the hour is of the other half of the day")
    elif "half_hour" in numbers or "clock_half_hour" in numbers:
        hour = numbers.get("half_hour", numbers.get("clock_half_hour", 0) % 12) + 12 * afternoon
    else:
        hour = 12 * afternoon
    nanos = _number("fraction", *found["fraction"]) if "fraction" in found else 0
    return clock_micros(hour, numbers.get("minute", 0), numbers.get("second", 0), nanos // 1000)


def _zone(found: dict[str, tuple[str, str]]) -> dt.tzinfo | None:
    if "zone" not in found:
        return None
    value, letters = found["zone"]
    if letters[0] == "V":
        return zone_of(value, short=False)
    value = value.upper().removeprefix("GMT")
    if value in ("", "Z"):
        return dt.UTC
    digits = value[1:].replace(":", "").ljust(6, "0")
    return offset_zone(value[0], int(digits[:2]), int(digits[2:4]), int(digits[4:]))


def _days_in_range(days: int) -> int:
    if not -(1 << 31) <= days < 1 << 31:
        raise ValueError("the date is too far")
    return days


def _in_range(micros: int, text: str) -> int:
    if not -(1 << 63) <= micros < 1 << 63:
        raise ValueError(f"{text!r} is too far a timestamp")
    return micros
