"""The same ORC files by Spark's own reader and by ours: columns and rows are equal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import orc

from sftp_async.errors import DecodeError
from tests.parity.reading.columnar import Columnar, parts
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
 (null, null, null, null, null, null, null, null, null, null, null, DATE'1582-10-04',
  TIMESTAMP'1969-12-31 23:59:59.999999', TIMESTAMP_NTZ'9999-12-31 23:59:59.999999',
  null, null, null, null, null, null),
 (null, null, null, null, null, null, null, null, null, null, null, DATE'9999-12-31',
  TIMESTAMP'9999-12-31 23:59:59.999999', null, null, null, null, null, null, null)
AS rows(bool, i8, i16, i32, i64, f32, f64, dec, dec18, text, bytes, day, at, wall, span, list, dict,
 record, deep, dec38)
"""


@pytest.mark.parametrize("codec", ["none", "snappy", "zlib", "zstd", "lz4"])
def test_every_type_that_spark_writes_reads_as_spark_reads_it(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, codec: str
) -> None:
    target = tmp_path / "files"
    spark.sql(ALL_TYPES).coalesce(1).write.option("compression", codec).orc(str(target))
    assert columnar.compare("orc", parts(target)).num_rows == 4


def test_files_of_other_programs_read_as_spark_reads_them(
    columnar: Columnar, tmp_path: Path
) -> None:
    path = tmp_path / "arrow.orc"
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int8()),
            "text": ["a", None],
            "wall": pa.array([1_000_001, None], pa.timestamp("us")),
            "zoned": pa.array([1_000_001, None], pa.timestamp("us", "UTC")),
            "day": pa.array([1, None], pa.date32()),
            "list": [[1], None],
            "record": [{"a": 1, "b": [{"c": "x"}]}, None],
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
            "dec": pa.array([1, None], pa.int64()).cast(pa.decimal128(21, 2)),
        }
    )
    orc.write_table(table, path)
    assert columnar.compare("orc", [path]).num_rows == 2


def test_many_stripes_read_as_spark_reads_them(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    target = tmp_path / "files"
    spark.range(100_000).selectExpr(
        "id",
        "CAST(id % 7 AS STRING) AS text",
        "IF(id % 3 = 0, null, id * 1.5D) AS number",
        "timestamp_micros(id * 1000003) AS at",
        "transform(sequence(0, id % 4), x -> CAST(x AS STRING)) AS list",
    ).coalesce(1).write.options(**{"orc.stripe.size": "65536"}).orc(str(target))
    assert columnar.compare("orc", parts(target)).num_rows == 100_000


def test_times_of_all_years_read_as_spark_reads_them(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    target = tmp_path / "files"
    spark.range(20_000).selectExpr(
        "id",
        "timestamp_micros(CASE WHEN id % 100 = 0 THEN 253402300799999999 "
        "WHEN id % 101 = 0 THEN -62135596800000000 WHEN id % 7 = 0 THEN null "
        "ELSE hash(id) * 700000L + id % 3 END) AS at",
    ).coalesce(1).write.options(**{"orc.stripe.size": "65536"}).orc(str(target))
    assert columnar.compare("orc", parts(target)).num_rows == 20_000


def test_columns_are_found_by_name_in_any_case_and_missing_ones_are_null(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    target = tmp_path / "files"
    spark.sql("SELECT 1 AS A, named_struct('X', 1, 'Y', 's') AS s").coalesce(1).write.orc(
        str(target)
    )
    wanted = "gone STRING, s STRUCT<Y: STRING, X: INT>, a INT"
    row = columnar.compare("orc", parts(target), ddl=wanted).to_pylist()[0]
    assert row == {"gone": None, "s": {"Y": "s", "X": 1}, "a": 1}


def test_columns_of_old_hive_files_are_found_by_their_position(
    columnar: Columnar, tmp_path: Path
) -> None:
    path = tmp_path / "hive.orc"
    orc.write_table(pa.table({"_col0": [1, 2], "_col1": ["a", "b"]}), path)
    rows = columnar.compare("orc", [path], ddl="id BIGINT, name STRING, later INT")
    assert rows.to_pylist()[1] == {"id": 2, "name": "b", "later": None}


def test_columns_of_all_files_are_merged_if_that_is_asked_for(
    columnar: Columnar, tmp_path: Path
) -> None:
    one, two = tmp_path / "a.orc", tmp_path / "b.orc"
    orc.write_table(pa.table({"x": [1]}), one)
    orc.write_table(pa.table({"y": ["t"]}), two)
    assert columnar.compare("orc", [one, two], merge_schema="true").schema.names == ["x", "y"]


@pytest.mark.parametrize("asked", ["BIGINT", "DOUBLE", "DECIMAL(20,2)"])
def test_numbers_are_widened_as_spark_does(columnar: Columnar, tmp_path: Path, asked: str) -> None:
    path = tmp_path / "file.orc"
    orc.write_table(pa.table({"x": pa.array([1, None, -3], pa.int32())}), path)
    columnar.compare("orc", [path], ddl=f"x {asked}")


def test_a_type_that_cannot_be_read_as_the_wanted_one_is_an_error_that_names_the_column(
    columnar: Columnar, tmp_path: Path
) -> None:
    path = tmp_path / "file.orc"
    orc.write_table(pa.table({"x": [1]}), path)
    schema = struct_of("x DATE")
    with pytest.raises(DecodeError, match="'x'"):
        columnar.rows("orc", [path], schema)


def test_a_file_without_rows_has_columns_and_no_rows(columnar: Columnar, tmp_path: Path) -> None:
    path = tmp_path / "empty.orc"
    orc.write_table(pa.table({"x": pa.array([], pa.int32())}), path)
    assert columnar.compare("orc", [path]).num_rows == 0
