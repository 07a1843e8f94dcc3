"""Maps Avro schemas to the columns that Spark finds in them, and to what is decoded.

Source: SchemaConverters.toSqlType in sql/core/src/main/scala/org/apache/spark/sql/avro/.

fastavro decodes the plain types: logical types are taken off the schema, since Python's own dates
and times have fewer years than Spark's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

#: What turns a value that fastavro returns into one that Arrow takes; None: it is one.
Convert = Callable[[Any], Any]

_PLAIN = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
_NAMED = ("record", "error", "enum", "fixed")
#: Types whose values tell which branch of a union they are.
_PYTHON = {
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "bytes": bytes,
    "string": str,
    "array": list,
    "map": dict,
}


@dataclass(frozen=True)
class Decoded:
    """How a type is decoded.

    Args:
        schema: the Avro schema without logical types, for fastavro.
        stored: the Arrow type that fastavro's values are put into.
        kind: the Arrow type that Spark has for it.
        convert: what values need before that.
        nullable: whether it may be null.

    """

    schema: Any
    stored: pa.DataType
    kind: pa.DataType
    convert: Convert | None = None
    nullable: bool = False


class AvroTypes:
    """Finds out how the types of one schema are decoded.

    Args:
        schema: as JSON has it.

    Raises:
        ValueError: Spark has no type for it; the text says why.

    """

    def __init__(self, schema: Any) -> None:
        self._named: dict[str, Decoded] = {}
        self._open: set[str] = set()
        found = self._type(schema, "")
        if not pa.types.is_struct(found.kind):
            raise ValueError(f"its rows are no records, but of the type {schema!r}")
        self.row = found

    def _type(self, schema: Any, space: str) -> Decoded:
        if isinstance(schema, list):
            return self._union(schema, space)
        if isinstance(schema, str):
            schema = {"type": schema}
        name = schema["type"]
        if isinstance(name, (dict, list)):
            return self._type(name, space)
        if name in _PLAIN:
            return _plain(schema)
        if name in _NAMED:
            return self._define(schema, space)
        if name == "array":
            item = self._type(schema["items"], space)
            return Decoded(
                {"type": "array", "items": item.schema},
                pa.list_(pa.field("element", item.stored)),
                pa.list_(pa.field("element", item.kind)),
                _each(item.convert),
            )
        if name == "map":
            item = self._type(schema["values"], space)
            return Decoded(
                {"type": "map", "values": item.schema},
                pa.map_(pa.string(), pa.field("value", item.stored)),
                pa.map_(pa.string(), pa.field("value", item.kind)),
                _each_item(item.convert),
            )
        return self._refer(name, space)

    def _define(self, schema: dict[str, Any], space: str) -> Decoded:
        space = schema.get("namespace", space)
        name = schema["name"]
        full = name if "." in name or not space else f"{space}.{name}"
        space = full.rpartition(".")[0]
        kept = {key: schema[key] for key in ("type", "aliases") if key in schema} | {"name": full}
        if schema["type"] == "enum":
            extra = {key: schema[key] for key in ("symbols", "default") if key in schema}
            found = Decoded(kept | extra, pa.string(), pa.string())
        elif schema["type"] == "fixed":
            found = _fixed(schema, kept)
        else:
            self._open.add(full)
            found = self._record(schema, kept, space)
            self._open.discard(full)
        self._named[full] = found
        return found

    def _refer(self, name: str, space: str) -> Decoded:
        full = name if "." in name or not space else f"{space}.{name}"
        for candidate in (full, name):
            if candidate in self._open:
                raise ValueError(f"the type {candidate} contains itself")
            if candidate in self._named:
                found = self._named[candidate]
                return Decoded(candidate, found.stored, found.kind, found.convert)
        raise ValueError(f"the type {name!r} is not defined")

    def _record(self, schema: dict[str, Any], kept: dict[str, Any], space: str) -> Decoded:
        names, fields, plain = [], [], []
        for field in schema["fields"]:
            found = self._type(field["type"], space)
            names.append(field["name"])
            fields.append(found)
            copied = {key: field[key] for key in ("name", "default", "aliases") if key in field}
            plain.append(copied | {"type": found.schema})
        converts = {
            name: found.convert for name, found in zip(names, fields, strict=True) if found.convert
        }

        def convert(value: dict[str, Any]) -> dict[str, Any]:
            changed = {key: _or_none(function, value[key]) for key, function in converts.items()}
            return value | changed

        return Decoded(
            kept | {"type": "record", "fields": plain},
            pa.struct([(n, f.stored) for n, f in zip(names, fields, strict=True)]),
            pa.struct([(n, f.kind) for n, f in zip(names, fields, strict=True)]),
            convert if converts else None,
        )

    def _union(self, branches: list[Any], space: str) -> Decoded:
        found = [self._type(branch, space) for branch in branches]
        plain = [branch.schema for branch in found]
        others = [branch for branch in found if not pa.types.is_null(branch.kind)]
        nullable = len(others) < len(found)
        if not others:
            return Decoded(plain, pa.null(), pa.null(), nullable=True)
        if len(others) == 1:
            only = others[0]
            convert = only.convert
            if not isinstance(_test(only.schema), type):
                convert = _unnamed(convert)
            return Decoded(plain, only.stored, only.kind, convert, nullable)
        names = {branch.schema if isinstance(branch.schema, str) else "" for branch in others}
        for pair, kind in (({"int", "long"}, pa.int64()), ({"float", "double"}, pa.float64())):
            if names == pair:
                return Decoded(plain, kind, kind, None, nullable)
        return _members(plain, others, nullable=nullable)


def _plain(schema: dict[str, Any]) -> Decoded:
    name, logical = schema["type"], schema.get("logicalType")
    stored = kind = _PLAIN[name]
    if name == "int" and logical == "date":
        stored = kind = pa.date32()
    elif name == "long" and logical in _TIMES:
        unit, zone = _TIMES[logical]
        stored, kind = pa.timestamp(unit, zone), pa.timestamp("us", zone)
    elif name == "bytes" and logical == "decimal":
        kind = _decimal(schema)
    elif name == "long" and schema.get("spark.sql.catalyst.type", "").startswith("interval "):
        kind = pa.duration("us")  # a type of Spark's that Avro lacks
    return Decoded(name, stored, kind)


_TIMES = {
    "timestamp-millis": ("ms", "UTC"),
    "timestamp-micros": ("us", "UTC"),
    "local-timestamp-millis": ("ms", None),
    "local-timestamp-micros": ("us", None),
}


def _decimal(schema: dict[str, Any]) -> pa.DataType:
    precision, scale = schema["precision"], schema.get("scale", 0)
    if not 0 < precision <= 38 or not 0 <= scale <= precision:
        raise ValueError(f"decimals of {precision} digits, {scale} of them behind the point")
    return pa.decimal128(precision, scale)


def _fixed(schema: dict[str, Any], kept: dict[str, Any]) -> Decoded:
    is_decimal = schema.get("logicalType") == "decimal"
    kind = _decimal(schema) if is_decimal else pa.binary()
    return Decoded(kept | {"size": schema["size"]}, pa.binary(), kind)


def _members(plain: list[Any], branches: list[Decoded], *, nullable: bool) -> Decoded:
    """Return how a union becomes a struct with one field for each branch, as in Spark."""
    tests = [_test(branch.schema) for branch in branches]
    names = [f"member{number}" for number in range(len(branches))]

    def convert(value: Any) -> dict[str, Any]:
        named = value[0] if isinstance(value, tuple) else None
        plain_value = value[1] if isinstance(value, tuple) else value
        for name, branch, test in zip(names, branches, tests, strict=True):
            if test == named if named is not None else _is_a(plain_value, test):
                return {name: _or_none(branch.convert, plain_value)}
        raise ValueError(f"a value is of no branch of the union {plain!r}")

    return Decoded(
        plain,
        pa.struct([(n, branch.stored) for n, branch in zip(names, branches, strict=True)]),
        pa.struct([(n, branch.kind) for n, branch in zip(names, branches, strict=True)]),
        convert,
        nullable,
    )


def _test(schema: Any) -> Any:
    """Return what tells a branch of a union: a Python type, or the name of a named type."""
    if isinstance(schema, str):
        return _PYTHON.get(schema, schema)
    return schema["name"] if schema["type"] in _NAMED else _PYTHON[schema["type"]]


def _is_a(value: Any, test: Any) -> bool:
    return isinstance(test, type) and type(value) is test


def _unnamed(convert: Convert | None) -> Convert:
    """Return what takes the name off a value: in unions, those of named types have one."""
    return lambda value: _or_none(convert, value[1])


def _or_none(convert: Convert | None, value: Any) -> Any:
    return value if convert is None or value is None else convert(value)


def _each(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values: [_or_none(convert, value) for value in values]


def _each_item(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values: {key: _or_none(convert, value) for key, value in values.items()}
