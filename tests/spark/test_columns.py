"""Names and types of columns, compared with Spark's writers: what is refused, what is read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql.types import StructType

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats import open_format
from sftp_async.formats.ddl import parse_ddl
from sftp_async.options import FormatOptions
from sftp_async.spark.schema import arrow_schema
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python  # and Spark 4.0 lacks some of the types

FORMATS = ("csv", "json", "text", "parquet", "orc", "avro", "xml")
# Spark's Avro source is a package of its own, but its classes come with Spark.
SPARKS = {"avro": "org.apache.spark.sql.avro.AvroFileFormat"}
#: Names that Spark's CSV, JSON and Parquet files may have, in no order of the alphabet.
ODD = [
    *("zz", "a b", "a,b", "a;b", "a{b", "a}b", "a(b", "a)b", "a\tb", "a=b", "a.b", "a`b", 'a"b'),
    *("1a", "-a", "a:b", "é", "日本", "a/b", " a", "_a", "a<b", "\\a", ".a", "a\nb", "aa"),
]


@pytest.fixture
def sparks_own(tmp_path: Path) -> Callable[..., Path]:
    """Let Spark's own writer write a frame; returns its file."""

    def write(frame: DataFrame, form: str, **options: Any) -> Path:
        given = {"rowTag": "ROW", **options}
        own = frame.coalesce(1).write.format(SPARKS.get(form, form)).options(**given)
        own.mode("overwrite").save(str(tmp_path / form))
        return next((tmp_path / form).glob("part-*"))

    return write


def refusal(frame: DataFrame, form: str, **options: Any) -> str | None:
    """Why the driver refuses the columns, before any task."""
    try:
        open_format(FormatOptions(format=form, **options), arrow_schema(frame.schema))
    except SFTPAsyncError as error:
        return str(error)
    return None


def named(spark: SparkSession, *names: str) -> DataFrame:
    return spark.createDataFrame([tuple(map(str, range(len(names))))], ["x"] * len(names)).toDF(
        *names
    )


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "orc"])
def test_any_name_is_kept_and_so_is_the_order_of_columns(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    sparks_own: Callable[..., Path],
    form: str,
) -> None:
    names = [name for name in ODD if form != "orc" or "`" not in name]
    frame = named(spark, *names).coalesce(1)
    options = sshd.options() | {"format": form, "header": True}
    frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))
    (ours,) = remote_dir.iterdir()
    sparks = sparks_own(frame, form, header=True, ignoreLeadingWhiteSpace=False)
    if form in ("csv", "json"):
        assert ours.read_bytes() == sparks.read_bytes()
    else:
        read = [spark.read.format(form).load(str(file)) for file in (ours, sparks)]
        assert read[0].columns == read[1].columns == names
        assert read[0].collect() == read[1].collect() == frame.collect()


#: Names that a format cannot hold; Spark finds XML's in the middle of a task, which takes it long.
REFUSED = {
    "avro": ["a b", "a,b", "a;b", "a=b", "", "a.b", "a`b", "1a", "-a", "a:b", "a\nb"],
    "xml": ["a b", "", "a:b"],
}


@pytest.mark.parametrize("form", REFUSED)
def test_a_name_that_spark_refuses_is_refused_here_on_the_driver(
    spark: SparkSession, sparks_own: Callable[..., Path], form: str
) -> None:
    for name in REFUSED[form]:
        frame = named(spark, "z", name)
        with pytest.raises((AnalysisException, Py4JJavaError)):
            sparks_own(frame, form)
        assert f"of the name {name!r}" in str(refusal(frame, form))


@pytest.mark.parametrize("name", ["a`b", ""])
def test_a_name_that_sparks_orc_files_lose_is_refused(
    spark: SparkSession, sparks_own: Callable[..., Path], name: str
) -> None:
    frame = named(spark, "z", name)
    file = sparks_own(frame, "orc")
    try:
        back = spark.read.orc(str(file)).columns
    except Exception as error:  # noqa: BLE001 - whatever Java throws
        back = [str(error)]
    assert back != frame.columns
    assert f"of the name {name!r}" in str(refusal(frame, "orc"))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "text"])
