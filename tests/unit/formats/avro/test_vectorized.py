"""Avro made a column at a time: block by block what fastavro makes of each row."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.avro import encoder as avro
from sftp_async.formats.avro import vectorized
from sftp_async.formats.avro.vectorized import encoded_rows, suits
from sftp_async.options import FormatOptions, codecs
from tests.support.encoding import encoded

NO_CODEC = FormatOptions(format="avro", compression="none")

# Around every length of a varint, with a sign and without.
NUMBERS = [
    sign * (2**bits + more)
    for sign in (1, -1)
    for bits in (0, 6, 7, 13, 14, 20, 27, 31, 34, 41, 48, 55, 62)
    for more in (-1, 0, 1)
]
TEXTS = ["", "a", "é😀\0", *("x" * length for length in (63, 64, 65, 8191, 8192, 8193))]


def exactly(kind: pa.DataType, values: Iterable[Any]) -> pa.Array:
    """Make an array of what its type has in memory: days, microseconds and the like."""
    storage = pa.int32() if pa.types.is_date(kind) else pa.int64()
    whole = pa.types.is_temporal(kind)
    return pa.array(values, storage).view(kind) if whole else pa.array(values, kind)


def whole(kind: pa.DataType) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    bits = kind.bit_width
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    edges = [low, high, *(number for number in NUMBERS if low <= number <= high)]
    return kind, st.sampled_from(edges) | st.integers(low, high) | st.integers(-3, 3)


def exact(precision: int, scale: int) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    nines = 10**precision - 1
    digits = st.sampled_from([0, 1, -1, nines, -nines]) | st.integers(-nines, nines)
    kind = pa.decimal128(precision, scale)
    return kind, digits.map(lambda number: Decimal(number).scaleb(-scale, Context(prec=50)))


FLOATS = [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), -float("nan")]
STRINGS = st.sampled_from(TEXTS) | st.text(max_size=5)
COLUMNS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *map(whole, (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *map(whole, (pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.duration("us"))),
    *(exact(*kind) for kind in ((1, 0), (2, 2), (4, 1), (15, 2), (18, 18), (19, 0), (28, 5))),
    (pa.bool_(), st.booleans()),
    (pa.float32(), st.sampled_from(FLOATS) | st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.sampled_from([*FLOATS, 5e-324]) | st.floats(allow_nan=False)),
    (pa.string(), STRINGS),
    (pa.large_string(), STRINGS),
    (pa.binary(), st.binary(max_size=5)),
    (pa.large_binary(), st.binary(max_size=200)),
    (pa.null(), st.none()),
]


@st.composite
def columns(draw: st.DrawFn, rows: int) -> tuple[pa.Field, pa.Array]:
    """Draw a column: never null, perhaps null and never so, or with values hidden under nulls."""
    kind, values = draw(st.sampled_from(COLUMNS) | st.integers(1, 38).map(lambda p: exact(p, 1)))
    few = draw(st.lists(values, min_size=1, max_size=6))
    drawn = draw(st.lists(st.sampled_from(few), min_size=rows, max_size=rows))
    array = exactly(kind, drawn)
    nulls = draw(st.sampled_from(["never", "none", "some"])) if kind != pa.null() else "none"
    if nulls == "some":
        present = pa.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), pa.bool_())
        buffers = [present.buffers()[1], *array.buffers()[1:]]
        array = pa.Array.from_buffers(kind, rows, buffers)
    return pa.field("", kind, nullable=nulls != "never"), array


@st.composite
def tables(draw: st.DrawFn) -> list[pa.RecordBatch]:
    """Draw some batches of one schema, cut from a larger one anywhere; they may be empty."""
    rows = draw(st.integers(1, 24))
    drawn = draw(st.lists(columns(rows), min_size=1, max_size=6))
    schema = pa.schema([field.with_name(f"c{n}") for n, (field, _) in enumerate(drawn)])
    batch = pa.RecordBatch.from_arrays([array for _, array in drawn], schema=schema)
    cuts = sorted(draw(st.lists(st.integers(0, rows), min_size=2, max_size=5)))
    return [batch.slice(start, end - start) for start, end in itertools.pairwise(cuts)]


def blocks(file: bytes) -> list[tuple[int, bytes]]:
    """Return how many rows each block has, and its bytes before compression."""
    found = fastavro.block_reader(io.BytesIO(file))
    return [(block.num_records, block.bytes_.getvalue()) for block in found]


def both_ways(batches: list[pa.RecordBatch], **options: Any) -> tuple[bytes, bytes]:
    """Encode batches by column and by row."""
    by_column = encoded(*batches, format="avro", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro, "vectorized", None)
        return by_column, encoded(*batches, format="avro", **options)


def assert_same(by_column: bytes, by_row: bytes) -> None:
    assert blocks(by_column) == blocks(by_row)
    one, other = (fastavro.reader(io.BytesIO(file)) for file in (by_column, by_row))
    assert one.metadata == other.metadata
    assert list(map(repr, one)) == list(map(repr, other))


# A day before the year 1 or after 9999 has no value in Python, so that fastavro cannot read it.
@pytest.fixture(autouse=True)
def plain_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("int-date", "long-timestamp-micros", "long-local-timestamp-micros"):
        monkeypatch.setitem(fastavro.read.LOGICAL_READERS, name, lambda data, *_: data)


@pytest.mark.one_python
@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(tables(), st.sampled_from([1, 60, 1_000, 64_000]), st.sampled_from([1, 5, 30, 10_000]),
       st.sampled_from([1, 4]))  # fmt: skip
def test_the_blocks_are_those_of_fastavro(
    batches: list[pa.RecordBatch], block_bytes: int, fields: int, least: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro, "BLOCK_BYTES", block_bytes)
        patch.setattr(avro, "COLUMN_ROWS", least)
        patch.setattr(vectorized, "MAX_FIELDS", fields)
        assert_same(*both_ways(batches))


@pytest.mark.parametrize("codec", sorted(codecs.levels_of("avro")))
def test_a_large_table_is_written_the_same_in_every_codec(codec: str) -> None:
    # Batches of a few rows, which are made one by one, stand among those made by column.
    arrays = [pa.array((TEXTS * 1_000)[:3_000]), pa.array([*range(2_999), None])]
    batch = pa.record_batch({"text": arrays[0], "number": arrays[1]})
    batches = [batch, batch.slice(0, 0), batch.slice(5, 7), batch.slice(40, 2_000)]
    by_column, by_row = both_ways(batches, compression=codec)
    assert len(blocks(by_row)) > 50
    assert_same(by_column, by_row)


@pytest.mark.parametrize(
    ("values", "kind", "encoding"),
    [
        # https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
        ([0, -1, 1, -2, -64, 64], pa.int32(), ["00", "01", "02", "03", "7f", "8001"]),
        ([63, -65, 8191, 8192], pa.int64(), ["7e", "8101", "fe7f", "808001"]),
        ([2**31], pa.int64(), ["8080808010"]),
        ([-(2**31), 2**31 - 1], pa.int64(), ["ffffffff0f", "feffffff0f"]),
        ([-(2**63)], pa.int64(), ["ffffffffffffffffff01"]),
        ([1.0], pa.float64(), ["000000000000f03f"]),
        (["foo", ""], pa.string(), ["06666f6f", "00"]),
        ([True, False], pa.bool_(), ["01", "00"]),
        ([Decimal("-1.5"), Decimal("99.9")], pa.decimal128(3, 1), ["fff1", "03e7"]),
    ],
)
def test_values_are_as_the_specification_has_them(
    values: list[Any], kind: pa.DataType, encoding: list[str]
) -> None:
    # `["int", "null"]` puts the number of the branch in front.
    expected = [bytes.fromhex("00" + text) for text in encoding] + [b"\x02"]
    batch = pa.record_batch({"a": pa.array([*values, None], kind)})
    assert encoded_rows(batch, batch.schema).to_pylist() == expected


def test_full_blocks_leave_while_batches_come() -> None:
    rows = pa.record_batch({"a": ["x" * 100] * 10_000})
    encoder = open_format(NO_CODEC, rows.schema).open()
    written = [len(encoder.encode(rows)) for _ in range(3)]
    assert min(written) > 1_000_000 - avro.BLOCK_BYTES
    assert len(encoder.finish()) < avro.BLOCK_BYTES


def test_a_block_ends_with_the_row_that_fills_it() -> None:
    rows = pa.record_batch({"a": ["x" * 62] * 2_500})  # 64 bytes, with the branch and the length
    by_column, by_row = both_ways([rows])
    assert [count for count, _ in blocks(by_column)] == [1_000, 1_000, 500]
    assert_same(by_column, by_row)


def test_only_a_batch_of_few_rows_is_made_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise ValueError("not this way")

    rows = pa.record_batch({"a": [1, 2, 3] * 100})
    monkeypatch.setattr(fastavro, "schemaless_writer", refused)
    assert encoded(rows, format="avro")
    with pytest.raises(EncodeError, match="not this way"):
        encoded(rows.slice(0, 3), format="avro")


def test_columns_of_types_that_hold_others_are_left_to_fastavro() -> None:
    flat = pa.field("f", pa.int32())
    assert suits(pa.schema([flat, ("n", pa.null())]))
    for kind in (pa.list_(pa.int8()), pa.struct([flat]), pa.map_(pa.string(), pa.int8()),
                 pa.decimal256(50, 2), pa.uint64(), pa.string_view()):  # fmt: skip
        assert not suits(pa.schema([flat, ("other", kind)])), kind
    assert not suits(pa.schema([("n", pa.null())])), "its rows have no bytes"


@pytest.mark.parametrize("rows", [1, 100])
def test_a_string_that_is_none_is_an_error(rows: int) -> None:
    bad = pa.array([b"\xff"] * rows).view(pa.string())
    with pytest.raises(EncodeError, match=r"(?i)utf-?8"):
        encoded(pa.record_batch({"a": bad}), format="avro")


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize("kind", [pa.bool_(), pa.int8(), pa.float64(), pa.string()], ids=str)
def test_a_null_that_the_schema_excludes_is_an_error(kind: pa.DataType, rows: int) -> None:
    schema = pa.schema([pa.field("a", kind, nullable=False)])
    with pytest.raises(EncodeError, match="'a'"):
        encoded(pa.record_batch([pa.nulls(rows, kind)], schema=schema), format="avro")


def test_rows_are_the_same_without_numpy() -> None:
    script = """
import sys
sys.modules["numpy"] = None
import pyarrow as pa
from sftp_async.formats import open_format
from sftp_async.formats.avro import encoder as avro
from sftp_async.options import FormatOptions
assert avro.vectorized is None
rows = pa.record_batch({"a": [1, None, 3] * 100})
options = FormatOptions(format="avro", compression="none")
encoder = open_format(options, rows.schema).open()
sys.stdout.buffer.write(encoder.encode(rows) + encoder.finish())
"""
    without = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
    ).stdout
    rows = pa.record_batch({"a": [1, None, 3] * 100})
    assert_same(encoded(rows, format="avro", compression="none"), without)
