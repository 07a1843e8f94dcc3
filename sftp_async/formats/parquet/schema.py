"""Maps the schema of a Parquet file to the columns that Spark finds in it.

Source: ParquetToSparkSchemaConverter in
sql/core/src/main/scala/org/apache/spark/sql/execution/datasources/parquet/ParquetSchemaConverter.scala.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.spark_schema import SPARK_SCHEMA
from sftp_async.formats.spark_types import arrow_field, nullable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.parquet.footer import Footer, Node

_INTEGERS = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
#: Spark takes the next larger type, and a decimal for the largest.
_UNSIGNED = {8: pa.int16(), 16: pa.int32(), 32: pa.int64(), 64: pa.decimal128(20, 0)}
_PLAIN = {
    "BOOLEAN": pa.bool_(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "INT96": pa.timestamp("us", "UTC"),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BYTE_ARRAY": pa.binary(),
    "FIXED_LEN_BYTE_ARRAY": pa.binary(),
}
#: Most digits of a decimal that is stored in so many bytes.
_DIGITS = {"INT32": 9, "INT64": 18}


class _NoTypeError(Exception):
    """Spark has no type for a field."""


def spark_columns(footer: Footer, path: str) -> pa.Schema:
    """Return the columns of a file: those that Spark left in its metadata, else the file's own.

    Raises:
        DecodeError: a column has a type that Spark does not read; names it.

    """
    text = footer.texts.get(SPARK_SCHEMA)
    fields = []
    if text is not None:
        stored = nullable(json.loads(text))
        for column in stored["fields"]:
            try:
                fields.append(arrow_field(column))
            except ValueError as error:
                raise _refusal(column["name"], str(error), path) from error
        metadata = {SPARK_SCHEMA: json.dumps(stored, separators=(",", ":")).encode()}
        return pa.schema(fields, metadata=metadata)
    for node in footer.root.children:
        try:
            fields.append(pa.field(node.name, _repeated(node)))
        except _NoTypeError as error:
            raise _refusal(node.name, str(error), path) from error
    return pa.schema(fields)


def wanted_leaves(node: Node, target: pa.DataType, first: int) -> Iterator[int]:
    """Yield the numbers of the stored columns that a wanted type needs; at least one.

    Args:
        node: a field of the file.
        target: the type that it is to have.
        first: number of the field's first stored column.

    """
    types = pa.types
    inside: list[tuple[Node, pa.DataType]] = []
    if node.logical == "LIST" and types.is_list(target) and len(node.children) == 1:
        repeated = node.children[0]
        if not _is_element(repeated, node.name):
            inside = [(repeated.children[0], target.value_type)]
    elif node.logical in ("MAP", "MAP_KEY_VALUE") and types.is_map(target):
        pair = node.children[0].children if node.children else ()
        if len(pair) == 2:
            # The keys are needed whatever is wanted of the values.
            yield from range(first, first + pair[0].leaves)
            yield from wanted_leaves(pair[1], target.item_type, first + pair[0].leaves)
            return
    elif node.physical is None and not node.logical and types.is_struct(target):
        yield from _fields_leaves(node, target, first)
        return
    if inside:
        yield from wanted_leaves(*inside[0], first)
    else:
        yield from range(first, first + node.leaves)


def _fields_leaves(node: Node, target: pa.StructType, first: int) -> Iterator[int]:
    # In any case: which of two spellings is meant is decided when the columns are cast.
    wanted = {field.name.lower(): field.type for field in target}
    found, at = False, first
    for child in node.children:
        if child.name.lower() in wanted:
            found = True
            yield from wanted_leaves(child, wanted[child.name.lower()], at)
        at += child.leaves
    if not found:
        yield first  # tells which structs are null


def _refusal(name: str, kind: str, path: str) -> Exception:
    return malformed(
        f"Column {name!r} has the type {kind}, for which Spark has none that it passes to Python",
        path,
        hint="Give the schema with .schema(...): without the column, or with the column as a type "
        "that can hold it, such as TIMESTAMP for TIMESTAMP(NANOS), or BIGINT",
    )


def _repeated(node: Node) -> pa.DataType:
    """Return the type of a field; a repeated one that no list has around it is a list."""
    kind = _type(node)
    return _list_of(kind) if node.repetition == "repeated" else kind


def _list_of(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind))


def _type(node: Node) -> pa.DataType:
    if node.physical is not None:
        return _primitive(node)
    if node.logical == "LIST":
        return _list(node)
    if node.logical in ("MAP", "MAP_KEY_VALUE"):
        return _map(node)
    if node.logical not in ("", "STRING"):
        raise _NoTypeError(node.logical)
    return pa.struct([pa.field(child.name, _repeated(child)) for child in node.children])


def _list(node: Node) -> pa.DataType:
    if len(node.children) != 1 or node.children[0].repetition != "repeated":
        raise _NoTypeError("LIST without one repeated field")
    repeated = node.children[0]
    if _is_element(repeated, node.name):
        return _list_of(_type(repeated))
    return _list_of(_repeated(repeated.children[0]))


def _is_element(repeated: Node, parent: str) -> bool:
    """Whether a list's repeated field is the element, and not a group around it.

    Source: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md, on older lists.
    """
    return (
        repeated.physical is not None
        or len(repeated.children) != 1
        or repeated.name in ("array", f"{parent}_tuple")
    )


def _map(node: Node) -> pa.DataType:
    pair = node.children[0].children if len(node.children) == 1 else ()
    if len(pair) != 2 or node.children[0].repetition != "repeated":
        raise _NoTypeError("MAP without one repeated group of two fields")
    key = pa.field("key", _repeated(pair[0]), nullable=False)
    return pa.map_(key, pa.field("value", _repeated(pair[1])))


def _primitive(node: Node) -> pa.DataType:
    physical, logical, given = node.physical or "", node.logical, node.parameters
    described = f"{physical} ({logical})"
    if logical in ("", "UNKNOWN") or physical == "INT96":
        return _PLAIN[physical]
    if logical == "DECIMAL":
        precision, scale = given["precision"], given["scale"]
        if precision > _DIGITS.get(physical, 38) or scale > precision:
            raise _NoTypeError(f"{physical} (DECIMAL({precision},{scale}))")
        return pa.decimal128(precision, scale)
    if physical in ("INT32", "INT64"):
        if logical == "INTEGER":
            return (_INTEGERS if given["signed"] else _UNSIGNED)[given["bits"]]
        if logical == "DATE":
            return pa.date32()
        if logical == "TIMESTAMP" and given["unit"] != "ns":
            return pa.timestamp("us", "UTC" if given["utc"] else None)
        if "unit" in given:
            described = f"{physical} ({logical}({given['unit']}))"
    if physical == "BYTE_ARRAY" and logical in ("STRING", "ENUM", "JSON"):
        return pa.string()
    if physical == "BYTE_ARRAY" and logical == "BSON":
        return pa.binary()
    raise _NoTypeError(described)
