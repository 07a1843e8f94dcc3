"""Compressed files by Spark's own reader, and by ours over sshd: the same rows, or both fail."""

from __future__ import annotations

import bz2
import gzip
import random
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async.errors import DecodeError
from tests.parity.reading.comparing import FAILS, struct_of
from tests.parity.reading.served import WHOLE, read_served
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

SMALL = b"one\ntwo\n"
LARGE = b"".join(
    random.Random(number).randbytes(30).hex().encode() + b"\n" for number in range(20_000)
)


def by_ours(server: SSHD, path: Path) -> list[str] | str:
    found = read_served(server, [path], "text", {}, struct_of("value STRING"), WHOLE)
    table = found.get(path)
    if table is None:  # an empty file, which the listing leaves out
        return []
    return FAILS if isinstance(table, DecodeError) else list(table["value"].to_pylist())


def by_spark(spark: SparkSession, path: Path) -> list[str] | str:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        return [row.value for row in spark.read.text(str(path)).collect()]
    except (Py4JJavaError, PySparkException):
        return FAILS


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "deflate", "lz4", "snappy"])
def test_what_spark_compresses_is_read(
    spark: SparkSession, sshd: SSHD, tmp_path: Path, codec: str
) -> None:
    rows = spark.range(0, 40_000, 1, 1).selectExpr(
        "concat(id, ' ', sha2(string(id), 256)) AS value"
    )
    rows.write.option("compression", codec).text(str(tmp_path / "out"))
    [path] = (tmp_path / "out").glob("part-*")
    assert path.suffix != ".txt"
    assert by_ours(sshd, path) == by_spark(spark, path) == [row.value for row in rows.collect()]


@pytest.mark.parametrize("codec", ["lz4", "snappy"])
def test_an_empty_file_of_hadoops_framing_is_read(
    spark: SparkSession, sshd: SSHD, tmp_path: Path, codec: str
) -> None:
    spark.range(0, 0, 1, 1).selectExpr("string(id) AS value").write.option(
        "compression", codec
    ).text(str(tmp_path / "out"))
    for path in (tmp_path / "out").glob("part-*"):
        assert by_ours(sshd, path) == by_spark(spark, path) == []


#: Files that both read, or at which both fail.
FILES = {
    "several.gz": gzip.compress(SMALL) + gzip.compress(b"") + gzip.compress(b"three\n"),
    "several.bz2": bz2.compress(SMALL) + bz2.compress(b"three\n"),
    "several.deflate": zlib.compress(SMALL) + zlib.compress(b"three\n"),
    "nothing.gz": b"",
    "no-lines.bz2": bz2.compress(b""),
    "upper.GZ": gzip.compress(SMALL),
    "Mixed.Bz2": bz2.compress(SMALL),
    "long.gzip": gzip.compress(SMALL),
    "gz": SMALL,
    "zeros.gz": gzip.compress(SMALL) + bytes(600),
    "garbage.gz": gzip.compress(SMALL) + b"garbage",
    "cut.gz": gzip.compress(LARGE)[:-100_000],
    "cut-trailer.gz": gzip.compress(SMALL)[:-4],
    "cut-header.gz": gzip.compress(SMALL) + gzip.compress(SMALL)[:5],
    "plain.gz": LARGE,
    "checksum.gz": gzip.compress(SMALL)[:-8] + b"\1\2\3\4" + gzip.compress(SMALL)[-4:],
    "length.gz": gzip.compress(SMALL)[:-4] + b"\1\2\3\4",
    "cut.bz2": bz2.compress(LARGE)[:-10_000],
    "garbage.deflate": zlib.compress(SMALL) + b"garbage",
    "cut.deflate": zlib.compress(SMALL)[:-3],
    "plain.deflate": SMALL,
    "raw.deflate": zlib.compress(SMALL)[2:-4],
    "plain.zst": SMALL,
}


def test_foreign_and_damaged_files_are_read_or_fail_alike(
    spark: SparkSession, sshd: SSHD, tmp_path: Path
) -> None:
    ours, sparks = {}, {}
    for name, data in FILES.items():
        path = tmp_path / name
        path.write_bytes(data)
        ours[name], sparks[name] = by_ours(sshd, path), by_spark(spark, path)
    assert ours == sparks
    assert sum(rows == FAILS for rows in sparks.values()) > len(FILES) / 2
