"""Many made-up Parquet and ORC files, written in many ways, by Spark's reader and ours."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import orc, parquet

from sftp_async.spark.schema import arrow_schema
from tests.parity.reading.columnar import Columnar, plain_schema, spark_rows
from tests.parity.reading.served import Way
from tests.support.readable import MemoryFile, decode_file, read_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python
FILES = 60

_RECORD = pa.struct(
    [
        ("a", pa.int32()),
        ("b", pa.string()),
        ("c", pa.list_(pa.field("element", pa.int64()))),
    ]
)
SCHEMA = pa.schema(
    [
        ("file", pa.int32()),
        ("row", pa.int32()),
        ("i8", pa.int8()),
        ("i16", pa.int16()),
        ("i64", pa.int64()),
        ("f32", pa.float32()),
        ("f64", pa.float64()),
        ("flag", pa.bool_()),
        ("text", pa.string()),
        ("data", pa.binary()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("dec9", pa.decimal128(9, 2)),
        ("dec18", pa.decimal128(18, 4)),
        ("dec38", pa.decimal128(38, 10)),
        ("record", _RECORD),
        ("list", pa.list_(pa.field("element", _RECORD))),
        ("dict", pa.map_(pa.string(), pa.field("value", _RECORD))),
    ]
)


class Maker:
    """Makes values of any type, nulls and extremes among them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, kind: pa.DataType, *, nulls: bool = True) -> Any:
        made, types = self.random, pa.types
        if nulls and made.random() < 0.2:
            return None
        if types.is_struct(kind):
            return {field.name: self.value(field.type) for field in kind}
        if types.is_map(kind):
            keys = {self.value(kind.key_type, nulls=False) for _ in range(made.randrange(4))}
            return [(key, self.value(kind.item_type)) for key in sorted(keys)]
        if types.is_list(kind):
            return [self.value(kind.value_type) for _ in range(made.randrange(4))]
        if types.is_integer(kind):
            half = 1 << (kind.bit_width - 1)
            return made.choice([0, 1, -half, half - 1, made.randrange(-half, half)])
        if types.is_floating(kind):
            return made.choice([0.0, -0.0, 1.5, float("inf"), made.randrange(-999, 999) / 8])
        if types.is_boolean(kind):
            return made.random() < 0.5
        if types.is_string(kind):
            return made.choice(["", "a", "ä€😀", "x" * made.randrange(50), str(made.random())])
        if types.is_binary(kind):
            return made.randbytes(made.randrange(20))
        if types.is_date32(kind):
            return made.choice([0, 2932896, made.randrange(-100_000, 100_000)])
        if types.is_timestamp(kind):
            return made.choice([0, -1, made.randrange(-4 * 10**15, 9 * 10**15)])
        assert types.is_decimal(kind)
        digits = made.randrange(-(10**kind.precision) + 1, 10**kind.precision)
        return Decimal(made.choice([0, 1, digits])).scaleb(-kind.scale)

    def table(self, file: int) -> pa.Table:
        rows = self.random.choice([0, 1, 3, 50, 300])
        columns: dict[str, Any] = {"file": [file] * rows, "row": range(rows)}
        columns |= {f.name: [self.value(f.type) for _ in range(rows)] for f in list(SCHEMA)[2:]}
        return pa.table(columns, SCHEMA)


def write_parquet(made: random.Random, table: pa.Table, path: Path) -> None:
    options: dict[str, Any] = {
        "compression": made.choice(["none", "snappy", "gzip", "zstd", "lz4"]),
        "data_page_version": made.choice(["1.0", "2.0"]),
        "data_page_size": made.choice([64, 1024, 1024 * 1024]),
        "row_group_size": made.choice([40, 1000]),
        "store_decimal_as_integer": made.random() < 0.5,
        "use_dictionary": made.random() < 0.5,
        "store_schema": made.random() < 0.5,
        "use_deprecated_int96_timestamps": made.random() < 0.3,
        "write_page_checksum": made.random() < 0.5,
    }
    if not options["use_dictionary"] and not options["store_decimal_as_integer"]:
        encodings = {
            "i64": made.choice(["PLAIN", "DELTA_BINARY_PACKED"]),
            "row": made.choice(["PLAIN", "DELTA_BINARY_PACKED"]),
            "text": made.choice(["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]),
            "data": made.choice(["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]),
        }
        options["column_encoding"] = encodings
    parquet.write_table(table, path, **options)


def write_orc(made: random.Random, table: pa.Table, path: Path) -> None:
    # Parts of a second before 1970 are written by Arrow so that Java does not read them.
    times = pc.abs(table["at"].cast(pa.int64())).cast(table["at"].type)
    table = table.set_column(table.schema.get_field_index("at"), "at", times)
    orc.write_table(
        table,
        path,
        compression=made.choice(["uncompressed", "snappy", "zlib", "zstd", "lz4"]),
        file_version=made.choice(["0.11", "0.12"]),
        stripe_size=made.choice([1024, 64 * 1024 * 1024]),
        batch_size=made.choice([16, 1024]),
        compression_block_size=made.choice([64 * 1024, 256 * 1024]),
        dictionary_key_size_threshold=made.choice([0.0, 0.9]),
        row_index_stride=made.choice([1000, 10_000]),
    )


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_made_up_files_read_as_spark_reads_them(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, form: str
) -> None:
    maker = Maker(2026)
    writer = write_parquet if form == "parquet" else write_orc
    for number in range(FILES):
        writer(maker.random, maker.table(number), tmp_path / f"{number:03}.{form}")
    frame = spark.read.format(form).load(str(tmp_path)).orderBy("file", "row")
    theirs = spark_rows(frame)
    paths = sorted(tmp_path.glob(f"*.{form}"))
    schema = arrow_schema(frame.schema)
    assert plain_schema(arrow_schema(columnar.schema(form, paths))) == plain_schema(schema)
    ours = columnar.rows(form, paths, frame.schema)
    assert ours.num_rows == theirs.num_rows > 1_000
    for name in ours.schema.names:
        mine, other = ours[name].combine_chunks(), theirs[name].combine_chunks()
        if not mine.equals(other):
            pairs = enumerate(zip(mine, other, strict=True))
            row = next(row for row, (left, right) in pairs if not left.equals(right))
            place = name, ours["file"][row], ours["row"][row], mine[row], other[row]
            pytest.fail(f"they differ: {place}")
    in_ranges = Way("in ranges", largest=max(path.stat().st_size for path in paths) // 5)
    assert columnar.rows(form, paths, frame.schema, in_ranges).equals(ours)
    for path in paths:
        file = MemoryFile(str(path), path.read_bytes())
        cuts = sorted(maker.random.randrange(file.size) for _ in range(4))
        whole = decode_file(file, read_options(format=form), schema)
        assert decode_file(file, read_options(format=form), schema, cuts).equals(whole)
