"""The text of a column's values, one string for each row: what CSV and JSON Lines files hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.encoders import temporal
from sftp_async.encoders.arrays import any_true, replace_where
from sftp_async.encoders.floats import java_text
from sftp_async.errors import EncodeError

if TYPE_CHECKING:
    from sftp_async.encoders.datetime_patterns import Pattern

#: Every character in the text of integers, decimals and booleans, and of dates and timestamps that
#: have no pattern.
NUMERIC = frozenset("0123456789-.:+TZfalsetrue")

# Columns that repeat few values (discounts, quantities) are formatted once for each distinct value.
_SAMPLE_ROWS = 256
_FEW = 64


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values of this Arrow type are strings."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def never_blank(kind: pa.DataType) -> bool:
    """Tell whether every value of this Arrow type has text that is more than white space."""
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
            `2024-05-01T10:00:00.000+02:00`. Timestamps without a zone (TIMESTAMP_NTZ) are always
            ISO, without offset: Spark keeps another option for them.

    """

    date_format: Pattern | None = None
    timestamp_format: Pattern | None = None

    @staticmethod
    def holds(kind: pa.DataType) -> bool:
        """Tell whether `of` takes columns of this Arrow type."""
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
            if self.timestamp_format and kind.tz is not None:
                return self.timestamp_format.of(column)
            return temporal.timestamp_text(column)
        if types.is_duration(kind):
            return temporal.interval_text(column)
        return column.cast(pa.string())


def check_zone(name: str, kind: pa.DataType) -> None:
    """Check that the time zone of a timestamp column is known here.

    Raises:
        EncodeError: it is not.

    """
    if not pa.types.is_timestamp(kind) or kind.tz is None:
        return
    try:
        temporal.local_time(pa.array([0], pa.int64()).cast(kind))
    except pa.ArrowInvalid as error:
        raise EncodeError(
            f"Column {name!r} has timestamps in the time zone {kind.tz!r}, which is not known here",
            hint="Set spark.sql.session.timeZone to a name such as 'Europe/Berlin' or 'UTC', and "
            "check that the machines have the time zone database (package tzdata)",
        ) from error


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
