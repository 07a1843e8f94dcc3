"""States which types of Parquet files can be read as which others: those of Spark's own reader.

Source: ParquetVectorUpdaterFactory.getUpdater in
sql/core/src/main/java/org/apache/spark/sql/execution/datasources/parquet/. A file's integers are
not taken for others than they are: decimals are not read as plain numbers, which Spark's reader
allows in part.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.column_cast import Cast, cast_to, wrap_to

_MICROS = pa.timestamp("us")
#: Digits before the point that a decimal needs to hold every INT32, and every INT64.
_INT32_DIGITS, _INT64_DIGITS = 10, 20


def parquet_rule(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    """Return how values of a file's type become the wanted one; see `CastRule`."""
    types = pa.types
    if types.is_signed_integer(kind):
        return _integer(kind, target)
    if types.is_unsigned_integer(kind):
        return _unsigned(kind, target)
    if types.is_timestamp(kind):
        return _timestamp(kind, target)
    if types.is_date32(kind):
        return _date(target)
    if types.is_decimal(kind):
        return _decimal(kind, target)
    if types.is_time(kind):
        return _time_of_day(kind, target)
    if types.is_float16(kind):
        return cast_to(target) if types.is_floating(target) else None
    if types.is_float32(kind):
        return cast_to(target) if types.is_float64(target) else None
    if is_bytes(kind):
        # Spark does not look at what is in a string either.
        return wrap_to(target) if is_bytes(target) else None
    return None


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether values of this Arrow type are bytes or text, of any length."""
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
    )


def _integer(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    types = pa.types
    long = types.is_int64(kind)
    if types.is_decimal(target):
        needed = _INT64_DIGITS if long else _INT32_DIGITS
        return cast_to(target) if target.precision - target.scale >= needed else None
    if long:
        return cast_to(target) if types.is_int64(target) or types.is_duration(target) else None
    if types.is_date32(target):
        return lambda values: values.cast(pa.int32()).cast(target)
    if types.is_signed_integer(target) or types.is_float64(target):
        return wrap_to(target)
    return None


def _unsigned(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    types = pa.types
    if types.is_uint64(kind):
        whole = types.is_decimal(target) and target.precision == 20 and target.scale == 0
        return cast_to(target) if whole else None
    if types.is_uint32(kind):
        return cast_to(target) if types.is_int64(target) else None
    if types.is_signed_integer(target) or types.is_float64(target):
        return wrap_to(target)
    return None


def _date(target: pa.DataType) -> Cast | None:
    types = pa.types
    if types.is_timestamp(target) and target.tz is None:
        return cast_to(target)
    if types.is_signed_integer(target) or types.is_float64(target):
        return lambda values: values.cast(pa.int32()).cast(target, safe=False)
    return None


def _timestamp(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    types = pa.types
    if types.is_timestamp(target):

        def cast(values: pa.Array) -> pa.Array:
            # What is stored is kept, whether it is meant as an instant or as a wall-clock time.
            plain = values.cast(pa.int64()).cast(pa.timestamp(kind.unit))
            if kind.unit == "ns":
                plain = pc.floor_temporal(plain, unit="microsecond")
            return plain.cast(_MICROS).cast(pa.int64()).cast(target)

        return cast
    if types.is_int64(target):
        return cast_to(target)
    return None


def _time_of_day(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    types = pa.types
    if types.is_time64(target):
        return cast_to(target)
    if types.is_int64(target) or (types.is_int32(target) and types.is_time32(kind)):
        # The number that is stored, of milliseconds, microseconds or nanoseconds.
        stored = pa.int32() if types.is_time32(kind) else pa.int64()
        return lambda values: values.cast(stored).cast(target)
    return None


def _decimal(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    if not pa.types.is_decimal(target):
        return None
    scale = target.scale - kind.scale
    fits = scale >= 0 and target.precision - kind.precision >= scale
    return cast_to(target) if fits else None
