"""Avro: the schema, values at their limits, codecs, and what is missing without the extra."""

from __future__ import annotations

import io
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats import open_format
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded


def file_of(*batches: pa.RecordBatch, **options: Any) -> Any:
    return fastavro.reader(io.BytesIO(encoded(*batches, format="avro", **options)))


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        (None, "snappy"),
        ("none", "null"),
        ("deflate", "deflate"),
        ("snappy", "snappy"),
        ("zstd", "zstandard"),
        ("bzip2", "bzip2"),
        ("xz", "xz"),
    ],
)
def test_it_holds_the_rows_in_the_codec_asked_for(codec: str | None, name: str) -> None:
    rows = pa.record_batch({"id": [1, None, 3], "name": ["a", "", None]})
    file = file_of(rows, rows.slice(1), compression=codec)
    assert file.codec == name
    assert list(file) == rows.to_pylist() + rows.slice(1).to_pylist()


def test_the_schema_is_the_one_that_spark_gives() -> None:
    # tests/spark/test_read_back.py compares more types with what Spark itself says.
    schema = pa.schema(
        [
            pa.field("n", pa.int8(), nullable=False),
            pa.field("d", pa.list_(pa.decimal128(18, 2))),
            pa.field("s", pa.struct([pa.field("t", pa.timestamp("us"), nullable=False)])),
        ]
    )
    decimals = {
        "type": "fixed", "name": "topLevelRecord.d.fixed", "size": 8, "logicalType": "decimal",
        "precision": 18, "scale": 2,
    }  # fmt: skip
    times = {"type": "long", "logicalType": "local-timestamp-micros"}
    inner = {"type": "record", "name": "topLevelRecord.s", "fields": [{"name": "t", "type": times}]}
    expected = {
        "type": "record",
        "name": "topLevelRecord",
        "fields": [
            {"name": "n", "type": "int"},
            {"name": "d", "type": [{"type": "array", "items": [decimals, "null"]}, "null"]},
            {"name": "s", "type": [inner, "null"]},
        ],
    }
    written = file_of(pa.RecordBatch.from_pylist([], schema))
    assert list(written) == []
    assert fastavro.schema.to_parsing_canonical_form(
        written.writer_schema
    ) == fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(expected))
    [nested] = [f for f in written.writer_schema["fields"] if f["name"] == "d"]
    assert nested["type"][0]["items"][0]["scale"] == 2


VALUES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.int8(), [-128, 127, None]),
    (pa.int64(), [-(2**63), 2**63 - 1, None]),
    (pa.float32(), [float("-inf"), 1.5, None]),
    (pa.float64(), [float("inf"), 5e-324, None]),
    (pa.bool_(), [True, False, None]),
    (pa.string(), ["", "é😀\0", None]),
    (pa.binary(), [b"", b"\x00\xff", None]),
    (pa.date32(), [date(1, 1, 1), date(9999, 12, 31), None]),
    (pa.timestamp("us", "Europe/Berlin"),
     [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 1, 2, 3, 4, tzinfo=UTC), None]),
    (pa.timestamp("us"), [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), None]),
    (pa.decimal128(38, 18), [Decimal("99999999999999999999.999999999999999999"),
                             Decimal("-0.000000000000000001"), None]),
    (pa.decimal128(2, 1), [Decimal("-9.9"), Decimal("0.0"), None]),
    (pa.list_(pa.decimal128(10, 2)), [[Decimal("-1.50"), None], [], None]),
    (pa.map_(pa.string(), pa.map_(pa.string(), pa.int32())),
     [{"a": {"b": None}, "c": None}, {}, None]),
    (pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.date32())), ("x", pa.int16())])),
     [[{"m": {"k": date(1970, 1, 1)}, "x": 1}, None], [{"m": None, "x": None}], None]),
    (pa.null(), [None, None, None]),
]  # fmt: skip


def pairs(kind: pa.DataType, value: Any) -> Any:
    """Turn dicts into what pyarrow makes maps of."""
    if isinstance(value, dict) and pa.types.is_map(kind):
        return [(key, pairs(kind.item_type, item)) for key, item in value.items()]
    return value


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=lambda value: str(value)[:40])
def test_every_value_comes_back(kind: pa.DataType, values: list[Any]) -> None:
    array = pa.array([pairs(kind, value) for value in values], kind)
    got = [row["a"] for row in file_of(pa.record_batch({"a": array}))]
    assert got == values


def test_blocks_are_of_a_bounded_size() -> None:
    rows = pa.record_batch({"a": ["x" * 100] * 10_000})
    data = io.BytesIO(encoded(rows, format="avro", compression="none"))
    sizes = [len(block.bytes_.getvalue()) for block in fastavro.block_reader(data)]
    assert len(sizes) > 10
    assert max(sizes) < 65_000


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "é", "a.b", ""])
def test_a_name_that_avro_lacks_is_refused(name: str) -> None:
    for schema in (
        pa.schema([(name, pa.int32())]),
        pa.schema([("s", pa.list_(pa.struct([(name, pa.int32())])))]),
    ):
        with pytest.raises(EncodeError, match=rf"Avro cannot hold .*{name!r}"):
            open_format(FormatOptions(format="avro"), schema)


def test_without_fastavro_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(OptionsError, match=r"fastavro.*'sftp-async\[avro\]'"):
        open_format(FormatOptions(format="avro"), pa.schema([("a", pa.int32())]))


def test_without_a_codecs_package_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ValueError("snappy codec is supported but you need to install cramjam")

    monkeypatch.setattr(fastavro, "writer", missing)
    with pytest.raises(OptionsError, match=r"compression=snappy needs .*'sftp-async\[avro\]'"):
        open_format(FormatOptions(format="avro"), pa.schema([("a", pa.int32())]))
