"""Avro files by Java's own library, which Spark reads them with, and by ours over sshd.

Spark's Avro reader is a package of its own, `spark-avro`, which PySpark does not bring. What
PySpark brings is Apache Avro for Java: it says which blocks a range owns, and what the values are.
How they become Spark's types is compared with the documented mapping, in tests/unit/formats/avro.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from sftp_async.formats import open_read_format
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading.columnar import Columnar
from tests.parity.reading.served import WHOLE, Way
from tests.support.readable import MemoryFile, read_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


def write(
    path: Path, schema: Any, rows: list[Any], codec: str = "null", block: int = 16_000
) -> Path:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows, codec=codec, sync_interval=block)
    path.write_bytes(sink.getvalue())
    return path


def java_rows(spark: SparkSession, path: Path, start: int, stop: int) -> Iterator[Any]:
    """Yield the rows of a range as Java's reader has them, as JSON."""
    java = spark._jvm
    avro = java.org.apache.avro
    source = java.java.io.File(str(path))
    reader = avro.file.DataFileReader(source, avro.generic.GenericDatumReader())
    try:
        reader.sync(start)
        while reader.hasNext() and not reader.pastSync(stop):
            yield json.loads(reader.next().toString())
    finally:
        reader.close()


def test_a_range_owns_the_blocks_that_javas_reader_gives_it(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}
    rows = [{"n": n * 10**9} for n in range(12)]
    path = write(tmp_path / "file.avro", schema, rows, block=12)
    found = columnar.schema("avro", [path])
    assert columnar.rows("avro", [path], found).to_pylist() == rows
    file = MemoryFile(str(path), path.read_bytes())
    reading = open_read_format(read_options(format="avro"), arrow_schema(found))
    for cut in range(1, file.size, 3):
        ours = [row for batch in reading.decode(file, 0, cut) for row in batch.to_pylist()]
        assert ours == list(java_rows(spark, path, 0, cut)), cut
        rest = [row for batch in reading.decode(file, cut, file.size) for row in batch.to_pylist()]
        assert rest == list(java_rows(spark, path, cut, file.size)), cut


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"])
def test_values_are_those_of_javas_reader(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, codec: str
) -> None:
    schema = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "n", "type": ["null", "int"]},
            {"name": "big", "type": "long"},
            {"name": "real", "type": "double"},
            {"name": "flag", "type": "boolean"},
            {"name": "text", "type": "string"},
            {"name": "list", "type": {"type": "array", "items": ["null", "string"]}},
            {"name": "letter", "type": {"type": "enum", "name": "e", "symbols": ["A", "B"]}},
            {
                "name": "sub",
                "type": [
                    "null",
                    {"type": "record", "name": "s", "fields": [{"name": "x", "type": "int"}]},
                ],
            },
        ],
    }
    made = random.Random(1)
    rows = [
        {
            "n": None if n % 3 == 0 else made.randrange(-(2**31), 2**31),
            "big": made.randrange(-(2**63), 2**63),
            "real": made.random(),
            "flag": n % 2 == 0,
            "text": "ä" * made.randrange(100),
            "list": [None, str(n)][: n % 3],
            "letter": "AB"[n % 2],
            "sub": None if n % 4 == 0 else {"x": n},
        }
        for n in range(60)
    ]
    path = write(tmp_path / "file.avro", schema, rows, codec, 500)
    found = columnar.schema("avro", [path])
    expected = list(java_rows(spark, path, 0, path.stat().st_size))
    for way in (WHOLE, Way("in ranges", largest=700)):
        assert columnar.rows("avro", [path], found, way).to_pylist() == expected, way.name


def test_a_file_that_java_writes_is_read(
    spark: SparkSession, columnar: Columnar, tmp_path: Path
) -> None:
    java = spark._jvm
    avro = java.org.apache.avro
    text = json.dumps(
        {
            "type": "record",
            "name": "r",
            "fields": [
                {"name": "n", "type": "long"},
                {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                {
                    "name": "dec",
                    "type": {
                        "type": "bytes",
                        "logicalType": "decimal",
                        "precision": 9,
                        "scale": 2,
                    },
                },
            ],
        }
    )
    schema = avro.Schema.Parser().parse(text)
    writer = avro.file.DataFileWriter(avro.generic.GenericDatumWriter(schema))
    writer.setCodec(avro.file.CodecFactory.deflateCodec(6))
    writer.setSyncInterval(64)
    path = tmp_path / "java.avro"
    writer.create(schema, java.java.io.File(str(path)))
    for n in range(50):
        row = avro.generic.GenericData.Record(schema)
        row.put("n", java.java.lang.Long(n))
        row.put("day", n - 25)
        unscaled = (n - 25).to_bytes(2, "big", signed=True)
        row.put("dec", java.java.nio.ByteBuffer.wrap(unscaled))
        writer.append(row)
    writer.close()
    found = columnar.rows("avro", [path], columnar.schema("avro", [path]))
    assert found.to_pylist() == [
        {
            "n": n,
            "day": dt.date(1970, 1, 1) + dt.timedelta(n - 25),
            "dec": Decimal(n - 25).scaleb(-2),
        }
        for n in range(50)
    ]
