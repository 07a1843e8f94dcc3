"""Maps the types of an ORC file to the columns that Spark finds in it.

Source: OrcUtils.toCatalystSchema in
sql/core/src/main/scala/org/apache/spark/sql/execution/datasources/orc/OrcUtils.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.spark_types import arrow_type

if TYPE_CHECKING:
    from sftp_async.formats.orc.tail import Type

#: The attribute with Spark's name of a type, where ORC's own is another.
_SPARK_TYPE = "spark.sql.catalyst.type"
_PLAIN = {
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "varchar": pa.string(),
    "char": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp with local time zone": pa.timestamp("us", "UTC"),
}


def spark_columns(root: Type, path: str) -> pa.Schema:
    """Return the columns of a file.

    Raises:
        DecodeError: a column has a type that Spark does not read; names it.

    """
    fields = []
    for name, kind in zip(root.names, root.children, strict=True):
        try:
            fields.append(pa.field(name, _type(kind)))
        except ValueError as error:
            raise malformed(
                f"Column {name!r} has the type {error}, for which Spark has none that it passes "
                "to Python",
                path,
                hint="Give the schema with .schema(...), without the column",
            ) from error
    return pa.schema(fields)


def _type(kind: Type) -> pa.DataType:
    if kind.kind == "struct":
        return pa.struct(
            [(name, _type(child)) for name, child in zip(kind.names, kind.children, strict=True)]
        )
    if kind.kind == "list":
        return pa.list_(pa.field("element", _type(kind.children[0])))
    if kind.kind == "map":
        key, item = map(_type, kind.children)
        return pa.map_(pa.field("key", key, nullable=False), pa.field("value", item))
    if kind.kind == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    spark = kind.attributes.get(_SPARK_TYPE)
    if spark is not None and kind.kind in ("int", "long"):
        return arrow_type(spark)
    if kind.kind not in _PLAIN:
        raise ValueError(kind.kind)
    return _PLAIN[kind.kind]
