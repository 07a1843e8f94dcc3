"""Spark reads back what the encoders write, and most bytes equal those of its own writers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sftp_async.formats import open_format
from sftp_async.formats.avro.schema import avro_schema
from sftp_async.options import FormatOptions
from sftp_async.spark.schema import arrow_schema
from tests.support.encoding import encoded

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Spark's names of the options that are spelt otherwise here.
SPELLED = {
    "null_value": "nullValue",
    "empty_value": "emptyValue",
    "line_sep": "lineSep",
    "date_format": "dateFormat",
    "timestamp_format": "timestampFormat",
    "row_tag": "rowTag",
    "root_tag": "rootTag",
    "attribute_prefix": "attributePrefix",
    "value_tag": "valueTag",
    "array_element_name": "arrayElementName",
}
# Spark's Avro source is a package of its own, but its classes come with Spark (not yet in 4.0).
AVRO = "org.apache.spark.sql.avro.AvroFileFormat"
# Spark's writer trims strings unless an option keeps them; this project keeps them whole.
UNTRIMMED = {"ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}

ATOMIC = """
    SELECT * FROM VALUES
    (1, true, -128Y, -32768S, -2147483648, -9223372036854775808L, 1.5F, 0.1D,
     1.10BD, CAST(12345678901234567890.123456789012345678 AS DECIMAL(38, 18)),
     DATE'2024-02-29', TIMESTAMP'2024-07-01 12:34:56.789', TIMESTAMP_NTZ'2024-07-01 12:34:56.789',
     INTERVAL '1 02:03:04.5' DAY TO SECOND, 'text'),
    (2, false, 127Y, 32767S, 2147483647, 9223372036854775807L, FLOAT('NaN'), DOUBLE('-Infinity'),
     -0.01BD, CAST(1e-18 AS DECIMAL(38, 18)),
     DATE'0001-01-01', TIMESTAMP'1890-01-01 00:00:00.000001', TIMESTAMP_NTZ'0001-01-01 00:00:00',
     INTERVAL '-1 02:03:04.000005' DAY TO SECOND, ''),
    (3, null, 0Y, 0S, 0, 0L, FLOAT('Infinity'), DOUBLE('NaN'),
     0BD, CAST(0 AS DECIMAL(38, 18)),
     DATE'9999-12-31', TIMESTAMP'9999-12-31 23:59:59.999999',
     TIMESTAMP_NTZ'9999-12-31 23:59:59.999',
     INTERVAL '0' DAY, ' spaces '),
    (4, null, null, null, null, null, FLOAT('3.4028235E38'), 4.9E-324D,
     9999999.99BD, CAST(-99999999999999999999.999999999999999999 AS DECIMAL(38, 18)),
     DATE'+12024-02-29', TIMESTAMP'+12024-02-29 01:00:00', TIMESTAMP_NTZ'+12024-02-29 01:00:00',
     null, 'quote " comma , backslash \\\\ line\\nfeed\\r\\ttab é 😀 \\\\" " \\\\\\\\" #'),
    (5, true, 1Y, 1S, 1, 1L, FLOAT('1.4E-45'), 1.7976931348623157E308D,
     null, null,
     DATE'-0044-03-15', TIMESTAMP'-0044-03-15 01:00:00', TIMESTAMP_NTZ'-0044-03-15 01:00:00.5',
     INTERVAL '106751991' DAY, '#not a comment'),
    (6, null, null, null, null, null, -0.0F, -0.0D, null, null,
     DATE'1582-10-10', TIMESTAMP'2024-10-27 02:30:00', null, null, null),
    (7, null, null, null, null, null, null, 1.0E7D, null, null,
     null, TIMESTAMP'2024-03-31 02:30:00', null, null, 'null')
    AS rows(id, bool, byte, short, int, long, float, double, dec, dec18, date, ts, ntz, span, str)
