"""Maps Spark's types to Avro's: the schema that Spark's own writer makes, and values to match.

Source: `toAvroType` in sql/core/src/main/scala/org/apache/spark/sql/avro/SchemaConverters.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

#: Spark's name of the record that is a row.
RECORD = "topLevelRecord"


def avro_schema(schema: pa.Schema) -> dict[str, Any]:
    """Return the Avro schema of rows with these columns, as JSON would hold it."""
    record = _record(pa.struct(list(schema)), RECORD, "")
    # Spark names no namespace where there is none.
    return {key: value for key, value in record.items() if key != "namespace"}


def _field(field: pa.Field, name: str, namespace: str) -> Any:
    kind = _type(field.type, name, namespace)
    return [kind, "null"] if field.nullable and kind != "null" else kind


def _type(kind: pa.DataType, name: str, namespace: str) -> Any:
    """Return the Avro type; `name` and `namespace` are for types that must have a name."""
    types = pa.types
    if types.is_decimal(kind):
        return {
            "type": "fixed",
            "name": "fixed",
            "namespace": f"{namespace}.{name}",
            "size": bytes_for(kind.precision),
            "logicalType": "decimal",
            "precision": kind.precision,
            "scale": kind.scale,
        }
    if types.is_date32(kind):
        return {"type": "int", "logicalType": "date"}
    if types.is_timestamp(kind):
        zone = "local-" if kind.tz is None else ""
        return {"type": "long", "logicalType": f"{zone}timestamp-micros"}
    if types.is_duration(kind):
        return {"type": "long", "spark.sql.catalyst.type": "interval day to second"}
    if types.is_struct(kind):
        return _record(kind, name, namespace)
    if types.is_map(kind):
        return {"type": "map", "values": _field(kind.item_field, name, namespace)}
    if types.is_list(kind) or types.is_large_list(kind):
        return {"type": "array", "items": _field(kind.value_field, name, namespace)}
    for is_kind, avro in (
        (types.is_boolean, "boolean"),
        (types.is_int64, "long"),
        (types.is_integer, "int"),
        (types.is_float32, "float"),
        (types.is_float64, "double"),
        (types.is_binary, "bytes"),
        (types.is_large_binary, "bytes"),
        (types.is_null, "null"),
    ):
        if is_kind(kind):
            return avro
    return "string"


def _record(kind: pa.StructType, name: str, namespace: str) -> dict[str, Any]:
    inside = f"{namespace}.{name}" if namespace else name
    fields = [{"name": f.name, "type": _field(f, f.name, inside)} for f in kind]
    return {"type": "record", "name": name, "namespace": namespace, "fields": fields}


def bytes_for(precision: int) -> int:
    """Return how many bytes hold every decimal of so many digits, and its sign."""
    size = 1
    while 2 ** (8 * size - 1) < 10**precision:
        size += 1
    return size


def column_values(column: pa.Array) -> list[Any]:
    """Return a column's values as fastavro takes them."""
    kind = column.type
    if pa.types.is_decimal128(kind):
        # Bytes, big-endian, as they are stored: twice as fast as by way of Python's Decimal.
        last = bytes_for(kind.precision) - 1
        return [value and value[last::-1] for value in column.view(pa.binary(16)).to_pylist()]
    values: list[Any] = column.cast(_plain_type(kind)).to_pylist()
    reader = _reader(kind)
    return values if reader is None else [reader(value) for value in values]


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the Arrow type to cast to, so that a Python value is what Avro stores.

    Dates and timestamps become integers: Python's own end with the year 9999. All may be null:
    Spark calls a struct's field never null even where the struct is.
    """
    types = pa.types
    if types.is_date32(kind):
        return pa.int32()
    if types.is_timestamp(kind) or types.is_duration(kind):
        return pa.int64()
    if types.is_struct(kind):
        return pa.struct([(field.name, _plain_type(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_plain_type(kind.key_type), _plain_type(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    return kind


def _reader(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return a function that turns Python's values into Avro's, or None if they are the same.

    Arrow gives a map as a list of pairs, and Avro takes a dict.
    """
    types = pa.types
    if types.is_map(kind):
        inner = _reader(kind.item_type) or _same
        return lambda value: None if value is None else {key: inner(item) for key, item in value}
    if types.is_list(kind) or types.is_large_list(kind):
        item_reader = _reader(kind.value_type)
        if item_reader is None:
            return None
        return lambda value: None if value is None else [item_reader(item) for item in value]
    if types.is_struct(kind):
        readers = [(f.name, reader) for f in kind if (reader := _reader(f.type))]
        if not readers:
            return None

        def read(value: dict[str, Any] | None) -> dict[str, Any] | None:
            if value is None:
                return None
            return value | {name: reader(value[name]) for name, reader in readers}

        return read
    return None


def _same(value: Any) -> Any:
    return value
