"""The same Parquet files by Spark's own reader and by ours: columns and rows are equal."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyarrow import parquet
from pyspark.errors import PySparkException

from sftp_async.errors import DecodeError
from tests.parity.reading.columnar import Columnar, parts, spark_rows
from tests.parity.reading.comparing import struct_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

#: A row of each of Spark's types that Arrow has, with nulls and extremes.
ALL_TYPES = """
SELECT * FROM VALUES
 (true, 1Y, 2S, 3, 4L, 1.5F, 2.5D, 1.25BD, 12345678901.25BD, 'ä', X'00ff', DATE'2026-11-30',
  TIMESTAMP'2026-11-30 12:34:56.123456', TIMESTAMP_NTZ'2026-11-30 12:34:56.123456',
  INTERVAL '1 2:03:04.5' DAY TO SECOND, array(1, null), map('k', 1), named_struct('a', 1, 'b', 'x'),
  array(named_struct('m', map('k', array(1.5D)))), CAST(1.5 AS DECIMAL(38, 10))),
 (false, -128Y, -32768S, -2147483648, -9223372036854775808L, FLOAT('NaN'), DOUBLE('-Infinity'),
  -9.99BD, -99999999999.99BD, '', X'', DATE'0001-01-01',
  TIMESTAMP'0001-01-01 00:00:00', TIMESTAMP_NTZ'0001-01-01 00:00:00',
  INTERVAL '-1' DAY, array(), map(), named_struct('a', null, 'b', null), array(null),
  CAST(-1.5 AS DECIMAL(38, 10))),
 (null, null, null, null, null, null, null, null, null, null, null, DATE'9999-12-31',
  TIMESTAMP'9999-12-31 23:59:59.999999', TIMESTAMP_NTZ'9999-12-31 23:59:59.999999',
  null, null, null, null, null, null)
AS rows(bool, i8, i16, i32, i64, f32, f64, dec, dec18, text, bytes, day, at, wall, span, list, dict,
 record, deep, dec38)
