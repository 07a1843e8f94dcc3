"""XML files are read as Spark reads them: schema, rows and corrupt records, on every path."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pandas as pd
import pyarrow as pa
import pytest

from sftp_async.formats.base import ReadFormat
from sftp_async.formats.xml.decoder import XMLReadFormat
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading import xml_files
from tests.parity.reading.comparing import FAILS, Files, Readers, rows_of, schema_of
from tests.parity.reading.served import Way
from tests.parity.reading.xml_corpus import BYTES, DOCUMENTS, INFERRED, OPTIONS, SCHEMA
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from pathlib import Path

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


def compare(
    both: Readers, files: Files, *, damaged: bool = False, through_spark: bool = False
) -> None:
    """Fail if ours reads other rows than Spark's reader: over sshd, and in pieces of a few bytes.

    Args:
        both: the readers.
        files: that they read.
        damaged: whether some of them are no XML.
        through_spark: whether `format("sftp")` reads them, too.

    """
    directory = both.put(files)
    theirs = sorted_maps(both.sparks(directory, files))
    assert files.schema is not None
    schema = schema_of(files.schema)
    ways = {f"{path}, over sshd": both.ours(directory, files, by(path)) for path in PATHS}
    for path in PATHS:
        ways[f"{path}, in pieces"] = [
            read(schema, content, files.options, path, 5) for content in files.contents
        ]
    if through_spark:
        ways["through Spark"] = both.through_spark(directory, files)
    exact = sorted_maps(ways["exact, over sshd"])
    for way, found in ways.items():
        # Where Spark reads a damaged document otherwise, the paths must agree with each other.
        every = zip(files.contents, sorted_maps(found), exact, theirs, strict=True)
        wrong = [
            (content, mine, rows)
            for content, mine, same, rows in every
            if mine != same or not (mine == rows or (damaged and is_alike(content, mine, rows)))
        ]
        assert not wrong, f"{way}: {len(wrong)}, such as {wrong[:3]}"


def by(path: str) -> Way:
    """Return the way of files whose blocks take a path."""

    def force(reading: ReadFormat) -> ReadFormat:
        assert isinstance(reading, XMLReadFormat)
        return replace(reading, paths=path)

    return Way(path, force)


def read(
    schema: pa.Schema, content: bytes, options: dict[str, str], path: str, chunk: int
) -> list[Any]:
    given = read_options(**{"format": "xml", "timeZone": TIME_ZONE} | options)
    file = MemoryFile("/in/file.xml", content, chunk=chunk)
    batches = list(XMLReadFormat(given, schema, path).decode(file, 0, len(content)))
    return rows_of(pa.Table.from_batches(batches, schema))


def sorted_maps(found: list[Any]) -> list[Any]:
    return [rows if rows == FAILS else list(map(unordered, rows)) for rows in found]


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
def test_documents_are_read_as_spark_reads_them(both: Readers, options: dict[str, str]) -> None:
    contents = [text.encode() for text in DOCUMENTS]
    compare(both, Files("xml", contents, SCHEMA, ROW | options), through_spark=True)


def test_character_sets_are_those_of_spark(both: Readers) -> None:
    compare(both, Files("xml", BYTES, SCHEMA, ROW), through_spark=True)


@pytest.mark.parametrize(("number", "options"), GENERATED, ids=str)
def test_generated_documents_are_read_as_spark_reads_them(
    both: Readers, number: int, options: dict[str, str]
) -> None:
    contents = xml_files.made_elsewhere(number, options)
    compare(both, Files("xml", contents, SCHEMA, options), damaged=True)


@pytest.mark.soak
@pytest.mark.parametrize(("number", "options"), GENERATED, ids=str)
def test_ten_times_as_many_documents_are_read_as_spark_reads_them(
    both: Readers, number: int, options: dict[str, str]
) -> None:
    for part in range(10):
        contents = xml_files.made_elsewhere(number, (options, part))
        compare(both, Files("xml", contents, SCHEMA, options), damaged=True)


def test_what_spark_and_pandas_write_is_read_as_spark_reads_it(
    both: Readers, spark: SparkSession, tmp_path: Path
) -> None:
    frame = spark.range(5).selectExpr(
        "CAST(id AS INT) AS a", "concat('\u00e9<&>', id) AS b", "id / 3 AS c", "id % 2 = 0 AS t",
        "current_date() AS d", "timestamp_millis(id * 1000003) AS e", "array(1, 2) AS l",
    )  # fmt: skip
    frame.coalesce(1).write.option("rowTag", "r").xml(str(tmp_path / "out"))
    [part] = (tmp_path / "out").glob("part-*")
    table = pd.DataFrame({"a": [1, 2], "b": ["x & y", None], "c": [0.5, None]})
    contents = [
        part.read_bytes(),
        table.to_xml(parser="etree", index=False, row_name="r").encode(),
        table.to_xml(parser="etree", attr_cols=["a", "b"], row_name="r").encode(),
    ]
    compare(both, Files("xml", contents, SCHEMA, ROW), through_spark=True)


@pytest.mark.parametrize("more", [{}, {"ignoreNamespace": "true", "rowTag": "r"}], ids=str)
def test_the_name_of_a_row_may_have_a_prefix(both: Readers, more: dict[str, str]) -> None:
    contents = [
        (
            b'<n:rows xmlns:n="u"><n:r n:id="1" xmlns:k="w"><n:a>1</n:a><k:a>2</k:a><a>3</a></n:r>'
            b"<r><a>4</a></r></n:rows>"
        ),
        b'<n:rows xmlns:n="u"><n:r><n:a>1</n:a></n:r><n:r><a>x</a></n:r><n:r/></n:rows>',
    ]
    schema = "a INT, `n:a` INT, `_n:id` INT, _corrupt_record STRING"
    compare(both, Files("xml", contents, schema, {"rowTag": "n:r"} | more), through_spark=True)
    files = Files("xml", contents[:1], None, {"rowTag": "n:r"} | more)
    sparks, ours = both.inferred(both.put(files), files)
    assert fields(arrow_schema(ours)) == fields(arrow_schema(sparks))


def test_failfast_fails_where_spark_fails(both: Readers) -> None:
    contents = [b"<R><r><a>1</a></r></R>", b"<R><r><a>x</a></r></R>"]
    files = Files("xml", contents, "a INT", ROW | {"mode": "FAILFAST"})
    directory = both.put(files)
    assert both.sparks(directory, files) == [[(1,)], FAILS]
    for path in PATHS:
        assert both.ours(directory, files, by(path)) == [[(1,)], FAILS], path


@pytest.mark.parametrize(("options", "text"), INFERRED, ids=str)
def test_columns_are_inferred_as_spark_infers_them(
    both: Readers, options: dict[str, str], text: str
) -> None:
    files = Files("xml", [text.encode()], None, ROW | options)
    sparks, ours = both.inferred(both.put(files), files)
    assert fields(arrow_schema(ours)) == fields(arrow_schema(sparks))


def fields(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return names and types; the fields of structs may be in another order."""
    return [(field.name, str(field.type)) for field in schema]
