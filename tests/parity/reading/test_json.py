"""JSON files are read as Spark reads them: schema, rows and corrupt records, on every path."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats.json.decoder import JSONReadFormat, read_json
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading import json_files
from tests.parity.reading.comparing import Files, rows_of, schema_of, sparks_rows
from tests.parity.reading.json_corpus import (
    BYTES,
    DOCUMENTS,
    INFERRED,
    LINES,
    OPTIONS,
    PATTERNS,
)
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

#: All ways that the bytes of a block can go.
PATHS = ("all", "fast", "middle", "exact", "tokens")
LENIENT = {
    "allowComments": "true",
    "allowUnquotedFieldNames": "true",
    "allowNumericLeadingZeros": "true",
    "allowBackslashEscapingAnyCharacter": "true",
    "allowUnquotedControlChars": "true",
}
#: Files for each of the sets of options: 1,000 in all.
GENERATED: list[tuple[str, int, dict[str, str]]] = [
    ("lines", 500, {}),
    ("lines", 150, LENIENT),
    ("lines", 100, {"mode": "DROPMALFORMED"}),
    ("lines", 50, {"encoding": "UTF-8"}),
    ("lines", 50, {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}),
    ("documents", 150, {"multiLine": "true"}),
]


def read(
    schema: pa.Schema,
    content: bytes,
    options: dict[str, str],
    path: str,
    cuts: Sequence[int] = (),
    chunk: int = 64 * 1024,
) -> list[Any]:
    given = read_options(**{"format": "json", "timeZone": TIME_ZONE} | options)
    reading = JSONReadFormat(given, schema, path)
    file = MemoryFile("/in/file.json", content, chunk=chunk)
    batches = [
        batch
        for start, stop in itertools.pairwise([0, *cuts, len(content)])
        for batch in reading.decode(file, start, stop)
    ]
    return rows_of(pa.Table.from_batches(batches, schema))


def compare(spark: SparkSession, directory: Path, files: Files) -> None:
    theirs = sparks_rows(spark, directory, files)
    assert files.schema is not None
    schema = schema_of(spark, files.schema)
    wrong = [
        (path, content, ours, rows)
        for path in PATHS
        for content, rows in zip(files.contents, theirs, strict=True)
        if (ours := read(schema, content, files.options, path)) != rows
    ]
    assert not wrong, f"{len(wrong)}, such as {wrong[:3]}"


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_records_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, options: dict[str, str]
) -> None:
    contents = [*(line.encode() + b"\n" for line in LINES), *BYTES]
    compare(spark, tmp_path, Files("json", contents, json_files.SCHEMA, options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_documents_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, options: dict[str, str]
) -> None:
    contents = [text.encode() for text in (*DOCUMENTS, *LINES)]
    whole = options | {"multiLine": "true"}
    compare(spark, tmp_path, Files("json", contents, json_files.SCHEMA, whole))


@pytest.mark.parametrize(("schema", "options", "values"), PATTERNS, ids=str)
def test_patterns_are_those_of_spark(
    spark: SparkSession, tmp_path: Path, schema: str, options: dict[str, str], values: list[str]
) -> None:
    contents = [f'{{"v":"{value}"}}\n'.encode() for value in values]
    full = f"v {schema}, _corrupt_record STRING"
    compare(spark, tmp_path, Files("json", contents, full, options))


@pytest.mark.parametrize(("kind", "number", "options"), GENERATED, ids=str)
def test_generated_files_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, kind: str, number: int, options: dict[str, str]
) -> None:
    contents = json_files.made_elsewhere(kind, number, options)
    compare(spark, tmp_path, Files("json", contents, json_files.SCHEMA, options))


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "number", "options"), GENERATED, ids=str)
def test_ten_times_as_many_files_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, kind: str, number: int, options: dict[str, str]
) -> None:
    for part in range(10):
        directory = tmp_path / str(part)
        directory.mkdir()
        contents = json_files.made_elsewhere(kind, number, (options, part))
        compare(spark, directory, Files("json", contents, json_files.SCHEMA, options))


def test_failfast_fails_where_spark_fails(spark: SparkSession, tmp_path: Path) -> None:
    options = {"mode": "FAILFAST"}
    schema = schema_of(spark, "a INT")
    for number, (content, fails) in enumerate(
        [(b'{"a":1}\n{"b":"\\n"}\n', False), (b'{"a":1}\n{"a":"x"}\n', True), (b"[1]\n", True)]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        files = Files("json", [content], "a INT", options)
        if fails:
            with pytest.raises(Exception, match="MALFORMED_RECORD"):
                sparks_rows(spark, directory, files)
            with pytest.raises(DecodeError, match="malformed"):
                read(schema, content, options, "all")
        else:
            [rows] = sparks_rows(spark, directory, files)
            assert read(schema, content, options, "all") == rows


@pytest.mark.parametrize(("options", "content"), INFERRED, ids=str)
def test_columns_are_inferred_as_spark_infers_them(
    spark: SparkSession, tmp_path: Path, options: dict[str, str], content: bytes
) -> None:
    (tmp_path / "file.json").write_bytes(content)
    theirs = spark.read.options(**options).json(str(tmp_path)).schema
    given = read_options(**{"format": "json"} | options)
    ours = read_json(given, None).infer_schema([MemoryFile("/in/file.json", content)])
    assert ours.equals(arrow_schema(theirs))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ranges_together_are_the_whole(spark: SparkSession, end: str) -> None:
    schema = schema_of(spark, json_files.SCHEMA)
    chance = random.Random(end)
    records = [record for record in LINES if len(record) < 100]
    for _ in range(20):
        lines = chance.choices(records, k=4)
        content = (end.join(lines) + end).encode()
        whole = read(schema, content, {}, "all")
        for cut in range(1, len(content)):
            chunk = chance.randint(1, 50)
            assert read(schema, content, {}, "all", [cut], chunk) == whole, (content, cut)
