"""Parquet: Spark reads our file as it reads its own, schema and values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from sftp_async.formats.spark_schema import SPARK_SCHEMA
from tests.parity import frames as f
from tests.parity.conftest import Twice, parts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python

NEVER_NULL = """
    SELECT 1 AS id, NAMED_STRUCT('a', 1, 'b', ARRAY(NAMED_STRUCT('c', 'x'))) AS s,
        MAP('k', ARRAY(1)) AS m, CAST('a' AS STRING) AS t, INTERVAL '1' HOUR AS h
"""


def rows(frame: DataFrame) -> list[tuple[str | None, ...]]:
    """Return all values as text, since Python has no dates for some."""
    texts = [
        f"HEX(`{name}`)" if kind == "binary" else f"CAST(`{name}` AS STRING)"
        for name, kind in frame.dtypes
    ]
    return [tuple(row) for row in frame.selectExpr(*texts).collect()]


@pytest.mark.parametrize("which", ["every type", "never null"])
def test_spark_reads_the_same_schema_and_the_same_values(
    spark: SparkSession, twice: Twice, which: str
) -> None:
    columns = f.flat() | f.floats() | f.nested()
    frame = (
        spark.sql(NEVER_NULL).coalesce(1)
        if which == "never null"
        else twice.frame(f.table(columns, f.edge_frames(columns)))
    )
    own, ours = twice.directories(frame, "parquet", {})
    read, back = (spark.read.parquet(str(directory)) for directory in (own, ours))
    assert back.schema == read.schema
    assert rows(back) == rows(read)
    expected, actual = (parquet.read_metadata(parts(d)[0]).metadata for d in (own, ours))
    assert json.loads(actual[SPARK_SCHEMA]) == json.loads(expected[SPARK_SCHEMA])
    assert actual[b"org.apache.spark.version"] == expected[b"org.apache.spark.version"]
