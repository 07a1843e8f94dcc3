"""Merges the schemas of several files as Spark's `mergeSchema` does.

Source: `StructType.merge` in sql/api/src/main/scala/org/apache/spark/sql/types/StructType.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.column_cast import is_list
from sftp_async.formats.decode_errors import malformed

if TYPE_CHECKING:
    from collections.abc import Iterable


def merged(schemas: Iterable[tuple[str, pa.Schema]], *, case_sensitive: bool) -> pa.Schema:
    """Return the columns of all files, in the order in which they first occur.

    What the schemas' metadata say of Spark's types is kept only if all files say the same.

    Args:
        schemas: of each file, with its path, at least one.
        case_sensitive: whether names that differ in case alone are two columns.

    Raises:
        DecodeError: two files have one column in types that do not merge; names file and column.

    """
    (_, first), *others = schemas
    fields, metadata = list(first), first.metadata
    for path, schema in others:
        fields = _fields(fields, list(schema), "", path, case_sensitive)
        if schema.metadata != metadata:
            metadata = None
    return pa.schema(fields, metadata=metadata)


def _fields(
    left: list[pa.Field], right: list[pa.Field], where: str, path: str, case_sensitive: bool
) -> list[pa.Field]:
    def key(name: str) -> str:
        return name if case_sensitive else name.lower()

    new = {key(field.name): field for field in right}
    result = []
    for field in left:
        other = new.pop(key(field.name), None)
        if other is not None:
            kind = _type(field.type, other.type, f"{where}{field.name}", path, case_sensitive)
            field = pa.field(field.name, kind, field.nullable or other.nullable, field.metadata)
        result.append(field)
    return result + list(new.values())


def _type(
    left: pa.DataType, right: pa.DataType, where: str, path: str, case_sensitive: bool
) -> pa.DataType:
    types = pa.types
    if left == right or types.is_null(right):
        return left
    if types.is_null(left):
        return right
    if types.is_struct(left) and types.is_struct(right):
        return pa.struct(_fields(list(left), list(right), f"{where}.", path, case_sensitive))
    if types.is_map(left) and types.is_map(right):
        key = _type(left.key_type, right.key_type, f"{where}.key", path, case_sensitive)
        item = _type(left.item_type, right.item_type, f"{where}.value", path, case_sensitive)
        return pa.map_(
            pa.field("key", key, nullable=False),
            pa.field("value", item, left.item_field.nullable or right.item_field.nullable),
        )
    if is_list(left) and is_list(right):
        item = _type(left.value_type, right.value_type, f"{where}.element", path, case_sensitive)
        nullable = left.value_field.nullable or right.value_field.nullable
        return pa.list_(pa.field("element", item, nullable))
    raise malformed(
        f"Column {where!r} is {right} in this file and {left} in others, which does not merge",
        path,
        hint="Give the schema with .schema(...), or read the files apart",
    )
