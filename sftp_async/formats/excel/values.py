"""Makes columns of the cells of a sheet: typed as they are, or cast to the type that is wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.values.from_text import FromText, TextRules, reader_of

_NONE: Final = type(None)
#: Cells of these types need no text to become values of a type.
_NUMBERS: Final = frozenset({int, float, _NONE})
_TEXTS: Final = frozenset({str, _NONE})
_BOOLEANS: Final = frozenset({bool, _NONE})
_DATES: Final = frozenset({dt.date, _NONE})
_TIMES: Final = frozenset({dt.date, dt.datetime, _NONE})
#: From here on, a number in double precision stands for several integers.
_MAX_WHOLE: Final = 2.0**53


class ValueReader:
    """Reads the cells of one column.

    Args:
        kind: the Arrow type that is wanted.
        rules: how cells of text are read, where the type is another.

    """

    def __init__(self, kind: pa.DataType, rules: TextRules) -> None:
        self._kind = kind
        self._of_texts = _reader(kind, rules)
        #: For what cells say without being text; no pattern of the user is for that.
        self._of_others = _reader(kind, TextRules(time_zone=rules.time_zone))
        self._is_time = pa.types.is_date32(kind) or pa.types.is_timestamp(kind)
        self._number = "{:.15g}".format if pa.types.is_decimal(kind) else number_text

    def column(self, cells: Sequence[Any]) -> tuple[pa.Array, set[int]]:
        """Return the values, and the places of cells that are no values of the type.

        Args:
            cells: empty ones have an empty text, and become null.

        """
        values = [None if cell == "" else cell for cell in cells]
        kinds = {*map(type, values)}
        try:
            direct = self._direct(values, kinds)
        except pa.ArrowInvalid:
            direct = None
        if direct is not None:
            return direct, set()
        others = [self._text(value) if type(value) is not str else None for value in values]
        found, bad = self._of_others.column(pa.array(others, pa.string()))
        wrong = {*bad}
        if str in kinds:
            texts = [value if type(value) is str else None for value in values]
            read, bad = self._of_texts.column(pa.array(texts, pa.string()))
            wrong |= {*bad}
            found = pc.coalesce(found, read)
        return found, wrong

    def _direct(self, values: list[Any], kinds: set[type]) -> pa.Array | None:
        """Return the values if Arrow makes them of the cells, else None.

        Raises:
            pa.ArrowInvalid: one does not fit.

        """
        kind, types = self._kind, pa.types
        if types.is_string(kind) and kinds <= _TEXTS:
            return pa.array(values, kind)
        if types.is_boolean(kind) and kinds <= _BOOLEANS:
            return pa.array(values, kind)
        if types.is_integer(kind) and kinds <= _NUMBERS:
            return pa.array(values, pa.float64()).cast(kind)
        if types.is_floating(kind) and kinds <= _NUMBERS:
            return pa.array(values, pa.float64()).cast(kind)
        if types.is_date32(kind) and kinds <= _DATES:
            return pa.array(values, kind)
        if types.is_timestamp(kind) and kind.tz is None and kinds <= _TIMES:
            return pa.array([_as_time(value) for value in values], kind)
        return None

    def _text(self, value: Any) -> str | None:
        """Return the text of a cell that is none, for the reader of the type."""
        if value is None:
            return None
        if self._is_time and not isinstance(value, dt.date):
            return "\0"  # no date: a number is none, whatever day Excel would make of it
        if isinstance(value, float | int) and not isinstance(value, bool):
            return self._number(value)
        return cell_text(value)


def _reader(kind: pa.DataType, rules: TextRules) -> FromText:
    found = reader_of(kind, rules)
    assert found is not None, "columns are checked"
    return found


def _as_time(value: Any) -> Any:
    return dt.datetime(value.year, value.month, value.day) if type(value) is dt.date else value


def cell_text(value: Any) -> str:
    """Return a cell as text: numbers without `.0`, dates as in ISO 8601, as Spark casts them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        return number_text(value)
    if isinstance(value, dt.timedelta):
        seconds = value // dt.timedelta(seconds=1)
        sign = "-" if seconds < 0 else ""
        minutes, rest = divmod(abs(seconds), 60)
        return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{rest:02}"
    text = str(value)
    return text.rstrip("0") if isinstance(value, dt.datetime | dt.time) and "." in text else text


def number_text(value: float) -> str:
    """Return the shortest text of a number, an integer where it is whole."""
    return str(int(value)) if _is_whole(value) else repr(value)


def _is_whole(value: float) -> bool:
    return -_MAX_WHOLE <= value <= _MAX_WHOLE and value == int(value)


_LONG, _DOUBLE, _DATE, _TIME, _BOOLEAN, _STRING = (
    *("long", "double", "date", "time"),
    *("boolean", "string"),
)
_ARROW: Final = {
    None: pa.string(),
    _LONG: pa.int64(),
    _DOUBLE: pa.float64(),
    _DATE: pa.date32(),
    _TIME: pa.timestamp("us"),
    _BOOLEAN: pa.bool_(),
    _STRING: pa.string(),
}
_OF_TYPE: Final[dict[type, str]] = {
    bool: _BOOLEAN,
    dt.date: _DATE,
    dt.datetime: _TIME,
}
_WIDER: Final = {
    frozenset({_LONG, _DOUBLE}): _DOUBLE,
    frozenset({_DATE, _TIME}): _TIME,
}


@dataclass
class ColumnType:
    """The narrowest type that holds all cells of a column that were seen.

    Attributes:
        found: so far; None: no cell has a value.

    """

    found: str | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The type; string where no cell has a value."""
        return _ARROW[self.found]

    def add(self, cells: Sequence[Any]) -> None:
        """Widen the type for some more cells."""
        if self.found == _STRING:
            return
        values = [cell for cell in cells if cell != ""]
        kinds = {*map(type, values)}
        for kind in kinds - {int, float}:
            self._widen(_OF_TYPE.get(kind, _STRING))
        if kinds & {int, float}:
            whole = self.found in (None, _LONG) and all(
                _is_whole(value) for value in values if type(value) in (int, float)
            )
            self._widen(_LONG if whole else _DOUBLE)

    def _widen(self, kind: str) -> None:
        if self.found is None or self.found == kind:
            self.found = kind
        else:
            self.found = _WIDER.get(frozenset({self.found, kind}), _STRING)