"""

NESTED = """
    SELECT * FROM VALUES
    (1, NAMED_STRUCT('a', 1, 'b', 'x"y', 'c', NAMED_STRUCT('d', 1.10BD, 'e', DATE'2024-02-29')),
     ARRAY(1.0D, DOUBLE('NaN'), null),
     ARRAY(NAMED_STRUCT('t', TIMESTAMP'2024-07-01 12:00:00.000001')),
     MAP('k"1', ARRAY(1, null), 'k2', null), MAP('x', NAMED_STRUCT('y', MAP('z', X'00FF'))),
     X'00FF41', ARRAY(ARRAY('a', null), null, ARRAY())),
    (2, NAMED_STRUCT('a', null, 'b', null, 'c', null), ARRAY(),
     ARRAY(null, NAMED_STRUCT('t', null)),
     MAP(), MAP('x', null), X'', ARRAY()),
    (3, null, null, null, null, null, null, null)
    AS rows(id, struct, list, structs, map, deep, bytes, lists)
"""

ENTRIES = ("sort_array(map_keys(map)) AS keys", "map['k\"1'] AS one", "map['k2'] AS two")

#: What ORC can hold of the dates and timestamps above.
FOR_ORC = {
    "date": "GREATEST(date, DATE'1582-10-15')",
    "ts": "IF(ts < '1970-01-01', TIMESTAMP'1890-01-01 00:00:00', ts)",
}

# Maps, arrays and structs in each other, as XML has them: attributes, text, elements.
XML_NESTED = """
    SELECT 1 AS id, NAMED_STRUCT('_at', 'a<t&"\\'\\n\\t>', 'b', ARRAY(1, 2), '_VALUE', 'v<l') AS st,
        ARRAY(ARRAY(1, 2), ARRAY(3)) AS lists, MAP('k1', 1, '_m', 2) AS map,
        ARRAY(NAMED_STRUCT('x', 1, 'y', CAST(NULL AS INT))) AS structs, ARRAY(MAP('q', 1)) AS maps,
        NAMED_STRUCT('_VALUE', '', '_q', 1) AS empty, CAST(MAP() AS MAP<STRING, INT>) AS no_map,
        NAMED_STRUCT('m', MAP('_a', 'x', 'b', 'y', '_VALUE', 't')) AS mixed, ARRAY('') AS texts,
        ARRAY(MAP('a', ARRAY(1, 2))) AS deep, NAMED_STRUCT('_z', CAST(NULL AS STRING)) AS bare,
        MAP('z', NAMED_STRUCT('u', 1, '_v', 2), 'y', NAMED_STRUCT('u', NULL, '_v', NULL)) AS keyed
    UNION ALL
    SELECT 2, null, null, null, null, null, null, null, null, null, null, null, null
    UNION ALL
    SELECT 3, NAMED_STRUCT('_at', null, 'b', null, '_VALUE', null), ARRAY(), MAP(), ARRAY(),
        ARRAY(), null, MAP('s', 3), NAMED_STRUCT('m', MAP()), ARRAY(),
        ARRAY(MAP(), MAP('b', ARRAY())), NAMED_STRUCT('_z', 'q'), MAP()
"""
#: Where XML's writer escapes: it has its own idea of `>`, and of C1 controls.
XML_TEXTS = [
    *("", None, "a<b&c>d", ">a", "a>", "ab>", "]>", "x]>", "]]>", "x]]>", "]]", "]]]>", "]>]>"),
    *("a]]>b]]>", ">>>", "&amp;", "&#x41;", "a\rb", "\ttab\n", "'\"", " sp ", "\u00a0", "\u2028"),
    *("\x7f", "\x80-\x85-\x9f", "\ufeff", "\ufffd", "\ue000", "é😀"),
]

STRINGS = [
    *("a", "", None, " lead", "trail ", "  ", "a,b", 'q"q', '"', "\\", "a\\b", 'a\\"b', '\\"'),
    *("a\\,b", "a\\", "line\nfeed", "cr\rx", "crlf\r\nx", "#c", '""', "NULL", "é😀", "\t", "a\0b"),
    *("a\\\nb", '"quoted"', "nbsp\u00a0", "\u00a0", "\u2028x", "x\x1f", "\x01", "a|b", "|", "||"),
    *("a|", "|a", ";", "'", "it's", "x;y", "\ufeffbom", "EMPTY", "-1.5", "a¦b", "\n", "\r", "\r\n"),
]


def batches(frame: DataFrame) -> list[pa.RecordBatch]:
    """Return the batches that a Python worker of Spark sees, types and time zone as they come."""

    def pack(arriving: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in arriving:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield pa.record_batch({"stream": [sink.getvalue().to_pybytes()]})

    packed = frame.mapInArrow(pack, "stream BINARY").collect()
    return [batch for row in packed for batch in pa.ipc.open_stream(bytes(row.stream))]


def as_text(frame: DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows as text, which Python can hold also for years that it has no dates for."""
    columns = [
        f"HEX(`{name}`)" if kind == "binary" else f"CAST(`{name}` AS STRING)"
        for name, kind in frame.dtypes
    ]
    return [tuple(row) for row in frame.orderBy("id").selectExpr(*columns).collect()]


def spark_names(options: dict[str, Any]) -> dict[str, Any]:
    return {SPELLED.get(name, name): value for name, value in options.items()}


def extension(form: str, options: dict[str, Any]) -> str:
    schema = pa.schema([("a", pa.string())])
    return open_format(FormatOptions(format=form, **options), schema).extension


@pytest.fixture
def read_back(spark: SparkSession, tmp_path: Path) -> Callable[..., DataFrame]:
    """Write a frame with our encoder; read it with Spark by the same schema and options."""

    def read(frame: DataFrame, form: str, **options: Any) -> DataFrame:
        path = tmp_path / f"file.{extension(form, options)}"
        path.write_bytes(encoded(*batches(frame), format=form, **options))
        reader = spark.read.schema(frame.schema).options(**spark_names(options))
        if form == "csv":
            reader = reader.option("multiLine", "true")
        if form == "avro":
            # By the file's own schema: Spark reads no byte or short that it is asked for from Avro.
            return spark.read.format(AVRO).load(str(path))
        return reader.format(form).load(str(path))

    return read


@pytest.fixture
def sparks_own(tmp_path: Path) -> Callable[..., bytes]:
    """Return the file that Spark's own writer makes of a frame."""

    def write(frame: DataFrame, form: str, **options: Any) -> bytes:
        path = tmp_path / "own"
        more = {"csv": UNTRIMMED, "xml": {} if "row_tag" in options else {"rowTag": "ROW"}}
        given = spark_names(options) | more.get(form, {})
        frame.coalesce(1).write.format(form).options(**given).mode("overwrite").save(str(path))
        (part,) = path.glob("part-*")
        return part.read_bytes()

    return write


def strings(spark: SparkSession) -> DataFrame:
    rows = [(number, text, "@") for number, text in enumerate(STRINGS)]
    return spark.createDataFrame(rows, "id INT, s STRING, end STRING").coalesce(1)


@pytest.mark.parametrize("compression", ["none", "gzip", "bzip2"])
def test_csv_reads_back_every_atomic_type(
    spark: SparkSession, read_back: Callable[..., DataFrame], compression: str
) -> None:
    frame = spark.sql(ATOMIC)
    got = read_back(frame, "csv", null_value="\\N", compression=compression)
    assert as_text(got) == as_text(frame)


def test_json_reads_back_every_atomic_type(
    spark: SparkSession, read_back: Callable[..., DataFrame]
) -> None:
    frame = spark.sql(ATOMIC)
    assert as_text(read_back(frame, "json")) == as_text(frame)


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "lz4", "none"])
def test_parquet_reads_back_every_atomic_type(
    spark: SparkSession, read_back: Callable[..., DataFrame], compression: str
) -> None:
    frame = spark.sql(ATOMIC)
    assert as_text(read_back(frame, "parquet", compression=compression)) == as_text(frame)


