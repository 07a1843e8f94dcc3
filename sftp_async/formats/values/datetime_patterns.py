"""Formats Arrow columns by Spark's date and time patterns, a subset of Java's DateTimeFormatter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import OptionsError
from sftp_async.formats.arrow_text import join
from sftp_async.formats.values import temporal

if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = [
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DOCS = "https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html"

# One run of a letter, a quoted literal ('' is a quote), a bracket, or any other character.
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)

#: Letters that need a clock, which a date has not.
_CLOCK = frozenset("HhKkmsSanNAXxZOVvz")
#: Letters that need a time zone.
_ZONE = frozenset("XxZOVvz")
#: letter -> greatest run; "" where the letter is unknown.
_RUNS = {
    "y": 6, "M": 4, "L": 4, "d": 2, "D": 3, "E": 4, "Q": 2, "q": 2,
    "H": 2, "h": 2, "K": 2, "k": 2, "m": 2, "s": 2, "S": 9, "a": 1,
    "X": 5, "x": 5, "Z": 5, "V": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    """A checked pattern; `of` formats a column. Brackets mark what is optional to a reader."""

    text: str
    tokens: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, *, option: str, clock: bool, zone: bool = True) -> Pattern:
        """Check a pattern.

        Args:
            text: the pattern, such as `dd.MM.yyyy HH:mm`.
            option: the option it came from, for the error.
            clock: whether the values have a time of day.
            zone: whether they have a time zone, if they have a time.

        Raises:
            OptionsError: a letter that is unknown here, repeated too often, or asks for what the
                values do not have; an open quote or bracket.

        """
        if not text:
            raise OptionsError(f"{option} is empty. Leave it out to write ISO 8601")
        if text.count("'") % 2:
            raise OptionsError(f"{option}={text!r} has a quote ' that is not closed")
        tokens: list[str] = []
        depth = 0
        for match in _TOKEN.finditer(text):
            token, letter = match.group(), match.group(1)
            if letter:
                _check_run(text, option, letter, len(token), clock=clock)
                if letter in _ZONE and not zone:
                    raise OptionsError(
                        f"{option}={text!r} has the letter {letter!r}, but these timestamps have "
                        "no time zone"
                    )
            depth += {"[": 1, "]": -1}.get(token, 0)
            if depth < 0 or token in ("{", "}", "#"):
                raise OptionsError(
                    f"{option}={text!r} has a {token!r} that means nothing there: put it in quotes"
                )
            if token not in ("[", "]"):
                tokens.append(token)
        if depth:
            raise OptionsError(f"{option}={text!r} has a bracket [ that is not closed")
        return cls(text, tuple(tokens))

    def of(self, column: pa.Array) -> pa.Array:
        """Return a date32 or timestamp column as text; nulls stay null."""
        column, cycles = temporal.within_reach(column)
        if pa.types.is_date32(column.type):
            local = column.cast(pa.timestamp("us"))
        else:
            local = temporal.local_time(column)
        year = temporal.far_year(local, cycles)
        parts = [self._part(token, column, local, year) for token in self.tokens]
        # The first part carries the column's length and nulls, also where all else is constant.
        return join(pc.if_else(pc.is_valid(column), "", pa.scalar(None, pa.string())), *parts)

    @staticmethod
    def _part(
        token: str, column: pa.Array, local: pa.Array, year: pa.Array
    ) -> pa.Array | pa.Scalar | str:
        if token[0] == "'":
            return token[1:-1].replace("''", "'") or "'"
        if not token[0].isalpha():
            return token
        letter, run = token[0], len(token)
        if letter in "XxZ":
            offset = temporal.offset_text(column, local, *_offset_style(letter, run))
            return join("GMT", offset) if letter == "Z" and run == 4 else offset
        if letter == "V":
            return str(column.type.tz)
        if letter in "ML" and run > 2:
            names = [name if run == 4 else name[:3] for name in _MONTHS]
            return pa.array(names).take(pc.subtract(pc.month(local), 1))
        if letter == "E":
            names = [name if run == 4 else name[:3] for name in _DAYS]
            return pa.array(names).take(pc.day_of_week(local))
        if letter == "a":
            return pc.if_else(pc.less(pc.hour(local), 12), "AM", "PM")
        if letter == "S":
            return _fraction(local, run)
        if letter == "D":  # three digits, where two are asked for, if it takes them
            return pc.ascii_lpad(pc.day_of_year(local).cast(pa.string()), width=run, padding="0")
        if letter == "y":
            return _year(year, run)
        return _number(_FIELDS[letter](local), run)


def _check_run(text: str, option: str, letter: str, run: int, *, clock: bool) -> None:
    most = _RUNS.get(letter, 0)
    if not most:
        raise OptionsError(
            f"{option}={text!r} has the letter {letter!r}, which is not supported. Known are "
            f"{' '.join(_RUNS)}; plain text goes in quotes, as in yyyy-MM-dd'T'HH. See {_DOCS}"
        )
    if run > most or (letter == "V" and run != 2):
        raise OptionsError(
            f"{option}={text!r} has {run} times the letter {letter!r}; "
            f"{'exactly' if letter == 'V' else 'at most'} {most} are understood. See {_DOCS}"
        )
    if letter in _CLOCK and not clock:
        raise OptionsError(
            f"{option}={text!r} has the letter {letter!r}, but a date has no time of day"
        )


def _offset_style(letter: str, run: int) -> tuple[str, str]:
    """Return the style and the text of no offset, after DateTimeFormatter's table of X, x and Z."""
    if letter == "Z":
        return {4: ("+HH:MM:ss", ""), 5: ("+HH:MM:ss", "Z")}.get(run, ("+HHMM", "+0000"))
    style = ("+HHmm", "+HHMM", "+HH:MM", "+HHMMss", "+HH:MM:ss")[run - 1]
    return style, "Z" if letter == "X" else ("+00", "+0000", "+00:00", "+0000", "+00:00")[run - 1]


