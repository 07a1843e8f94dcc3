"""Turns columns into the text of their values, as CSV, JSON Lines and XML files hold it.

`CellText.holds` decides which column types these formats take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, replace_where
from sftp_async.formats.values import temporal
from sftp_async.formats.values.floats import java_text

if TYPE_CHECKING:
    from sftp_async.formats.values.datetime_patterns import Pattern

#: Every character in the text of integers, decimals and booleans, and of dates and timestamps that
#: have no pattern.
NUMERIC = frozenset("0123456789-.:+TZfalsetrue")

# Columns that repeat few values (discounts, quantities) are formatted once for each distinct value.
_SAMPLE_ROWS = 256
_FEW = 64


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of this Arrow type are strings."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def never_blank(kind: pa.DataType) -> bool:
    """Return whether every value of this Arrow type has text that is more than white space."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


@dataclass(frozen=True)
class CellText:
    """Turns columns of atomic types into text as Spark prints it.

    Args:
        date_format: pattern for dates; None is ISO, `2024-05-01`.
        timestamp_format: pattern for timestamps with a zone; None is ISO with the zone's offset,
            `2024-05-01T10:00:00.000+02:00`.
        timestamp_ntz_format: pattern for those without (TIMESTAMP_NTZ); None is ISO.
        time_zone: in which those with a zone are printed; None is their own.

    """

    date_format: Pattern | None = None
    timestamp_format: Pattern | None = None
    timestamp_ntz_format: Pattern | None = None
    time_zone: str | None = None

    @staticmethod
    def holds(kind: pa.DataType) -> bool:
        """Return whether `of` takes columns of this Arrow type."""
        types = pa.types
        return (
            is_text(kind)
            or types.is_integer(kind)
            or types.is_float32(kind)
            or types.is_float64(kind)
            or types.is_boolean(kind)
            or types.is_decimal(kind)
            or types.is_date32(kind)
            or types.is_timestamp(kind)
            or types.is_duration(kind)
            or types.is_binary(kind)
            or types.is_large_binary(kind)
        )

    def of(self, column: pa.Array) -> pa.Array:
        """Return the column's values as a string array with the same nulls."""
        kind = column.type
        types = pa.types
        if types.is_string(kind):
            return column
        if types.is_floating(kind):
            return java_text(column)
        if types.is_decimal(kind):
            return _decimal_text(column)
        if types.is_date32(kind):
            return self.date_format.of(column) if self.date_format else temporal.date_text(column)
        if types.is_timestamp(kind):
            pattern = self.pattern_of(kind)
            instants = self.in_zone(column)
            return pattern.of(instants) if pattern else temporal.timestamp_text(instants)
        if types.is_duration(kind):
            return temporal.interval_text(column)
        if types.is_binary(kind) or types.is_large_binary(kind):
            return _hex_text(column)
        return column.cast(pa.string())

    def pattern_of(self, kind: pa.TimestampType) -> Pattern | None:
        """Return the pattern for timestamps of this type; None is ISO."""
        return self.timestamp_ntz_format if kind.tz is None else self.timestamp_format

    def in_zone(self, column: pa.Array) -> pa.Array:
        """Return timestamps in the zone in which they are printed."""
        kind = column.type
        if self.time_zone is None or kind.tz is None:
            return column
        return column.cast(pa.timestamp(kind.unit, self.time_zone))


def is_zone(name: str) -> bool:
    """Return whether a time zone is known here."""
    try:
        temporal.local_time(pa.array([0], pa.int64()).cast(pa.timestamp("us", name)))
    except pa.ArrowInvalid:
        return False
    return True


def check_zone(name: str, kind: pa.DataType) -> None:
    """Check that the time zone of a timestamp column is known here.

    Raises:
        EncodeError: it is not.

    """
    if pa.types.is_timestamp(kind) and kind.tz is not None and not is_zone(kind.tz):
        raise EncodeError(
            f"Column {name!r} has timestamps in the time zone {kind.tz!r}, which is not known here",
            hint="Set spark.sql.session.timeZone to a name such as 'Europe/Berlin' or 'UTC', and "
            "check that the machines have the time zone database (package tzdata)",
        )


def _hex_text(column: pa.Array) -> pa.Array:
    """Return binary values as Spark's CSV prints them: `[00 FF 41]`."""
    texts = [None if b is None else f"[{b.hex(' ').upper()}]" for b in column.to_pylist()]
    return pa.array(texts, pa.string())


def _decimal_text(column: pa.Array) -> pa.Array:
    sample = column.slice(0, _SAMPLE_ROWS)
    if len(column) > 2 * _SAMPLE_ROWS and len(sample.unique()) <= _FEW:
        encoded = column.dictionary_encode()
        return _plain_decimals(encoded.dictionary).take(encoded.indices)
    return _plain_decimals(column)


def _plain_decimals(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string())
    if column.type.scale <= 6:
        return text
    # As Java's BigDecimal, Arrow turns to an exponent for values below 1e-6: 0E-18, 1.5E-7.
    scientific = pc.match_substring(text, "E")
    if any_true(scientific):
        plain = [format(value, "f") for value in column.filter(scientific).to_pylist()]
        text = replace_where(scientific, text, pa.array(plain, pa.string()))
    return text
