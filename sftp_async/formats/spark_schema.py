"""Reads Spark's own schema in an Arrow schema's metadata: it has types that Arrow lacks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection

#: Under this key an Arrow schema's metadata hold Spark's schema as JSON. It is that of Spark's
#: Parquet files (ParquetReadSupport.SPARK_METADATA_KEY), whose reader takes the types from there.
SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
#: In the metadata of a field of Spark's schema: its collations by path
#: (DataType.COLLATIONS_METADATA_KEY in Spark's source).
COLLATIONS = "__COLLATIONS"


def spark_fields(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the fields of Spark's schema as in its JSON; none if the metadata lack it."""
    text = (schema.metadata or {}).get(SPARK_SCHEMA)
    fields: list[dict[str, Any]] = json.loads(text)["fields"] if text is not None else []
    return fields


def collation_of(field: dict[str, Any]) -> str | None:
    """Return the collation of a text column in Spark's JSON; None: texts compare by their bytes."""
    named = (field.get("metadata") or {}).get(COLLATIONS, {}).get(field["name"])
    if not isinstance(named, str):
        return None
    # The provider comes first: `spark.UTF8_LCASE`, `icu.UNICODE`.
    return named.partition(".")[2] or named


def without_columns(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """Return the schema without some columns; Spark's own schema loses them, too."""
    if not names:
        return schema
    metadata = dict(schema.metadata or {})
    if SPARK_SCHEMA in metadata:
        kept = [field for field in spark_fields(schema) if field["name"] not in names]
        metadata[SPARK_SCHEMA] = json.dumps({"type": "struct", "fields": kept}).encode()
    fields = [field for field in schema if field.name not in names]
    return pa.schema(fields, metadata=metadata)


def ddl_of(schema: pa.Schema) -> str:
    """Return a schema as Spark's DDL: `id BIGINT, name STRING NOT NULL`.

    Spark's own types in the metadata take precedence: they tell CHAR(3) from STRING.
    """
    spark = {field["name"]: field["type"] for field in spark_fields(schema)}
    columns = []
    for field in schema:
        known = spark.get(field.name)
        kind = _DDL_OF_NAME.get(known, known.upper()) if isinstance(known, str) else None
        required = "" if field.nullable else " NOT NULL"
        columns.append(f"{_ddl_name(field.name)} {kind or ddl_type(field.type)}{required}")
    return ", ".join(columns)


def ddl_type(kind: pa.DataType) -> str:
    """Return the Spark type of an Arrow type, in DDL."""
    types = pa.types
    if types.is_struct(kind):
        inside = ", ".join(f"{_ddl_name(field.name)}: {ddl_type(field.type)}" for field in kind)
        return f"STRUCT<{inside}>"
    if types.is_map(kind):
        return f"MAP<{ddl_type(kind.key_type)}, {ddl_type(kind.item_type)}>"
    if types.is_list(kind) or types.is_large_list(kind):
        return f"ARRAY<{ddl_type(kind.value_type)}>"
    if types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if types.is_duration(kind):
        return "INTERVAL DAY TO SECOND"
    return _DDL_TYPES.get(str(kind), str(kind).upper())


def _ddl_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "`{}`".format(name.replace("`", "``"))


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
#: Names of Spark's JSON for types that have others in DDL.
_DDL_OF_NAME = {"long": "BIGINT", "integer": "INT", "short": "SMALLINT", "byte": "TINYINT"}
_DDL_TYPES = {
    "string": "STRING",
    "large_string": "STRING",
    "binary": "BINARY",
    "large_binary": "BINARY",
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "null": "VOID",
}