def test_parquet_tells_spark_its_schema(
    spark: SparkSession, read_back: Callable[..., DataFrame], tmp_path: Path
) -> None:
    frame = spark.sql(ATOMIC).drop("span").unionByName(spark.sql(ATOMIC).drop("span"))
    read_back(frame, "parquet")
    (path,) = tmp_path.glob("file.*")
    assert spark.read.parquet(str(path)).dtypes == frame.dtypes


@pytest.mark.parametrize("compression", ["none", "zlib", "snappy", "zstd"])
def test_orc_reads_back_every_atomic_type_and_tells_spark_its_schema(
    spark: SparkSession, read_back: Callable[..., DataFrame], tmp_path: Path, compression: str
) -> None:
    every = spark.sql(ATOMIC)
    frame = every.selectExpr(*(f"{FOR_ORC.get(name, name)} AS {name}" for name in every.columns))
    assert as_text(read_back(frame, "orc", compression=compression)) == as_text(frame)
    (path,) = tmp_path.glob("file.*")
    assert spark.read.orc(str(path)).dtypes == frame.dtypes


@pytest.mark.one_python
@pytest.mark.parametrize("compression", ["none", "deflate", "snappy", "zstd", "bzip2", "xz"])
def test_avro_reads_back_every_type(
    spark: SparkSession, read_back: Callable[..., DataFrame], compression: str
) -> None:
    atomic, nested = spark.sql(ATOMIC), spark.sql(NESTED)
    assert as_text(read_back(atomic, "avro", compression=compression)) == as_text(atomic)
    got = read_back(nested, "avro", compression=compression)
    # Avro's maps have no order in Java.
    got, nested = (each.selectExpr("*", *ENTRIES).drop("map") for each in (got, nested))
    assert as_text(got) == as_text(nested)


