"""Spark's schema in Arrow's metadata: both lose the same columns."""

from __future__ import annotations

import json

import pyarrow as pa

from sftp_async.formats.spark_schema import SPARK_SCHEMA, spark_fields, without_columns

FIELDS = [{"name": "a", "type": "long"}, {"name": "b", "type": "interval hour to minute"}]
SCHEMA = pa.schema(
    [("a", pa.int64()), ("b", pa.duration("us"))],
    metadata={SPARK_SCHEMA: json.dumps({"type": "struct", "fields": FIELDS}), b"other": b"kept"},
)


def test_columns_leave_both_schemas_and_nothing_else_does() -> None:
    left = without_columns(SCHEMA, ["a"])
    assert left.names == ["b"]
    assert spark_fields(left) == FIELDS[1:]
    assert left.metadata[b"other"] == b"kept"


def test_without_a_column_to_leave_all_stays_as_it_is() -> None:
    assert without_columns(SCHEMA, []) is SCHEMA


def test_a_schema_of_arrows_alone_has_no_fields_of_sparks() -> None:
    plain = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    assert spark_fields(plain) == []
    assert without_columns(plain, ["a"]).names == ["b"]
