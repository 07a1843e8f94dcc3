"""Binary files by Spark's own reader, and by ours over sshd: the same columns and rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parity.reading.columnar import Columnar

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

FILES = {"a.bin": bytes(range(256)) * 1000, "b.gz": b"not decompressed", "empty": b""}


def test_files_are_the_rows_of_spark(
    columnar: Columnar, spark: SparkSession, remote_dir: Path
) -> None:
    for number, (name, data) in enumerate(FILES.items()):
        (remote_dir / name).write_bytes(data)
        # Version 3 of SFTP has whole seconds.
        os.utime(remote_dir / name, (0, 1_700_000_000 + number))
    frame = spark.read.format("binaryFile").load(str(remote_dir))
    assert columnar.schema("binary", [remote_dir]) == frame.schema
    sparks = frame.toArrow().to_pylist()
    for row in sparks:
        row["path"] = row["path"].removeprefix("file:")  # a URI in Spark
    paths = [remote_dir / name for name in FILES]
    ours = columnar.rows("binary", paths, frame.schema).to_pylist()
    assert ours == sorted(sparks, key=lambda row: row["path"])


def test_some_of_the_columns_are_those_of_spark(
    columnar: Columnar, spark: SparkSession, remote_dir: Path
) -> None:
    path = remote_dir / "a"
    path.write_bytes(b"abc")
    frame = spark.read.format("binaryFile").load(str(path)).select("length", "content")
    ours = columnar.rows("binary", [path], frame.schema)
    assert ours.to_pylist() == frame.toArrow().to_pylist()