@pytest.mark.one_python
def test_avro_has_the_schema_of_sparks_own_files(spark: SparkSession) -> None:
    converters = spark._jvm.org.apache.spark.sql.avro.SchemaConverters
    for sql in (ATOMIC, NESTED, "SELECT 1.5BD AS d, NULL AS n, ARRAY(NAMED_STRUCT('x', 1BD)) AS a"):
        frame = spark.sql(sql)
        sparks = converters.toAvroType(frame._jdf.schema(), False, "topLevelRecord", "")
        ours = avro_schema(arrow_schema(frame.schema))
        assert ours == json.loads(sparks.toString())


@pytest.mark.parametrize("form", ["json", "parquet", "orc"])
def test_nested_types_read_back(
    spark: SparkSession, read_back: Callable[..., DataFrame], form: str
) -> None:
    frame = spark.sql(NESTED)
    assert as_text(read_back(frame, form)) == as_text(frame)


@pytest.mark.one_python  # nor has Spark 4.0 the option `indent`
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"null_value": "N<"},
        {"indent": ""},
        {"indent": "\t", "row_tag": "r", "root_tag": "a b='c' d=\"e\"", "declaration": ""},
        {"attribute_prefix": "@", "value_tag": "VAL", "array_element_name": "el"},
    ],
    ids=str,
)
def test_xml_equals_sparks_own_byte_for_byte(
    spark: SparkSession, sparks_own: Callable[..., bytes], options: dict[str, Any]
) -> None:
    atomic = spark.sql(ATOMIC).where("id IN (1, 4, 5, 7)").drop("dec18", "float", "span", "str")
    texts = spark.createDataFrame([(text, text) for text in XML_TEXTS], "t STRING, u STRING")
    if "attribute_prefix" not in options:
        # Spark leaves C1 controls in attributes as they are, and so does this.
        texts = texts.withColumnRenamed("u", "_u")
    nested = spark.sql(XML_NESTED)
    if "null_value" in options:
        nested = nested.where("id = 1")
    for frame in (atomic, texts, nested):
        one = frame.coalesce(1)
        assert encoded(*batches(one), format="xml", **options) == sparks_own(one, "xml", **options)


def test_a_column_of_nothing_reads_back_from_json(
    spark: SparkSession, read_back: Callable[..., DataFrame]
) -> None:
    frame = spark.sql("SELECT id, CAST(NULL AS STRING) AS nothing FROM RANGE(3)")
    void = spark.sql("SELECT id, NULL AS nothing FROM RANGE(3)")
    assert as_text(read_back(frame, "json")) == as_text(frame)
    assert encoded(*batches(void), format="json") == encoded(*batches(frame), format="json")


def test_text_reads_back(spark: SparkSession, read_back: Callable[..., DataFrame]) -> None:
    values = ["a", "", " b ", 'q"\\', "é😀", "tab\t"]
    frame = spark.createDataFrame([(value,) for value in values], "value STRING").coalesce(1)
    got = read_back(frame, "text", compression="gzip").collect()
    assert [row.value for row in got] == values


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"null_value": "NULL"},
        {"null_value": "a,b"},
        {"sep": "||"},
        {"sep": "\t"},
        {"sep": ";", "null_value": "\\N"},
        {"sep": "¦"},
        {"escape": '"'},
        {"quote": "'"},
        {"line_sep": "\r\n"},
        {"line_sep": ";"},
        {"line_sep": "\r"},
        {"header": True},
    ],
    ids=str,
)
def test_any_string_reads_back_in_any_dialect(
    spark: SparkSession, read_back: Callable[..., DataFrame], options: dict[str, Any]
) -> None:
    frame = strings(spark)
    null_value = options.get("null_value", "")
    expected = [
        # Spark's reader takes a string that equals nullValue for null, in quotes or not.
        (str(number), None if text == null_value else text, "@")
        for number, text in enumerate(STRINGS)
    ]
    assert as_text(read_back(frame.select("s", "end", "id"), "csv", **options)) == [
        (text, end, number) for number, text, end in expected
    ]