def test_names_that_differ_in_case_alone_are_refused_where_spark_refuses_them(
    spark: SparkSession, sparks_own: Callable[..., Path], form: str
) -> None:
    frame = spark.range(1).selectExpr("1 AS a", "2 AS A")
    if form == "csv":
        sparks_own(frame, form)
        assert refusal(frame, form) is None
        return
    with pytest.raises(AnalysisException, match="COLUMN_ALREADY_EXISTS"):
        sparks_own(frame, form)
    assert "differ in case alone: 'a', 'A'" in str(refusal(frame, form))
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        sparks_own(frame, form)
    finally:
        spark.conf.unset("spark.sql.caseSensitive")
    assert refusal(frame, form, case_sensitive=True) is None


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "text"])
def test_a_name_that_occurs_twice_is_refused_in_csv_too_where_spark_writes_it(
    spark: SparkSession, sparks_own: Callable[..., Path], form: str
) -> None:
    frame = spark.range(1).selectExpr("1 AS a", "2 AS a")
    if form == "csv":
        sparks_own(frame, form)
    else:
        with pytest.raises(AnalysisException, match="COLUMN_ALREADY_EXISTS"):
            sparks_own(frame, form)
    for case_sensitive in (False, True):
        why = refusal(frame, form, case_sensitive=case_sensitive)
        assert "more than once in the DataFrame: 'a'" in str(why)


#: Types that not every format takes.
TYPES = {
    "BINARY": "X'00'",
    "ARRAY<INT>": "array(1)",
    "MAP<DATE, INT>": "map(date'2024-01-01', 1)",
    "STRUCT<a: INT>": "named_struct('a', 1)",
    "VOID": "null",
    "INTERVAL DAY TO SECOND": "interval '1 02:03:04.5' day to second",
    "INTERVAL DAY": "interval '1' day",
    "INTERVAL MONTH": "interval '1' month",
    "TIME": "time'10:11:12.5'",
    "VARIANT": "parse_json('1')",
    "GEOMETRY": "ST_GeomFromWKB(X'0101000000000000000000F03F0000000000000040')",
    "INT": "1",
}
#: Where the two disagree; docs/reference/spark-files.md has the reasons.
REFUSED_HERE = {
    "csv": {"INTERVAL MONTH"},
    "json": {"INTERVAL MONTH", "MAP<DATE, INT>", "VARIANT"},
    "parquet": {"INTERVAL MONTH", "VOID", "GEOMETRY"},
    "orc": {"INTERVAL MONTH", "INTERVAL DAY"},
    "avro": {"INTERVAL MONTH", "INTERVAL DAY"},
    "xml": {"BINARY", "VARIANT"},
}
#: Unless spark.sql.timeType.enabled is true, Spark collects times but writes none.
WRITTEN_HERE = {"parquet": {"TIME"}}


def test_times_and_variants_read_back_from_parquet(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.sql("SELECT time'10:11:12.000001' AS t, parse_json('{\"a\": [1, null]}') AS v")
    options = sshd.options() | {"format": "parquet"}
    frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))
    spark.conf.set("spark.sql.timeType.enabled", "true")
    try:
        back = spark.read.parquet(str(remote_dir))
        assert back.schema.simpleString() == frame.schema.simpleString()
        sql = "t", "to_json(v) AS v"
        assert back.selectExpr(*sql).collect() == frame.selectExpr(*sql).collect()
    finally:
        spark.conf.unset("spark.sql.timeType.enabled")


@pytest.mark.parametrize("form", FORMATS)
def test_each_type_is_written_or_refused_by_name_as_spark_does(
    spark: SparkSession, sparks_own: Callable[..., Path], form: str
) -> None:
    refused_here, written_here = set(), set()
    for name, sql in TYPES.items():
        frame = spark.sql(f"SELECT {sql} AS v")
        try:
            sparks_own(frame, form)
        except (AnalysisException, Py4JJavaError):
            spark_writes = False
        else:
            spark_writes = True
        why = refusal(frame, form)
        assert why is None or "'v'" in why
        if why is not None and spark_writes:
            refused_here.add(name)
        elif why is None and not spark_writes:
            written_here.add(name)
    assert refused_here == REFUSED_HERE.get(form, set())
    assert written_here == WRITTEN_HERE.get(form, set())


def test_columns_as_ddl_are_parsed_as_spark_parses_them(spark: SparkSession) -> None:
    ddl = (
        "a INT, b bigint NOT NULL COMMENT 'it is', `c d` DECIMAL(12,2), e DEC, f CHAR(3), "
        "g VARCHAR(9), h ARRAY<STRUCT<x: INT NOT NULL, y: MAP<STRING, DATE>>>, j BINARY, "
        "i INTERVAL DAY TO SECOND, k INTERVAL YEAR, l TIMESTAMP_NTZ, m STRING COLLATE UNICODE_CI, "
        "n STRUCT<o TINYINT>, p REAL, q MAP<STRING, ARRAY<STRING COLLATE UTF8_LCASE>>, "
        "r TIMESTAMP, s BOOLEAN, t SMALLINT, u VOID"
    )
    assert parse_ddl(ddl) == json.loads(StructType.fromDDL(ddl).json())