"""


def write(path: Path, table: pa.Table, **options: object) -> Path:
    parquet.write_table(table, path, **options)
    return path


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4_raw"])
def test_every_type_that_spark_writes_reads_as_spark_reads_it(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, codec: str
) -> None:
    target = tmp_path / "files"
    spark.sql(ALL_TYPES).coalesce(1).write.option("compression", codec).parquet(str(target))
    assert columnar.compare("parquet", parts(target)).num_rows == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"spark.sql.parquet.writeLegacyFormat": "true"},
        {"spark.sql.parquet.outputTimestampType": "INT96"},
        {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS"},
    ],
    ids=["legacy lists and decimals", "INT96", "milliseconds"],
)
def test_older_ways_to_store_types_read_as_spark_reads_them(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, settings: dict[str, str]
) -> None:
    target = tmp_path / "files"
    for key, value in settings.items():
        spark.conf.set(key, value)
    try:
        spark.sql(ALL_TYPES).coalesce(1).write.parquet(str(target))
    finally:
        for key in settings:
            spark.conf.unset(key)
    assert columnar.compare("parquet", parts(target)).num_rows == 3


def test_small_pages_and_old_encodings_read_as_spark_reads_them(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    frame = spark.range(5000).selectExpr(
        "id",
        "CAST(id % 7 AS STRING) AS text",
        "IF(id % 3 = 0, null, id * 1.5D) AS number",
        "transform(sequence(0, id % 4), x -> CAST(x AS STRING)) AS list",
    )
    written = []
    for number, options in enumerate(
        [
            {"parquet.page.size": "512", "parquet.block.size": "8192"},
            {"parquet.writer.version": "v2", "parquet.page.size": "512"},
            {"parquet.enable.dictionary": "false"},
        ]
    ):
        target = tmp_path / str(number)
        frame.coalesce(1).write.options(**options).parquet(str(target))
        written += parts(target)
    for path in written:
        assert columnar.compare("parquet", [path]).num_rows == 5000


def test_files_of_other_programs_read_as_spark_reads_them(
    columnar: Columnar, tmp_path: Path
) -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "text": ["a", None, "ü"],
            "kind": pd.Categorical(["x", "y", "x"]),
            "flag": [True, False, True],
            "at": pd.to_datetime(["2026-11-30", None, "1970-01-01"]).astype("datetime64[us]"),
        },
        index=[10, 20, 30],
    )
    frame.to_parquet(tmp_path / "pandas.parquet")
    pl.DataFrame(
        {
            "n": pl.Series([1, None], dtype=pl.UInt32),
            "big": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
            "list": [[1, 2], None],
            "record": [{"a": 1, "b": "x"}, None],
            "at": [dt.datetime(2026, 11, 30, 1, 2, 3, 4), None],
            "dec": pl.Series([Decimal("1.25"), None], dtype=pl.Decimal(12, 2)),
        }
    ).write_parquet(tmp_path / "polars.parquet")
    write(
        tmp_path / "arrow.parquet",
        pa.table(
            {
                "u8": pa.array([200, None], pa.uint8()),
                "u16": pa.array([60000, None], pa.uint16()),
                "u32": pa.array([2**32 - 1, None], pa.uint32()),
                "u64": pa.array([2**64 - 1, None], pa.uint64()),
                "fixed": pa.array([b"ab", None], pa.binary(2)),
                "large": pa.array(["a", None], pa.large_string()),
                "ms": pa.array([1, None], pa.timestamp("ms", "Europe/Berlin")),
                "span": pa.array([1, None], pa.duration("us")),
                "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
                "none": pa.nulls(2),
            }
        ),
    )
    for name, rows in (("pandas", 3), ("polars", 2), ("arrow", 2)):
        assert columnar.compare("parquet", [tmp_path / f"{name}.parquet"]).num_rows == rows


#: A column of a file.
STORED = {
    "int8": pa.array([1, None, 2], pa.int8()),
    "int64": pa.array([1, None, 2], pa.int64()),
    "uint16": pa.array([1, None, 2], pa.uint16()),
    "float": pa.array([1, None, 2], pa.float32()),
    "date": pa.array([1, None, 2], pa.date32()),
    "string": pa.array(["1", None, "2"]),
    "decimal": pa.array([Decimal("1.25"), None, Decimal("-2.50")], pa.decimal128(9, 2)),
    "wall": pa.array([1, None, 2], pa.timestamp("us")),
    "zoned": pa.array([1, None, 2], pa.timestamp("ms", "UTC")),
}
ASKED = (
    *("tinyint", "int", "bigint", "float", "double", "date", "timestamp", "timestamp_ntz"),
    *("string", "decimal(10,0)", "decimal(12,4)", "decimal(20,0)", "decimal(38,10)"),
)


@pytest.mark.parametrize("stored", STORED)
def test_a_column_is_read_as_the_types_that_spark_reads_it_as_and_no_others(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, stored: str
) -> None:
    path = write(tmp_path / "file.parquet", pa.table({"x": STORED[stored]}))
    for asked in ASKED:
        if stored == "uint16" and asked == "date":
            continue  # Spark takes any number of four bytes for a date
        schema = struct_of(f"x {asked}")
        frame = spark.read.schema(f"x {asked}").parquet(str(path))
        theirs = None
        with contextlib.suppress(PySparkException, Py4JJavaError):
            theirs = spark_rows(frame)
        if theirs is None:
            with pytest.raises(DecodeError, match="'x'"):
                columnar.rows("parquet", [path], schema)
        else:
            ours = columnar.rows("parquet", [path], schema)
            assert ours.to_pylist() == theirs.to_pylist(), asked


def test_columns_are_found_by_name_in_any_case_and_missing_ones_are_null(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    target = tmp_path / "files"
    spark.sql(
        "SELECT 1 AS A, named_struct('X', 1, 'Y', 's') AS s, array(named_struct('P', 1, 'Q', 2)) "
        "AS list, map('k', named_struct('U', 1, 'V', 2)) AS dict"
    ).coalesce(1).write.parquet(str(target))
    wanted = (
        "gone STRING, s STRUCT<y: STRING, new: INT, x: BIGINT>, a BIGINT, "
        "list ARRAY<STRUCT<q: INT>>, dict MAP<STRING, STRUCT<v: INT, w: STRING>>"
    )
    rows = columnar.compare("parquet", parts(target), ddl=wanted).to_pylist()
    assert rows[0]["a"] == 1
    assert rows[0]["gone"] is None
    columnar.compare("parquet", parts(target), ddl=wanted, case_sensitive="true")


def test_columns_of_all_files_are_merged_if_that_is_asked_for(
    columnar: Columnar, tmp_path: Path
) -> None:
    one = write(tmp_path / "a.parquet", pa.table({"x": [1], "s": [{"a": 1}]}))
    two = write(tmp_path / "b.parquet", pa.table({"y": ["t"], "s": [{"b": 2}]}))
    rows = columnar.compare("parquet", [one, two], merge_schema="true")
    assert rows.schema.names == ["x", "s", "y"]


def test_a_file_without_rows_has_columns_and_no_rows(columnar: Columnar, tmp_path: Path) -> None:
    path = write(tmp_path / "empty.parquet", pa.table({"x": pa.array([], pa.int32())}))
    assert columnar.compare("parquet", [path]).num_rows == 0


def test_nanoseconds_are_cut_where_a_timestamp_is_asked_for_and_refused_by_inference(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    table = pa.table({"x": pa.array([1_234_567, -1, None], pa.timestamp("ns", "UTC"))})
    path = write(tmp_path / "nanos.parquet", table)
    with pytest.raises(Exception, match="PARQUET_TYPE_ILLEGAL"):
        spark.read.parquet(str(path))
    files = [path]
    with pytest.raises(DecodeError, match=r"'x'.*TIMESTAMP\(ns\)"):
        columnar.schema("parquet", files)
    rows = columnar.rows("parquet", files, struct_of("x TIMESTAMP"))
    assert rows["x"].cast(pa.int64()).to_pylist() == [1234, -1, None]
