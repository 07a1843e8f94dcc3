"""XML files are read as Spark reads them: schema, rows and corrupt records, on every path."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats.xml.decoder import XMLReadFormat, read_xml
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading import xml_files
from tests.parity.reading.comparing import Files, rows_of, schema_of, sparks_rows
from tests.parity.reading.xml_corpus import BYTES, DOCUMENTS, INFERRED, OPTIONS, SCHEMA
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

ROW = {"rowTag": "r"}
#: All ways that the bytes of a block can go; the exact one is first.
PATHS = ("exact", "all", "fast", "middle")
#: Documents for each of the sets of options: 500 in all.
GENERATED: list[tuple[int, dict[str, str]]] = [
    (300, ROW),
    (70, ROW | {"ignoreNamespace": "true", "nullValue": "null"}),
    (70, ROW | {"ignoreSurroundingSpaces": "false", "wildcardColName": "b"}),
    (60, ROW | {"mode": "DROPMALFORMED"}),
]


def compare(spark: SparkSession, directory: Path, files: Files, *, damaged: bool = False) -> None:
    assert files.schema is not None
    schema = schema_of(spark, files.schema)
    theirs = [list(map(unordered, rows)) for rows in sparks_rows(spark, directory, files)]
    exact = None
    for path, chunk in itertools.product(PATHS, (64 * 1024, 5)):
        ours = [read(schema, content, files.options, path, chunk) for content in files.contents]
        exact = exact or ours
        # Where Spark reads a damaged document otherwise, the paths must agree with each other.
        wrong = [
            (path, content, mine, rows)
            for content, mine, same, rows in zip(files.contents, ours, exact, theirs, strict=True)
            if mine != same or not (mine == rows or (damaged and is_alike(content, mine, rows)))
        ]
        assert not wrong, f"{len(wrong)}, such as {wrong[:3]}"


def read(
    schema: pa.Schema, content: bytes, options: dict[str, str], path: str, chunk: int
) -> list[list[Any]]:
    given = read_options(**{"format": "xml", "timeZone": TIME_ZONE} | options)
    file = MemoryFile("/in/file.xml", content, chunk=chunk)
    batches = list(XMLReadFormat(given, schema, path).decode(file, 0, len(content)))
    return list(map(unordered, rows_of(pa.Table.from_batches(batches, schema))))


def is_alike(content: bytes, ours: list[Any], theirs: list[Any]) -> bool:
    """Whether the rows of a document that is no XML are the same up to the first malformed one.

    Spark looks for rows behind the error, or reports none, see the documents.
    """
    try:
        ElementTree.fromstring(content)
    except ElementTree.ParseError:
        good = list(itertools.takewhile(lambda row: row[-1] is None, ours))
        return theirs[: len(good)] == good
    return False


def unordered(row: tuple[Any, ...]) -> list[Any]:
    """Sort maps: Spark keeps no order of more than four keys."""
    return [
        sorted(value, key=repr)
        if isinstance(value, list) and value and isinstance(value[0], tuple) and len(value) > 4
        else value
        for value in row
    ]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_documents_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, options: dict[str, str]
) -> None:
    contents = [text.encode() for text in DOCUMENTS]
    compare(spark, tmp_path, Files("xml", contents, SCHEMA, ROW | options))


def test_character_sets_are_those_of_spark(spark: SparkSession, tmp_path: Path) -> None:
    compare(spark, tmp_path, Files("xml", BYTES, SCHEMA, ROW))


@pytest.mark.parametrize(("number", "options"), GENERATED, ids=str)
def test_generated_documents_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, number: int, options: dict[str, str]
) -> None:
    contents = xml_files.made_elsewhere(number, options)
    compare(spark, tmp_path, Files("xml", contents, SCHEMA, options), damaged=True)


@pytest.mark.soak
@pytest.mark.parametrize(("number", "options"), GENERATED, ids=str)
def test_ten_times_as_many_documents_are_read_as_spark_reads_them(
    spark: SparkSession, tmp_path: Path, number: int, options: dict[str, str]
) -> None:
    for part in range(10):
        directory = tmp_path / str(part)
        directory.mkdir()
        contents = xml_files.made_elsewhere(number, (options, part))
        compare(spark, directory, Files("xml", contents, SCHEMA, options), damaged=True)


def test_failfast_fails_where_spark_fails(spark: SparkSession, tmp_path: Path) -> None:
    options = ROW | {"mode": "FAILFAST"}
    good, bad = b"<R><r><a>1</a></r></R>", b"<R><r><a>x</a></r></R>"
    compare(spark, tmp_path, Files("xml", [good], "a INT", options))
    (tmp_path / "000000.xml").write_bytes(bad)
    with pytest.raises(Exception, match="MALFORMED_RECORD"):
        spark.read.options(**options).schema("a INT").xml(str(tmp_path)).collect()
    reading = read_xml(read_options(format="xml", **options), schema_of(spark, "a INT"))
    with pytest.raises(DecodeError, match="malformed"):
        list(reading.decode(MemoryFile("/in/a.xml", bad), 0, len(bad)))


@pytest.mark.parametrize(("options", "text"), INFERRED, ids=str)
def test_columns_are_inferred_as_spark_infers_them(
    spark: SparkSession, tmp_path: Path, options: dict[str, str], text: str
) -> None:
    options = ROW | options
    (tmp_path / "file.xml").write_text(text, encoding="utf-8")
    theirs = spark.read.options(**options).xml(str(tmp_path)).schema
    file = MemoryFile("/in/file.xml", text.encode())
    ours = read_xml(read_options(format="xml", **options), None).infer_schema([file])
    assert fields(ours) == fields(arrow_schema(theirs))


def fields(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return names and types; the fields of structs may be in another order."""
    return [(field.name, str(field.type)) for field in schema]
