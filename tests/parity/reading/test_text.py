"""Text files by Spark's own reader, and by ours over sshd: the same rows, bytes and all."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from tests.parity.reading.comparing import struct_of
from tests.parity.reading.served import Way, read_served
from tests.support.readable import MemoryFile, decode_file, read_options
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

FILES = 60
SCHEMA = pa.schema({"value": pa.string()})
MARK = b"\xef\xbb\xbf"
PIECES = [
    b"a",
    b"b",
    b"#",
    b"|",
    b"\n",
    b"\r",
    b"\r\n",
    "é".encode(),
    b"\xff",
    b"\xed\xa0\x80",
    MARK,
]


def generated(seed: int) -> dict[str, bytes]:
    """Files of few bytes, in which line ends and their beginnings are everywhere."""
    chosen = random.Random(seed)
    files = {"empty.txt": b"", "mark.txt": MARK, "end.txt": b"\n", "marked.txt": MARK + b"\na"}
    for number in range(FILES):
        count = chosen.randrange(1, 30)
        files[f"{number}.txt"] = b"".join(chosen.choices(PIECES, k=count))
    return files


@contextmanager
def split_after(spark: SparkSession, count: int) -> Iterator[None]:
    """Let Spark cut files into ranges of so many bytes."""
    changed = {
        "spark.sql.files.maxPartitionBytes": str(count),
        "spark.sql.files.openCostInBytes": "0",
    }
    before = {name: spark.conf.get(name) for name in changed}
    for name, value in changed.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, str(value))


def by_spark(
    spark: SparkSession, directory: Path, options: dict[str, Any]
) -> dict[str, list[bytes]]:
    """The rows of each file that has any, in order."""
    frame = spark.read.format("text").options(**options).load(str(directory))
    rows = frame.selectExpr(
        "_metadata.file_name", "_metadata.file_block_start", "CAST(value AS BINARY)"
    ).collect()
    found = defaultdict(list)
    for name, _, value in sorted(rows, key=lambda row: (row[0], row[1])):
        found[name].append(bytes(value))
    return dict(found)


def by_decoder(
    files: dict[str, bytes], options: dict[str, Any], chosen: random.Random, *, cut: bool
) -> dict[str, list[bytes]]:
    found = {}
    for name, data in files.items():
        cuts = sorted(chosen.sample(range(1, len(data)), min(3, len(data) - 1))) if data else []
        file = MemoryFile(f"/in/{name}", data, chunk=chosen.randrange(1, 20))
        table = decode_file(
            file, read_options(format="text", **options), SCHEMA, cuts if cut else []
        )
        column = table.column("value").combine_chunks()
        if len(column):
            found[name] = column.view(pa.binary()).to_pylist()
    return found


def by_ours(
    server: SSHD, directory: Path, options: dict[str, str], largest: int | None = None
) -> dict[str, list[bytes]]:
    """The rows of each file that has any, as ours reads them over sshd."""
    schema, way = struct_of("value STRING"), Way("text", largest=largest)
    tables = read_served(server, [directory], "text", options, schema, way)
    found = {}
    for path, table in tables.items():
        assert not isinstance(table, DecodeError)
        column = table.column("value").combine_chunks()
        if len(column):
            found[path.name] = column.view(pa.binary()).to_pylist()
    return found


def write(directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir(exist_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)


@pytest.mark.parametrize("separator", [None, "\n", "\r\n", "|", "#|"])
@pytest.mark.parametrize("size", [5, 1_000_000], ids=["split", "whole"])
def test_lines_are_those_of_spark(
    spark: SparkSession, sshd: SSHD, tmp_path: Path, separator: str | None, size: int
) -> None:
    files = generated(seed=len(separator or "") * 10 + size)
    write(tmp_path / "in", files)
    options = {} if separator is None else {"lineSep": separator}
    with split_after(spark, size):
        sparks = by_spark(spark, tmp_path / "in", options)
    assert len(sparks) > FILES / 2
    assert by_ours(sshd, tmp_path / "in", options, size if size == 5 else None) == sparks
    assert by_decoder(files, options, random.Random(size), cut=size == 5) == sparks


@pytest.mark.soak
@pytest.mark.parametrize("separator", [None, "\n", "\r\n", "|", "#|"])
def test_lines_of_many_files_are_those_of_spark(
    spark: SparkSession, sshd: SSHD, tmp_path: Path, separator: str | None
) -> None:
    options = {} if separator is None else {"lineSep": separator}
    for seed in range(40):
        files = generated(1000 + seed)
        write(tmp_path / str(seed), files)
        with split_after(spark, 1_000_000 if seed % 8 else 7):
            sparks = by_spark(spark, tmp_path / str(seed), options)
        assert by_ours(sshd, tmp_path / str(seed), options, 7) == sparks
        chosen = random.Random(seed)
        for _ in range(5):
            assert by_decoder(files, options, chosen, cut=True) == sparks


@pytest.mark.parametrize("separator", ["##", "aa", "\n\n", "a\na"])
def test_separators_that_overlap_themselves_are_those_of_spark(
    spark: SparkSession, sshd: SSHD, tmp_path: Path, separator: str
) -> None:
    chosen = random.Random(separator)
    files = {
        f"{number}.txt": "".join(chosen.choices("a#\n", k=chosen.randrange(1, 30))).encode()
        for number in range(FILES)
    }
    write(tmp_path / "in", files)
    options = {"lineSep": separator}
    assert by_ours(sshd, tmp_path / "in", options) == by_spark(spark, tmp_path / "in", options)


def test_whole_files_are_those_of_spark(spark: SparkSession, sshd: SSHD, tmp_path: Path) -> None:
    files = generated(seed=3)
    write(tmp_path / "in", files)
    options = {"wholetext": "true"}
    sparks = by_spark(spark, tmp_path / "in", options)
    assert by_ours(sshd, tmp_path / "in", options) == sparks
