"""Converts Spark's types, as its JSON names them, to Arrow's, as Spark hands them over.

The result is that of PySpark's `to_arrow_type`, without PySpark.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

_PLAIN = {
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "void": pa.null(),
    "variant": pa.struct(
        [
            pa.field("value", pa.binary(), nullable=False),
            pa.field("metadata", pa.binary(), nullable=False, metadata={"variant": "true"}),
        ]
    ),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_TEXT = re.compile(r"(?:char|varchar)\(\d+\)|string collate .+")
_DAY_TIME = re.compile(r"interval (?:day|hour|minute|second)(?: to (?:hour|minute|second))?")
_TIME = re.compile(r"time(?:\(\d\))?")


def arrow_field(field: dict[str, Any]) -> pa.Field:
    """Return the Arrow field of a field of Spark's schema.

    Raises:
        ValueError: Spark hands no values of the type to Python; the text names it.

    """
    return pa.field(field["name"], arrow_type(field["type"]), field.get("nullable", True))


def arrow_type(kind: Any) -> pa.DataType:
    """Return the Arrow type of a type in Spark's JSON.

    Raises:
        ValueError: Spark hands no values of the type to Python; the text names it.

    """
    if isinstance(kind, dict):
        return _nested(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if found := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found[1]), int(found[2]))
    if _TEXT.fullmatch(kind):
        return pa.string()
    if _DAY_TIME.fullmatch(kind):
        return pa.duration("us")
    if _TIME.fullmatch(kind):
        return pa.time64("ns")
    raise ValueError(kind)


def _nested(kind: dict[str, Any]) -> pa.DataType:
    if kind["type"] == "struct":
        return pa.struct([arrow_field(field) for field in kind["fields"]])
    if kind["type"] == "array":
        element = pa.field("element", arrow_type(kind["elementType"]), kind["containsNull"])
        return pa.list_(element)
    if kind["type"] == "map":
        key = pa.field("key", arrow_type(kind["keyType"]), nullable=False)
        value = pa.field("value", arrow_type(kind["valueType"]), kind["valueContainsNull"])
        return pa.map_(key, value)
    if kind["type"] == "udt":
        return arrow_type(kind["sqlType"])
    raise ValueError(kind["type"])


def nullable(kind: Any) -> Any:
    """Return a type of Spark's JSON with everything inside nullable, as Spark's file sources do."""
    if not isinstance(kind, dict):
        return kind
    if kind["type"] == "struct":
        return kind | {
            "fields": [
                field | {"type": nullable(field["type"]), "nullable": True}
                for field in kind["fields"]
            ]
        }
    if kind["type"] == "array":
        return kind | {"elementType": nullable(kind["elementType"]), "containsNull": True}
    if kind["type"] == "map":
        inside = {"keyType": nullable(kind["keyType"]), "valueType": nullable(kind["valueType"])}
        return kind | inside | {"valueContainsNull": True}
    return kind
