"""Makes the cells of a sheet of columns: numbers, texts, booleans, dates; and refuses the rest.

A cell of Excel is a number in double precision, a text or a boolean. Dates and times are numbers of
days, which only their format shows to be dates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, text_buffer
from sftp_async.formats.schema_checks import unsupported_type
from sftp_async.formats.values import temporal
from sftp_async.formats.values.cell_text import check_zone, is_text
from sftp_async.formats.values.utf8 import is_malformed

#: Characters of a cell, in UTF-16
#: (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3).
MAX_CHARACTERS: Final = 32_767
#: Digits that Excel keeps of a number (the same page).
MAX_DIGITS: Final = 15
#: Up to here, double precision has all integers.
MAX_INTEGER: Final = 2**53

_EPOCH: Final = dt.date(1970, 1, 1)
_FIRST_DAY: Final = (dt.date(1900, 1, 1) - _EPOCH).days
_LAST_DAY: Final = (dt.date(9999, 12, 31) - _EPOCH).days
#: Excel counts 1970-01-01 as this day.
_DAYS_BEFORE_1970: Final = 25_569
#: Excel counts a day 1900-02-29, which there was not: earlier days have a number less.
_MARCH_1900: Final = (dt.date(1900, 3, 1) - _EPOCH).days
_DAY_MS: Final = 86_400_000
#: What XML cannot hold and Excel has no escape for, in UTF-8: U+FFFE and U+FFFF.
_NO_XML: Final = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")


class _Exact(float):
    """A number that is printed with all digits, where XlsxWriter asks for 16."""

    __slots__ = ()

    def __format__(self, spec: str, /) -> str:
        return float.__repr__(self)


@dataclass(frozen=True)
class CellKind:
    """How the values of a column become cells.

    Attributes:
        method: of XlsxWriter's worksheet, that writes such a cell.
        convert: returns the values of a part of the column for that method; None is no cell.
        number_format: of Excel, for these cells; None: the general one.
        width: of the column, in characters; None: Excel's own.

    """

    method: str
    convert: Callable[[_Part], list[Any]]
    number_format: str | None = None
    width: int | None = None


@dataclass(frozen=True)
class _Part:
    """A part of a column.

    Attributes:
        name: of the column.
        values: in the part.
        row: number of the first one in the sheet, from 1.

    """

    name: str
    values: pa.Array
    row: int

    def refuse(self, mask: pa.Array, what: str, hint: str) -> None:
        """Raise the error of the first value for which a mask is true, if there is one.

        Args:
            mask: for each value; null is false.
            what: the value is, after "has".
            hint: what to do about it; `{0}` is the column.

        Raises:
            EncodeError: names column and row.

        """
        if any_true(mask):
            self.fail(pc.index(mask, True).as_py(), what, hint)

    def fail(self, place: int, what: str, hint: str) -> NoReturn:
        """Raise the error of a value; see `refuse`."""
        raise EncodeError(
            f"Column {self.name!r} has {what} in row {self.row + place:,} of the sheet",
            hint=hint.format(f"`{self.name}`"),
        )


def cell_kind(field: pa.Field, time_zone: str | None) -> CellKind:
    """Return how a column becomes cells.

    Args:
        field: of the schema.
        time_zone: in which timestamps with a zone are written; None: their own.

    Raises:
        EncodeError: Excel has no cells for the type; names the column.

    """
    kind, types = field.type, pa.types
    if is_text(kind):
        return CellKind("write_string", _texts)
    if types.is_boolean(kind):
        return CellKind("write_boolean", _plain)
    if types.is_integer(kind):
        return CellKind("write_number", _integers, "0")
    if types.is_float32(kind) or types.is_float64(kind):
        return CellKind("write_number", _floats)
    if types.is_decimal(kind):
        scale = max(kind.scale, 0)
        return CellKind("write_number", _decimals, f"0.{'0' * min(scale, 30)}" if scale else "0")
    if types.is_date32(kind):
        return CellKind("write_number", _dates, "yyyy-mm-dd", width=11)
    if types.is_timestamp(kind):
        check_zone(field.name, kind)
        zone = time_zone if kind.tz is not None else None
        return CellKind("write_number", _Times(zone), "yyyy-mm-dd hh:mm:ss", width=20)
    if types.is_null(kind):
        return CellKind("write_string", _plain)
    binary = types.is_binary(kind) or types.is_large_binary(kind)
    hint = "Write it as text: " + (
        "base64(`{0}`) or hex(`{0}`)" if binary else "to_json(`{0}`), or CAST(`{0}` AS STRING)"
    )
    raise unsupported_type(field.name, kind, "Excel", hint.format(field.name))


def cells_of(kind: CellKind, name: str, values: pa.Array, row: int) -> list[Any]:
    """Return values for the method of the kind; None is no cell.

    Args:
        kind: of the column.
        name: of the column, for errors.
        values: some of its values.
        row: of the first one in the sheet, from 1, for errors.

    Raises:
        EncodeError: Excel cannot hold a value; names column and row.

    """
    return kind.convert(_Part(name, values, row))


def _plain(part: _Part) -> list[Any]:
    found: list[Any] = part.values.to_pylist()
    return found


def _texts(part: _Part) -> list[Any]:
    text = part.values
    if is_malformed(text):
        raise EncodeError(
            f"Column {part.name!r} has text that is not UTF-8, which Excel files are in",
            hint=f"Clean it: make_valid_utf8(`{part.name}`)",
        )
    data = text_buffer(text).to_pybytes()
    for bad in _NO_XML:
        if bad in data:
            mask = pc.match_substring(text, bad.decode())
            part.refuse(mask, "a character that XML has no way to write, U+FFFE or U+FFFF,", _CLEAN)
    values: list[Any] = text.to_pylist()
    if (pc.max(pc.binary_length(text)).as_py() or 0) > MAX_CHARACTERS:
        for place, value in enumerate(values):
            length = 0 if value is None else len(value.encode("utf-16-le")) // 2
            if length > MAX_CHARACTERS:
                part.fail(
                    place,
                    f"a text of {length:,} characters (a cell of Excel holds {MAX_CHARACTERS:,})",
                    f"Cut it: left({{0}}, {MAX_CHARACTERS}), or write another format",
                )
    return values


_CLEAN: Final = "Remove it: translate({0}, '\\uFFFE\\uFFFF', '')"
_AS_TEXT: Final = "Write it as text: CAST({0} AS STRING)"


def _integers(part: _Part) -> list[Any]:
    values = part.values
    if values.type.bit_width == 64:
        bounds = pc.min_max(values)
        low, high = bounds["min"].as_py(), bounds["max"].as_py()
        if low is not None and (low < -MAX_INTEGER or high > MAX_INTEGER):
            beyond = pc.or_(pc.less(values, -MAX_INTEGER), pc.greater(values, MAX_INTEGER))
            part.refuse(
                beyond, "an integer beyond 2^53, whose last digits Excel would change,", _AS_TEXT
            )
    return _plain(part)


def _floats(part: _Part) -> list[Any]:
    values = part.values
    if pa.types.is_float32(values.type):
        # Its shortest text, as Spark prints it: 0.1, which is 0.10000000149011612 in double.
        values = values.cast(pa.string()).cast(pa.float64())
    part.refuse(
        pc.invert(pc.is_finite(values)),
        "a number that Excel does not have, NaN or infinity,",
        "Make it null: nullif({0}, 'NaN'), or write it as text: CAST({0} AS STRING)",
    )
    return _exact(values)


def _decimals(part: _Part) -> list[Any]:
    values = part.values
    kind = values.type
    if kind.precision > MAX_DIGITS:
        for place, value in enumerate(values.to_pylist()):
            if value is not None and len(value.normalize().as_tuple().digits) > MAX_DIGITS:
                part.fail(
                    place,
                    f"a decimal of more than {MAX_DIGITS} digits, which Excel would round,",
                    _AS_TEXT,
                )
    return _exact(values.cast(pa.string()).cast(pa.float64()))


def _exact(values: pa.Array) -> list[Any]:
    return [None if value is None else _Exact(value) for value in values.to_pylist()]


def _dates(part: _Part) -> list[Any]:
    days = part.values.view(pa.int32())
    _check_days(part, days, 1)
    return _plain(_Part(part.name, _serial(days, 1), part.row))


@dataclass(frozen=True)
class _Times:
    """Timestamps, as a clock shows them.

    Args:
        zone: of that clock; None: the zone of the values, if they have one.

    """

    zone: str | None

    def __call__(self, part: _Part) -> list[Any]:
        values = part.values
        if self.zone is not None:
            values = values.cast(pa.timestamp("us", self.zone))
        micros = temporal.local_time(values).view(pa.int64())
        _check_days(part, micros, 1_000 * _DAY_MS)
        millis = pc.divide(micros, 1_000)
        part.refuse(
            pc.not_equal(pc.multiply(millis, 1_000), micros),
            "a time with microseconds, which readers of Excel files round to milliseconds,",
            "Cut it: date_trunc('MILLISECOND', {0})",
        )
        return _exact(pc.divide(_serial(millis, _DAY_MS).cast(pa.float64()), float(_DAY_MS)))


def _check_days(part: _Part, times: pa.Array, day: int) -> None:
    bounds = pc.min_max(times)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if low is None or (low >= _FIRST_DAY * day and high < (_LAST_DAY + 1) * day):
        return
    beyond = pc.or_(
        pc.less(times, _FIRST_DAY * day), pc.greater_equal(times, (_LAST_DAY + 1) * day)
    )
    part.refuse(
        beyond, "a day before 1900 or after 9999, which the dates of Excel do not reach,", _AS_TEXT
    )


def _serial(times: pa.Array, day: int) -> pa.Array:
    """Return times since 1970, in parts of a day, as Excel counts them."""
    since = pc.add(times.cast(pa.int64()), _DAYS_BEFORE_1970 * day)
    if (pc.min(times).as_py() or 0) >= _MARCH_1900 * day:
        return since
    return pc.if_else(pc.less(times, _MARCH_1900 * day), pc.subtract(since, day), since)