@pytest.mark.parametrize("sep", [",", "\t"])
@pytest.mark.parametrize("multi_line", ["true", "false"])
def test_no_row_of_blanks_is_lost(
    spark: SparkSession, tmp_path: Path, sep: str, multi_line: str
) -> None:
    values = [None, "x", "  ", None, "\x01"]
    single = pa.record_batch({"a": pa.array(values)})
    double = pa.record_batch({"a": pa.array(values), "b": pa.array([None, None, " ", "y", None])})
    for rows in (single, double):
        path = tmp_path / "blank.csv"
        path.write_bytes(encoded(rows, sep=sep))
        schema = ", ".join(f"{name} STRING" for name in rows.schema.names)
        got = spark.read.schema(schema).csv(str(path), sep=sep, multiLine=multi_line).collect()
        assert [row.asDict() for row in got] == rows.to_pylist()


@pytest.mark.parametrize(
    "options",
    [{}, {"sep": "\t"}, {"sep": ";", "null_value": "\\N"}, {"escape": '"'},
     {"line_sep": ";"}, {"empty_value": "EMPTY"}, {"null_value": "-", "header": True}],
    ids=str,
)  # fmt: skip
def test_csv_equals_sparks_own_byte_for_byte(
    spark: SparkSession, sparks_own: Callable[..., bytes], options: dict[str, Any]
) -> None:
    # A byte order mark is quoted here only when it comes first, where Spark's reader drops it.
    frame = strings(spark)
    assert encoded(*batches(frame), format="csv", **options) == sparks_own(frame, "csv", **options)


def test_csv_of_every_atomic_type_equals_sparks_own_but_for_what_spark_loses(
    spark: SparkSession, sparks_own: Callable[..., bytes]
) -> None:
    # Spark's writer drops microseconds, prints small decimals as 1E-18, and Java 17's doubles have
    # more digits than needed for some values.
    frame = spark.sql(ATOMIC).where("id IN (1, 4, 5, 6, 7)").drop("dec18", "float").coalesce(1)
    assert encoded(*batches(frame), format="csv") == sparks_own(frame, "csv")


def test_json_equals_sparks_own_byte_for_byte(spark: SparkSession, tmp_path: Path) -> None:
    for name, frame in (
        ("atomic", spark.sql(ATOMIC).where("id IN (1, 4, 5, 6, 7)").drop("dec18", "float")),
        ("nested", spark.sql(NESTED).drop("structs")),
        ("strings", strings(spark)),
    ):
        frame.coalesce(1).write.json(str(tmp_path / name))
        (part,) = (tmp_path / name).glob("part-*")
        assert encoded(*batches(frame.coalesce(1)), format="json") == part.read_bytes()


@pytest.mark.parametrize(
    ("date_format", "timestamp_format"),
    [
        ("dd.MM.yyyy", "dd.MM.yyyy HH:mm:ss"),
        ("d/M/yy", "d/M/yy h:mm a"),
        ("EEE, d MMM yyyy", "EEEE, d MMMM yyyy kk:mm"),
        ("yyyyMMdd", "yyyyMMddHHmmssSSS"),
        ("D DDD q Q", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"),
        ("LLL LLLL MMM", "X XX XXX XXXX XXXXX x xx xxx xxxx xxxxx Z ZZZZ ZZZZZ"),
        ("'o''clock' y", "yyyy-MM-dd HH:mm[:ss] VV K"),
    ],
)
def test_patterns_print_what_sparks_own_print(
    spark: SparkSession, sparks_own: Callable[..., bytes], date_format: str, timestamp_format: str
) -> None:
    frame = spark.sql(ATOMIC).select("date", "ts").coalesce(1)
    options = {"date_format": date_format, "timestamp_format": timestamp_format}
    assert encoded(*batches(frame), format="csv", **options) == sparks_own(frame, "csv", **options)
