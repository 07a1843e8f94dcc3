"""Binary files by Spark's own reader, and by the decoder: the same columns and rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from sftp_async.formats import open_read_format
from sftp_async.spark.schema import arrow_schema
from tests.support.readable import MemoryFile, decode_file, read_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

FILES = {"a.bin": bytes(range(256)) * 1000, "b.gz": b"not decompressed", "empty": b""}


def test_files_are_the_rows_of_spark(spark: SparkSession, tmp_path: Path) -> None:
    for number, (name, data) in enumerate(FILES.items()):
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (0, 1_700_000_000.5 + number))
    frame = spark.read.format("binaryFile").load(str(tmp_path))
    reading = open_read_format(read_options(format="binary"), None)
    assert reading.infer_schema([]) == arrow_schema(frame.schema).remove_metadata()
    sparks = sorted(frame.toArrow().to_pylist(), key=lambda row: str(row["path"]))
    ours: list[dict[str, object]] = []
    for name, data in sorted(FILES.items()):
        path = tmp_path / name
        file = MemoryFile(str(path), data, mtime=path.stat().st_mtime)
        table = decode_file(file, read_options(format="binary"), reading.infer_schema([]))
        ours += table.to_pylist()
    for row in sparks:
        row["path"] = row["path"].removeprefix("file:")  # a URI in Spark
    assert ours == sparks


def test_some_of_the_columns_are_those_of_spark(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    frame = spark.read.format("binaryFile").load(str(tmp_path)).select("length", "content")
    schema = pa.schema({"length": pa.int64(), "content": pa.binary()})
    ours = decode_file(MemoryFile("/a", b"abc"), read_options(format="binary"), schema)
    assert ours.to_pylist() == frame.toArrow().to_pylist()
