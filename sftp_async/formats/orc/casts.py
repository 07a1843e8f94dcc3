"""States which types of ORC files can be read as which others.

Timestamps of ORC's plain type are wall-clock times of the writer's zone. Spark takes them for those
of the JVM's zone, which is that of the machine; so does this reader.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.column_cast import Cast, CastRule, cast_to, wrap_to
from sftp_async.formats.julian import gregorian_dates, gregorian_timestamps
from sftp_async.formats.parquet.casts import is_bytes

_MICROS = pa.timestamp("us")


def orc_rule(*, proleptic: bool, zone: str) -> CastRule:
    """Return how values of a file's type become the wanted one.

    Args:
        proleptic: whether old days are of the calendar of today, and not of the Julian one.
        zone: of wall-clock times that are to be instants.

    """

    def rule(kind: pa.DataType, target: pa.DataType) -> Cast | None:
        types = pa.types
        if types.is_timestamp(kind) and types.is_timestamp(target):
            return _timestamps(kind, target, proleptic=proleptic, zone=zone)
        if types.is_date32(kind) and types.is_date32(target):
            return gregorian_dates
        if types.is_int64(kind) and (
            types.is_duration(target) or (types.is_timestamp(target) and target.tz is None)
        ):
            return cast_to(target)  # how Spark stores types that ORC lacks
        return _widened(kind, target)

    return rule


def _timestamps(kind: pa.DataType, target: pa.DataType, *, proleptic: bool, zone: str) -> Cast:
    def cast(values: pa.Array) -> pa.Array:
        stored = values.cast(pa.int64()).cast(pa.timestamp(kind.unit))
        micros = pc.floor_temporal(stored, unit="microsecond").cast(_MICROS)
        if not proleptic:
            micros = gregorian_timestamps(micros)
        if target.tz is None or kind.tz is not None or zone == "UTC":
            return micros.cast(pa.int64()).cast(target)
        zoned = pc.assume_timezone(micros, zone, ambiguous="earliest", nonexistent="latest")
        return zoned.cast(pa.int64()).cast(target)

    return cast


def _widened(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    types = pa.types
    if types.is_signed_integer(kind):
        wider = types.is_signed_integer(target) and target.bit_width >= kind.bit_width
        if wider or types.is_floating(target):
            return wrap_to(target)
        return cast_to(target) if types.is_decimal(target) else None
    if types.is_float32(kind):
        return cast_to(target) if types.is_float64(target) else None
    if types.is_decimal(kind):
        return cast_to(target) if types.is_decimal(target) else None
    if is_bytes(kind):
        return wrap_to(target) if is_bytes(target) else None
    return None
