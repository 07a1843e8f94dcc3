"""Spark schemas as Arrow schemas, and the column types that are refused."""

from __future__ import annotations

import inspect
from typing import Any

import pyarrow as pa
import pyspark
from pyspark.errors import PySparkException
from pyspark.sql.pandas.types import to_arrow_type
from pyspark.sql.types import StringType, StructField, StructType

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats.spark_schema import SPARK_SCHEMA

#: In a Parquet file's metadata: who wrote it. Readers of Spark 3 ask for it before they take dates
#: before 1582 for what they are (DataSourceUtils.datetimeRebaseSpec).
SPARK_VERSION = b"org.apache.spark.version"


# PySpark 4.0 converts timestamps to UTC on request; later versions want the zone itself.
_ZONE: dict[str, Any] = (
    {"timezone": "UTC"} if "timezone" in inspect.signature(to_arrow_type).parameters else {}
)


def arrow_schema(schema: StructType) -> pa.Schema:
    """Return the Arrow form of a Spark schema, which is among its metadata as it was.

    Raises:
        EncodeError: Spark cannot hand a column to Python as Arrow data; names the column.

    """
    fields = []
    for field in schema.fields:
        try:
            fields.append(
                pa.field(field.name, to_arrow_type(field.dataType, **_ZONE), field.nullable)
            )
        except PySparkException as error:
            raise _refused(field) from error
    spark = {SPARK_SCHEMA: schema.json(), SPARK_VERSION: pyspark.__version__}
    return pa.schema(fields, metadata=spark)


def refuse_collations(schema: StructType, partition_by: tuple[str, ...]) -> None:
    """See that no text becomes a directory for which other texts count as equal, as Spark does.

    Raises:
        OptionsError: names the columns.

    """
    asked = {name.lower() for name in partition_by}
    problems = [
        f"partition_by cannot take the column {field.name!r} of type "
        f"{field.dataType.simpleString()}: texts that it calls equal would be told apart. Cast it: "
        f"CAST(`{field.name}` AS STRING)."
        for field in schema.fields
        if field.name.lower() in asked
        and isinstance(field.dataType, StringType)
        and not field.dataType.isUTF8BinaryCollation()
    ]
    if problems:
        raise OptionsError(problems)


def _refused(field: StructField) -> EncodeError:
    return EncodeError(
        f"Column {field.name!r} of type {field.dataType.simpleString()} cannot be written",
        hint=f"Cast it: CAST(`{field.name}` AS STRING)",
    )
