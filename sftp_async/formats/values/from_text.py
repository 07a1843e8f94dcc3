"""Reads columns of text as values, as Spark's CSV reader does: what Arrow reads alike, by Arrow.

Arrow takes a slice of a column where its casts mean the same as Java's parsers; a slice that it
refuses is halved, down to cells, which are read one by one. So one odd cell costs little.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.values import temporal, text_numbers, text_times
from sftp_async.formats.values.zones import DAY_US, zone_of

try:
    from sftp_async.formats.values.small_decimals import small_decimals
except ImportError:  # NumPy is not installed
    small_decimals = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.values.pattern_reading import PatternReader

#: Rows of a slice whose cells are read one by one rather than halved once more.
_FEW = 48


@dataclass(frozen=True)
class TextRules:
    """How text is read: Spark's options of CSV; None is Spark's default.

    Attributes:
        time_zone: of timestamps that name none; None is UTC.
        date: pattern of dates.
        timestamp: pattern of timestamps.
        timestamp_ntz: pattern of timestamps without time zone.
        locale: of decimals.
        nan: text of not-a-number.
        positive_inf: text of infinity.
        negative_inf: text of negative infinity.

    """

    time_zone: str | None = None
    date: PatternReader | None = None
    timestamp: PatternReader | None = None
    timestamp_ntz: PatternReader | None = None
    locale: str = "en-US"
    nan: str = "NaN"
    positive_inf: str = "Inf"
    negative_inf: str = "-Inf"

    @cached_property
    def zone(self) -> dt.tzinfo:
        """The zone of timestamps that name none."""
        return dt.UTC if self.time_zone is None else zone_of(self.time_zone)


class FromText(ABC):
    """Reads one column of text; stateless."""

    #: The Arrow type of the values.
    type: pa.DataType

    @abstractmethod
    def cell(self, text: str) -> Any:
        """Return the value of one cell, in the form of `cells`.

        Raises:
            ValueError: the text is none of the type.

        """

    def fast(self, text: pa.Array) -> pa.Array | None:
        """Return the values of cells if Arrow reads all of them as Spark does, else None.

        Raises:
            pa.ArrowInvalid: Arrow does not read them.

        """
        return None

    def cells(self, values: list[Any]) -> pa.Array:
        """Return the values of `cell` as an array of the type."""
        return pa.array(values, self.type)

    def column(self, text: pa.Array) -> tuple[pa.Array, list[int]]:
        """Return the values of a column, and the rows, in order, whose cells are none.

        Args:
            text: strings; nulls stay null. Bad cells become null.

        """
        parts: list[pa.Array] = []
        bad: list[int] = []
        self._read(text, 0, parts, bad)
        return (parts[0] if len(parts) == 1 else pa.concat_arrays(parts)), bad

    def _read(self, text: pa.Array, first: int, parts: list[pa.Array], bad: list[int]) -> None:
        try:
            found = self.fast(text)
        except pa.ArrowInvalid:
            found = None
        if found is not None:
            parts.append(found)
        elif len(text) > _FEW:
            half = len(text) // 2
            self._read(text.slice(0, half), first, parts, bad)
            self._read(text.slice(half), first + half, parts, bad)
        else:
            values: list[Any] = []
            for row, cell in enumerate(text.to_pylist(), first):
                try:
                    values.append(None if cell is None else self.cell(cell))
                except (ValueError, OverflowError):
                    values.append(None)
                    bad.append(row)
            parts.append(self.cells(values))


def reader_of(kind: pa.DataType, rules: TextRules) -> FromText | None:
    """Return what reads columns of a type; None if there is no text for it.

    Args:
        kind: of the column in the Arrow schema.
        rules: patterns and texts of special values.

    """
    if pa.types.is_string(kind):
        return _Strings(kind)
    if pa.types.is_binary(kind):
        return _Binary(kind)
    if pa.types.is_boolean(kind):
        return _Booleans(kind)
    if pa.types.is_signed_integer(kind):
        return _Integers(kind)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return _Floats(kind, rules)
    if pa.types.is_decimal(kind):
        return _Decimals(kind, rules)
    if pa.types.is_date32(kind):
        return _Dates(kind, rules)
    if pa.types.is_timestamp(kind):
        return _Timestamps(kind, rules) if kind.tz else _TimestampsNTZ(kind, rules)
    return None


@dataclass(frozen=True)
class _Strings(FromText):
    type: pa.DataType

    def cell(self, text: str) -> str:
        return text

    def fast(self, text: pa.Array) -> pa.Array:
        return text


@dataclass(frozen=True)
class _Binary(FromText):
    type: pa.DataType

    def cell(self, text: str) -> bytes:
        return text.encode()

    def fast(self, text: pa.Array) -> pa.Array:
        return text.cast(self.type)


@dataclass(frozen=True)
class _Booleans(FromText):
    type: pa.DataType

    def cell(self, text: str) -> bool:
        return text_numbers.boolean(text)

    def fast(self, text: pa.Array) -> pa.Array | None:
        # Arrow takes 0 and 1 as well.
        shortest = pc.min(pc.binary_length(text)).as_py()
        return text.cast(self.type) if shortest is None or shortest >= 4 else None


@dataclass(frozen=True)
class _Integers(FromText):
    type: pa.DataType

    def cell(self, text: str) -> int:
        return text_numbers.integer(text, self.type.bit_width)

    def fast(self, text: pa.Array) -> pa.Array | None:
        # Arrow takes 0x1F as well.
        return None if _holds(text, b"xX") else text.cast(self.type)


@dataclass(frozen=True)
class _Floats(FromText):
    type: pa.DataType
    rules: TextRules

    def cell(self, text: str) -> float:
        rules = self.rules
        special = {rules.positive_inf: float("inf"), rules.negative_inf: float("-inf")}
        special[rules.nan] = float("nan")
        if text in special:
            return special[text]
        is_single = pa.types.is_float32(self.type)
        return text_numbers.single(text) if is_single else text_numbers.floating(text)

    def cells(self, values: list[Any]) -> pa.Array:
        return pa.array(values, pa.float64()).cast(self.type)

    def fast(self, text: pa.Array) -> pa.Array | None:
        # Arrow takes any case of nan and inf; and special texts may be numbers.
        if _holds(text, b"nNiI") or self._has_odd_texts:
            return None
        return text.cast(self.type)

    @cached_property
    def _has_odd_texts(self) -> bool:
        texts = (self.rules.nan, self.rules.positive_inf, self.rules.negative_inf)
        return any(not {*text} & {*"nNiI"} for text in texts)


@dataclass(frozen=True)
class _Decimals(FromText):
    type: pa.DataType
    rules: TextRules

    def cell(self, text: str) -> Any:
        return text_numbers.rounded(self._number(text), self.type.precision, self.type.scale)

    def fast(self, text: pa.Array) -> pa.Array | None:
        if self._number_is_foreign:
            return None
        # Arrow does not notice that a number with an exponent is too large.
        if _holds(text, b"eE"):
            return None
        if small_decimals is not None and not _holds(text, b"nNiI"):
            small = small_decimals(text, self.type)
            if small is not None:
                return small
        # Nor that one without is, where its digits and the scale are more than 38.
        digits = (pc.max(pc.binary_length(text)).as_py() or 0) + self.type.scale
        if digits <= _DECIMAL_DIGITS:
            return text.cast(self.type)
        if digits > 2 * _DECIMAL_DIGITS:
            return None
        return text.cast(pa.decimal256(2 * _DECIMAL_DIGITS, self.type.scale)).cast(self.type)

    @cached_property
    def _number(self) -> Callable[[str], Any]:
        return text_numbers.decimal_reader(self.rules.locale)

    @cached_property
    def _number_is_foreign(self) -> bool:
        return self.rules.locale.replace("_", "-").lower() != "en-us"


@dataclass(frozen=True)
class _Dates(FromText):
    type: pa.DataType
    rules: TextRules

    def cell(self, text: str) -> int:
        pattern = self.rules.date
        return text_times.legacy_date(text) if pattern is None else pattern.date(text)

    def cells(self, values: list[Any]) -> pa.Array:
        return pa.array(values, pa.int32()).cast(self.type)

    def fast(self, text: pa.Array) -> pa.Array | None:
        iso = _as_iso(text, self.rules.date)
        return None if iso is None else iso.cast(self.type)


@dataclass(frozen=True)
class _TimestampsNTZ(FromText):
    type: pa.DataType
    rules: TextRules

    def cell(self, text: str) -> int:
        pattern = self.rules.timestamp_ntz
        if pattern is None:
            return text_times.timestamp_ntz(text)
        return pattern.timestamp_ntz(text)

    def cells(self, values: list[Any]) -> pa.Array:
        return pa.array(values, pa.int64()).cast(self.type)

    def fast(self, text: pa.Array) -> pa.Array | None:
        iso = _as_iso(text, self.rules.timestamp_ntz)
        return None if iso is None else iso.cast(self.type)


@dataclass(frozen=True)
class _Timestamps(FromText):
    type: pa.DataType
    rules: TextRules

    def cell(self, text: str) -> int:
        pattern, zone = self.rules.timestamp, self.rules.zone
        if pattern is None:
            return text_times.legacy_timestamp(text, zone)
        return pattern.timestamp(text, zone)

    def cells(self, values: list[Any]) -> pa.Array:
        return pa.array(values, pa.int64()).cast(self.type)

    def fast(self, text: pa.Array) -> pa.Array | None:
        pattern = self.rules.timestamp
        iso = _as_iso(text, pattern)
        if iso is None:
            return None
        try:
            return self._from_local(iso.cast(pa.timestamp("us")))
        except pa.ArrowInvalid:
            if pattern is not None:
                raise
        # All name their offset from UTC, or none of them is read here.
        if pc.all(pc.match_substring_regex(text, _ZONED)).as_py() is False:
            return None
        return iso.cast(self.type)

    def _from_local(self, local: pa.Array) -> pa.Array | None:
        zone = self.rules.time_zone or "UTC"
        offset = temporal.fixed_offset(zone)
        if offset is not None:
            return pc.subtract_checked(local.view(pa.int64()), offset).view(self.type)
        high = pc.max(local.view(pa.int64())).as_py()
        low = pc.min(local.view(pa.int64())).as_py()
        if high is None:
            return local.cast(self.type)
        # Arrow knows no rules of the far future, and its calendar is shorter than Spark's.
        if high + DAY_US >= temporal.known_until(zone) or low < -_FAR:
            return None
        # An hour that clocks skip is read one by one, as Java moves it.
        found = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="raise")
        return found.cast(self.type)


#: Digits of Arrow's decimals of 128 bits; those of 256 have twice as many.
_DECIMAL_DIGITS = 38
#: Timestamps with an offset that Arrow and Spark read alike: Arrow also takes them without seconds,
#: and Java only offsets up to 18 hours.
_ZONED = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-7])(?::?[0-5]\d)?)$"
#: Microseconds of about 900 years: zones had no rules before.
_FAR = 900 * 365 * DAY_US


def _as_iso(text: pa.Array, pattern: PatternReader | None) -> pa.Array | None:
    """Return text in a pattern as ISO text that Arrow reads; None if it is not."""
    if pattern is None:
        return text
    if pattern.fixed is None:
        return None
    expression, replacement = pattern.fixed
    if pc.all(pc.match_substring_regex(text, expression)).as_py() is False:
        return None
    return pc.replace_substring_regex(text, pattern=expression, replacement=replacement)


def _holds(text: pa.Array, marks: bytes) -> bool:
    """Return whether one of some bytes occurs in a string array."""
    data = text_buffer(text).to_pybytes()
    return any(mark in data for mark in marks)