def _fraction(local: pa.Array, run: int) -> pa.Array:
    micros = pc.add(pc.multiply(pc.millisecond(local), 1000), pc.microsecond(local))
    if run <= 6:
        return temporal.padded(pc.divide(micros, 10 ** (6 - run)), run)
    return join(temporal.padded(micros, 6), "0" * (run - 6))


def _year(year: pa.Array, run: int) -> pa.Array:
    # Spark takes `y` for the year of the calendar, not of an era: 1 BC is 0, and -44 has a sign.
    absolute = pc.abs(year)
    if run == 2:
        centuries = pc.multiply(pc.divide(absolute, 100), 100)
        return temporal.padded(pc.subtract(absolute, centuries), 2)
    sign = pc.if_else(pc.less(year, 0), "-", "")
    if run >= 4:
        # SignStyle.EXCEEDS_PAD: a plus sign marks a year of more digits than the pattern has.
        sign = pc.if_else(pc.greater_equal(year, 10**run), "+", sign)
    return join(sign, temporal.padded(absolute, run))


def _number(values: pa.Array, run: int) -> pa.Array:
    if run == 1:
        return values.cast(pa.string())
    return temporal.padded(values, run)


def _twelve(hours: pa.Array) -> pa.Array:
    return pc.if_else(pc.less(hours, 12), hours, pc.subtract(hours, 12))


_FIELDS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "M": pc.month,
    "L": pc.month,
    "d": pc.day,
    "Q": pc.quarter,
    "q": pc.quarter,
    "H": pc.hour,
    "k": lambda local: pc.if_else(pc.equal(pc.hour(local), 0), 24, pc.hour(local)),
    "K": lambda local: _twelve(pc.hour(local)),
    "h": lambda local: pc.if_else(
        pc.equal(_twelve(pc.hour(local)), 0), 12, _twelve(pc.hour(local))
    ),
    "m": pc.minute,
    "s": pc.second,
}
