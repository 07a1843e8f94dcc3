"""Converts Spark schemas to Arrow schemas, and reports the columns that cannot be written."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyspark
from pyspark.errors import PySparkException
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_type
from pyspark.sql.types import StructField, StructType

from sftp_async.errors import EncodeError
from sftp_async.formats.spark_schema import SPARK_SCHEMA

if TYPE_CHECKING:
    from sftp_async.options.problems import Problems

#: In a Parquet file's metadata: the version of Spark that wrote it. Without it, readers of Spark 3
#: take dates before 1582 for those of the Julian calendar (DataSourceUtils.datetimeRebaseSpec).
SPARK_VERSION = b"org.apache.spark.version"

# PySpark 4.0 converts timestamps to UTC on request; later versions want the zone itself.
_ZONE: dict[str, Any] = (
    {"timezone": "UTC"} if "timezone" in inspect.signature(to_arrow_type).parameters else {}
)


def arrow_schema(schema: StructType, problems: Problems | None = None) -> pa.Schema:
    """Return the Arrow form of a Spark schema, which is among its metadata as it was.

    Args:
        schema: of a DataFrame.
        problems: gets each column that Spark cannot hand to Python as Arrow data; such a column
            is text in the result, which every further check takes.

    Raises:
        EncodeError: there is such a column, and `problems` is not given.

    """
    fields = []
    for field in schema.fields:
        try:
            kind = to_arrow_type(field.dataType, **_ZONE)
        except PySparkException as error:
            if problems is None:
                raise _refused(field) from error
            with problems.collect():
                raise _refused(field) from error
            kind = pa.string()
        fields.append(pa.field(field.name, kind, field.nullable))
    spark = {SPARK_SCHEMA: schema.json(), SPARK_VERSION: pyspark.__version__}
    return pa.schema(fields, metadata=spark)


def spark_schema(schema: pa.Schema) -> StructType:
    """Return the Spark form of inferred columns; their Spark types are in the metadata, if any."""
    text = (schema.metadata or {}).get(SPARK_SCHEMA)
    if text is not None:
        found = StructType.fromJson(json.loads(text))
        if found.names == schema.names:
            return found
    return StructType(from_arrow_schema(schema).fields)


def _refused(field: StructField) -> EncodeError:
    return EncodeError(
        f"Column {field.name!r} of type {field.dataType.simpleString()} cannot be written",
        hint=f"Cast it: CAST(`{field.name}` AS STRING)",
    )
