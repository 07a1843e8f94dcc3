"""States how the plain values of Avro files become those of Spark's types, and which become others.

Source: AvroDeserializer in sql/core/src/main/scala/org/apache/spark/sql/avro/.
"""

from __future__ import annotations

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.column_cast import Cast, cast_to, wrap_to
from sftp_async.formats.parquet.casts import is_bytes

_DECIMAL_BYTES = 16


def stored_rule(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    """Return how what is stored becomes what is meant; see `CastRule`."""
    types = pa.types
    if types.is_binary(kind) and types.is_decimal(target):
        return lambda values: _decimals(values, target)
    return cast_to(target)


def avro_rule(kind: pa.DataType, target: pa.DataType) -> Cast | None:
    """Return how values of a file's type become the wanted one; see `CastRule`."""
    types = pa.types
    if types.is_int32(kind) and (types.is_int64(target) or types.is_float64(target)):
        return cast_to(target)
    if types.is_int32(kind) and (types.is_int8(target) or types.is_int16(target)):
        return wrap_to(target)
    if types.is_float32(kind) and types.is_float64(target):
        return cast_to(target)
    if types.is_timestamp(kind) and types.is_timestamp(target):
        return lambda values: values.cast(pa.int64()).cast(target)
    if types.is_int64(kind) and (types.is_timestamp(target) or types.is_duration(target)):
        return cast_to(target)
    if types.is_int32(kind) and types.is_date32(target):
        return cast_to(target)
    if types.is_decimal(kind) and types.is_decimal(target):
        scale = target.scale - kind.scale
        fits = scale >= 0 and target.precision - kind.precision >= scale
        return cast_to(target) if fits else None
    if is_bytes(kind) and is_bytes(target):
        return wrap_to(target)
    return None


def _decimals(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Return the decimals that bytes hold, big-endian and of any number."""
    parts = []
    for value in values.to_pylist():
        if value is None:
            parts.append(bytes(_DECIMAL_BYTES))
            continue
        sign = b"\xff" if value[:1] >= b"\x80" else b"\0"
        if len(value) > _DECIMAL_BYTES:
            if value[:-_DECIMAL_BYTES].strip(sign):
                raise DecodeError(f"A decimal has more digits than the type {target} holds")
            value = value[-_DECIMAL_BYTES:]
        parts.append(value.rjust(_DECIMAL_BYTES, sign)[::-1])
    data = pa.py_buffer(b"".join(parts))
    validity = values.is_valid().buffers()[1] if values.null_count else None
    found = pa.Array.from_buffers(target, len(values), [validity, data])
    found.validate(full=True)
    return found
