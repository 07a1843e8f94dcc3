"""Converts columns as users have them (DDL, Arrow, Spark's own) to what Spark hands to Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats.ddl import DDLError, parse_ddl
from sftp_async.formats.spark_schema import SPARK_SCHEMA
from sftp_async.formats.spark_types import arrow_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sftp_async.options.problems import Problems

_FORMS = (
    "Spark's DDL ('id BIGINT, name STRING'), Spark's JSON of a schema, a StructType or a "
    "pyarrow.Schema"
)


def given_schema(given: object, problems: Problems) -> pa.Schema:
    """Return columns as Spark hands them to Python; Spark's own schema is among the metadata.

    Args:
        given: DDL, JSON as text or as a mapping, an object with Spark's `json()`, or an Arrow
            schema, which is taken as it is.
        problems: gets each column that Spark cannot hand to Python as Arrow data; such a column is
            text in the result, which every further check takes.

    Raises:
        OptionsError: it is none of these.

    """
    if isinstance(given, pa.Schema):
        return given
    spark = _spark_json(given)
    fields = []
    try:
        for field in spark["fields"]:
            try:
                fields.append(arrow_field(field))
            except ValueError as error:
                with problems.collect():
                    raise EncodeError(
                        f"Column {field['name']!r} of type {error} cannot be written",
                        hint=f"Cast it: CAST(`{field['name']}` AS STRING)",
                    ) from error
                fields.append(pa.field(field["name"], pa.string()))
        metadata = {SPARK_SCHEMA: json.dumps(spark)}
    except (KeyError, TypeError) as error:
        raise OptionsError(f"schema is no JSON of a schema of Spark's: give {_FORMS}.") from error
    return pa.schema(fields, metadata=metadata)


def _spark_json(given: object) -> Mapping[str, Any]:
    """Return Spark's JSON of a schema.

    Raises:
        OptionsError: that is not what was given.

    """
    if callable(own := getattr(given, "json", None)):  # a StructType
        try:
            given = own()
        except TypeError:  # the class itself, or another kind of object
            given = None
    if isinstance(given, str):
        text = given.strip()
        try:
            given = json.loads(text) if text.startswith("{") else parse_ddl(text)
        except DDLError as error:
            raise OptionsError(f"schema cannot be read as columns: {error}.") from error
        except (ValueError, RecursionError) as error:
            raise OptionsError(f"schema is no JSON: {error}. Give {_FORMS}.") from error
    if not isinstance(given, dict) or not isinstance(given.get("fields"), list):
        raise OptionsError(f"schema must be {_FORMS}.")
    return given
