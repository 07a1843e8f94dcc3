"""JSON files are read as Spark reads them: schema, rows and corrupt records, on every path."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sftp_async.formats.base import ReadFormat
from sftp_async.formats.json.decoder import JSONReadFormat
from tests.parity.reading import json_files
from tests.parity.reading.comparing import FAILS, Files, Readers, rows_of, schema_of
from tests.parity.reading.json_corpus import (
    BYTES,
    DOCUMENTS,
    INFERRED,
    LINES,
    OPTIONS,
    PATTERNS,
)
from tests.parity.reading.served import RANGE, Way
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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


def by(path: str, largest: int | None = None) -> Way:
    """Return the way of files whose blocks take a path."""

    def force(reading: ReadFormat) -> ReadFormat:
        assert isinstance(reading, JSONReadFormat)
        return replace(reading, paths=path)

    return Way(f"{path}, {largest}", force, largest)


#: Whole files on every path; and ranges of each file, where it can be cut.
WAYS = (*(by(path) for path in PATHS), by("all", RANGE))


def compare_generated(both: Readers, files: Files) -> None:
    """Fail if ours reads other rows over sshd than Spark's reader from the disk, in any way."""
    directory = both.put(files)
    theirs = both.sparks(directory, files)
    ways = WAYS[:-1] if files.options.get("multiLine") == "true" else WAYS
    for way in ways:
        agree(way.name, files, both.ours(directory, files, way), theirs)


def compare_corpus(both: Readers, files: Files) -> None:
    """Fail if ours reads other rows through Spark than Spark's reader does, or on a forced path.

    There are thousands of files: the forced paths read them from memory.
    """
    directory = both.put(files)
    theirs = both.sparks(directory, files)
    agree("through Spark", files, both.through_spark(directory, files), theirs)
    assert files.schema is not None
    schema = schema_of(files.schema)
    for path in PATHS[1:]:
        found = [read(schema, content, files.options, path) for content in files.contents]
        agree(path, files, found, theirs)


def agree(way: str, files: Files, ours: list[Any], theirs: list[Any]) -> None:
    pairs = zip(files.contents, ours, theirs, strict=True)
    wrong = [pair for pair in pairs if pair[1] != pair[2]]
    assert not wrong, f"{way}: {len(wrong)}, such as {wrong[:3]}"


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_records_are_read_as_spark_reads_them(both: Readers, options: dict[str, str]) -> None:
    contents = [*(line.encode() + b"\n" for line in LINES), *BYTES]
    compare_corpus(both, Files("json", contents, json_files.SCHEMA, options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_documents_are_read_as_spark_reads_them(both: Readers, options: dict[str, str]) -> None:
    contents = [text.encode() for text in (*DOCUMENTS, *LINES)]
    whole = options | {"multiLine": "true"}
    compare_corpus(both, Files("json", contents, json_files.SCHEMA, whole))


@pytest.mark.parametrize(("schema", "options", "values"), PATTERNS, ids=str)
def test_patterns_are_those_of_spark(
    both: Readers, schema: str, options: dict[str, str], values: list[str]
) -> None:
    contents = [f'{{"v":"{value}"}}\n'.encode() for value in values]
    full = f"v {schema}, _corrupt_record STRING"
    compare_corpus(both, Files("json", contents, full, options))


@pytest.mark.parametrize(("kind", "number", "options"), GENERATED, ids=str)
def test_generated_files_are_read_as_spark_reads_them(
    both: Readers, kind: str, number: int, options: dict[str, str]
) -> None:
    contents = json_files.made_elsewhere(kind, number, options)
    compare_generated(both, Files("json", contents, json_files.SCHEMA, options))


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "number", "options"), GENERATED, ids=str)
def test_ten_times_as_many_files_are_read_as_spark_reads_them(
    both: Readers, kind: str, number: int, options: dict[str, str]
) -> None:
    for part in range(10):
        contents = json_files.made_elsewhere(kind, number, (options, part))
        compare_generated(both, Files("json", contents, json_files.SCHEMA, options))


def by_programs() -> dict[str, tuple[str, dict[str, str]]]:
    """Return what programs write of the same rows, and options to read it with."""
    rows = {
        "a": [1, None, 3],
        "b": ['say "hi"', None, "\u00e9\u2028\U0001f600"],
        "c": [1.5, 1e-7, None],
    }
    frame, polar = pd.DataFrame(rows), pl.DataFrame(rows)
    return {
        "pandas": (frame.to_json(orient="records", lines=True), {}),
        "pandas, as one array": (frame.to_json(orient="records", indent=2), {"multiLine": "true"}),
        "polars": (polar.write_ndjson(), {}),
        "polars, as one array": (polar.write_json(), {"multiLine": "true"}),
    }


@pytest.mark.parametrize("program", by_programs())
def test_files_of_other_programs_are_read_as_spark_reads_them(both: Readers, program: str) -> None:
    text, options = by_programs()[program]
    schema = "a DOUBLE, b STRING, c DOUBLE, _corrupt_record STRING"
    compare_corpus(both, Files("json", [text.encode()], schema, options))


def test_what_spark_writes_is_read_as_spark_reads_it(
    both: Readers, spark: SparkSession, tmp_path: Path
) -> None:
    frame = spark.range(5).selectExpr(
        "CAST(id AS INT) AS a", "concat('\u00e9\"', id) AS b", "id / 3 AS c", "current_date() AS d",
        "timestamp_millis(id * 1000003) AS e", "array(1, null) AS l", "map('k', 1) AS m",
        "named_struct('x', id, 'y', null) AS s", "X'00ff' AS z", "CAST(1.25 AS DECIMAL(10,2)) AS k",
    )  # fmt: skip
    frame.coalesce(1).write.json(str(tmp_path / "out"))
    [part] = (tmp_path / "out").glob("part-*")
    compare_corpus(both, Files("json", [part.read_bytes()], json_files.SCHEMA))


def test_failfast_fails_where_spark_fails(both: Readers) -> None:
    contents = [b'{"a":1}\n{"b":"\\n"}\n', b'{"a":1}\n{"a":"x"}\n', b"[1]\n"]
    files = Files("json", contents, "a INT", {"mode": "FAILFAST"})
    directory = both.put(files)
    theirs = both.sparks(directory, files)
    assert theirs == [[(1,), (None,)], FAILS, FAILS]
    for way in WAYS:
        agree(way.name, files, both.ours(directory, files, way), theirs)


@pytest.mark.parametrize(("options", "content"), INFERRED, ids=str)
def test_columns_are_inferred_as_spark_infers_them(
    both: Readers, options: dict[str, str], content: bytes
) -> None:
    files = Files("json", [content], None, options)
    sparks, ours = both.inferred(both.put(files), files)
    assert ours == sparks


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.usefixtures("spark")
def test_ranges_together_are_the_whole(end: str) -> None:
    schema = schema_of(json_files.SCHEMA)
    chance = random.Random(end)
    records = [record for record in LINES if len(record) < 100]
    for _ in range(20):
        lines = chance.choices(records, k=4)
        content = (end.join(lines) + end).encode()
        whole = read(schema, content, {}, "all")
        for cut in range(1, len(content)):
            chunk = chance.randint(1, 50)
            assert read(schema, content, {}, "all", [cut], chunk) == whole, (content, cut)
