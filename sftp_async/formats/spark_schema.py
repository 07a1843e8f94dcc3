"""Reads Spark's own schema in an Arrow schema's metadata: it has types that Arrow lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection

#: Under this key an Arrow schema's metadata hold Spark's schema as JSON. It is that of Spark's
#: Parquet files (ParquetReadSupport.SPARK_METADATA_KEY), whose reader takes the types from there.
SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


def spark_fields(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the fields of Spark's schema as in its JSON; none if the metadata lack it."""
    text = (schema.metadata or {}).get(SPARK_SCHEMA)
    fields: list[dict[str, Any]] = json.loads(text)["fields"] if text is not None else []
    return fields


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
