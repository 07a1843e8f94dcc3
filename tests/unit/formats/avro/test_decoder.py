from __future__ import annotations

import datetime as dt
import io
import json
import pickle
import random
import sys
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats import open_read_format
from sftp_async.formats.avro import container
from tests.support.readable import MemoryFile, decode_file, read_options

OPTIONS = read_options(format="avro")
CODECS = ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"]


def record(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "row",
        "namespace": "some.space",
        "fields": [{"name": name, "type": kind} for name, kind in fields],
    }


def stored(
    schema: Any, rows: list[Any], *, codec: str = "null", block: int = 16_000, chunk: int = 777
) -> MemoryFile:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows, codec=codec, sync_interval=block)
    return MemoryFile("/in/file.avro", sink.getvalue(), chunk=chunk)


def content(file: MemoryFile) -> bytes:
    return file.read_ranges([(0, file.size)])[0]


def inferred(file: MemoryFile, **options: Any) -> pa.Schema:
    reading = open_read_format(read_options(format="avro", **options), None)
    return reading.infer_schema([file])


def rows_of(file: MemoryFile, **options: Any) -> list[Any]:
    schema = inferred(file, **options)
    return decode_file(file, read_options(format="avro", **options), schema).to_pylist()


SMALL = record(("n", "long"), ("text", ["null", "string"]))


def small_rows(count: int) -> list[dict[str, Any]]:
    return [{"n": n, "text": None if n % 3 == 0 else f"text {n}"} for n in range(count)]


@pytest.mark.parametrize("codec", CODECS)
def test_each_row_is_in_exactly_one_range_wherever_the_file_is_cut(codec: str) -> None:
    rows = small_rows(120)
    file = stored(SMALL, rows, codec=codec, block=200)
    schema = inferred(file)
    for cut in range(0, file.size + 1, 1 if codec == "deflate" else 17):
        assert decode_file(file, OPTIONS, schema, [cut]).to_pylist() == rows, cut
    made = random.Random(2)
    for _ in range(30):
        cuts = sorted(made.randrange(file.size) for _ in range(9))
        assert decode_file(file, OPTIONS, schema, cuts).to_pylist() == rows, cuts


def test_a_range_holds_the_blocks_whose_preceding_marker_begins_in_it() -> None:
    file = stored(SMALL, small_rows(100), block=300)
    header = container.read_header(file)
    data, sync = content(file), header.sync
    first = header.size - container.SYNC_BYTES
    second = data.index(sync, header.size)
    with container.open_blocks(file, 0, first) as (_, blocks):
        assert list(blocks) == []
    with container.open_blocks(file, first, second) as (_, blocks):
        assert [block.offset for block in blocks] == [header.size]
    with container.open_blocks(file, first + 1, second + 1) as (_, blocks):
        assert [block.offset for block in blocks] == [second + container.SYNC_BYTES]


def test_a_file_is_read_once_and_in_order_if_it_is_not_split() -> None:
    class InOrder(MemoryFile):
        opened = 0

        def chunks(self, start, stop):
            InOrder.opened += 1
            assert start == 0
            return super().chunks(start, stop)

        def read_ranges(self, ranges):
            raise AssertionError("the server serves no ranges")

    rows = small_rows(5_000)
    file = InOrder("/in/file.avro", content(stored(SMALL, rows)))
    schema = pa.schema([("n", pa.int64()), ("text", pa.string())])
    assert decode_file(file, OPTIONS, schema).to_pylist() == rows
    assert InOrder.opened == 1


def test_little_more_than_the_range_is_read() -> None:
    file = stored(SMALL, small_rows(100_000), codec="deflate", block=4_000)
    schema = inferred(file)
    file.served = 0
    half = file.size // 2
    rows = sum(b.num_rows for b in open_read_format(OPTIONS, schema).decode(file, half, half + 1))
    assert rows < 2_000
    assert file.served < 200_000 < file.size


TYPES = record(
    ("int", "int"),
    ("float", "float"),
    ("bool", "boolean"),
    ("bytes", "bytes"),
    ("fixed", {"type": "fixed", "name": "three", "size": 3}),
    ("enum", {"type": "enum", "name": "letter", "symbols": ["A", "B"]}),
    ("letter", ["null", "letter"]),
    ("day", {"type": "int", "logicalType": "date"}),
    ("millis", {"type": "long", "logicalType": "timestamp-millis"}),
    ("micros", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
    ("local", {"type": "long", "logicalType": "local-timestamp-millis"}),
    ("dec", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 2}),
    (
        "decfix",
        {"type": "fixed", "name": "d", "size": 9, "logicalType": "decimal", "precision": 18},
    ),
    ("uuid", {"type": "string", "logicalType": "uuid"}),
    ("list", {"type": "array", "items": ["null", {"type": "int", "logicalType": "date"}]}),
    ("map", {"type": "map", "values": {"type": "array", "items": "letter"}}),
    ("either", ["int", "long"]),
    ("real", ["null", "float", "double"]),
    (
        "union",
        ["null", "string", "int", record(("x", ["null", "letter"])) | {"name": "sub"}, "letter"],
    ),
    ("sub", ["sub", "null"]),
)


def test_every_type_becomes_sparks() -> None:
    utc = dt.UTC
    row = {
        "int": -1,
        "float": 1.5,
        "bool": True,
        "bytes": b"\xff",
        "fixed": b"abc",
        "enum": "A",
        "letter": "B",
        "day": dt.date(2026, 11, 30),
        "millis": dt.datetime(2026, 11, 30, 1, 2, 3, 4000, tzinfo=utc),
        "micros": dt.datetime(1, 1, 1, tzinfo=utc),
        "local": dt.datetime(2026, 11, 30, 1, 2, 3),
        "dec": Decimal("-123456789012345678901234567890123456.78"),
        "decfix": Decimal(-5),
        "uuid": "00000000-0000-0000-0000-000000000001",
        "list": [dt.date(1, 1, 1), None],
        "map": {"k": ["A", "B"]},
        "either": 2**40,
        "real": 0.5,
        "sub": {"x": "A"},
    }
    values = [None, "text", 7, ("some.space.sub", {"x": "B"}), ("some.space.letter", "B")]
    file = stored(TYPES, [row | {"union": value} for value in values])
    found = rows_of(file)
    assert [{k: v for k, v in f.items() if k not in ("union", "map")} for f in found] == [
        {k: v for k, v in row.items() if k != "map"}
    ] * len(values)
    assert found[0]["map"] == [("k", ["A", "B"])]
    empty = dict.fromkeys(["member0", "member1", "member2", "member3"])
    assert [f["union"] for f in found] == [
        None,
        empty | {"member0": "text"},
        empty | {"member1": 7},
        empty | {"member2": {"x": "B"}},
        empty | {"member3": "B"},
    ]


def test_dates_beyond_pythons_calendar_are_read() -> None:
    schema = record(("day", {"type": "int", "logicalType": "date"}))
    plain = record(("day", "int"))
    data = content(stored(plain, [{"day": 10_000_000}, {"day": -1_000_000}]))
    old, new = (json.dumps(s["fields"][0]["type"]) for s in (plain, schema))
    assert old in data.decode("latin-1")
    header = container.read_header(MemoryFile("x", data))
    data = container.header_bytes(schema, "null", header.sync) + data[header.size :]
    file = MemoryFile("/in/file.avro", data)
    found = decode_file(file, OPTIONS, inferred(file))["day"]
    assert new
    assert found.cast(pa.int32()).to_pylist() == [10_000_000, -1_000_000]


def test_columns_are_found_by_name_widened_and_null_where_the_file_lacks_them() -> None:
    file = stored(record(("A", "int"), ("b", "float")), [{"A": 1, "b": 0.5}])
    schema = pa.schema([("gone", pa.string()), ("B", pa.float64()), ("a", pa.int64())])
    assert decode_file(file, OPTIONS, schema).to_pylist() == [{"gone": None, "B": 0.5, "a": 1}]
    with pytest.raises(DecodeError, match="'b'"):
        decode_file(file, OPTIONS, pa.schema([("b", pa.date32())]))


def test_a_given_schema_may_differ_from_the_files() -> None:
    file = stored(record(("a", "int"), ("b", "string")), [{"a": 1, "b": "x"}])
    wanted = record(("a", "long"))
    wanted["fields"] += [{"name": "new", "type": "string", "default": "d"}]
    assert rows_of(file, avro_schema=json.dumps(wanted)) == [{"a": 1, "new": "d"}]
    wanted["fields"][1].pop("default")
    with pytest.raises(DecodeError, match="new"):
        rows_of(file, avro_schema=json.dumps(wanted))
    for wrong in ("{", '"int"', "[]"):
        with pytest.raises(OptionsError, match="avro_schema"):
            inferred(file, avro_schema=wrong)


def test_columns_of_all_files_are_merged_if_that_is_asked_for() -> None:
    one, two = stored(record(("a", "int")), []), stored(record(("b", "string")), [])
    reading = open_read_format(read_options(format="avro", merge_schema=True), None)
    assert reading.infer_schema([one, two]).names == ["a", "b"]
    assert open_read_format(OPTIONS, None).infer_schema([one, two]).names == ["a"]


def test_a_type_that_contains_itself_is_an_error() -> None:
    schema = record(("next", ["null", "row"]))
    with pytest.raises(DecodeError, match="contains itself"):
        inferred(stored(schema, [{"next": None}]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "no Avro file"),
        (lambda data: b"a,b\n1,2\n" * 9, "no Avro file"),
        (lambda data: data[:30], "ends within its header"),
        (lambda data: data[:-30], "truncated"),
        (lambda data: data[:-16] + bytes(16), "no sync marker"),
        (lambda data: data[:600] + b"\xff" * 30 + data[630:], "cannot be decoded|damaged"),
    ],
    ids=["empty", "text", "header", "cut off", "marker", "block"],
)
@pytest.mark.parametrize("codec", CODECS)
def test_a_damaged_file_is_an_error_that_names_it_and_the_place(
    codec: str, damage, message: str
) -> None:
    rows = [{"n": n, "text": str(random.Random(n).random())} for n in range(3_000)]
    data = damage(content(stored(SMALL, rows, codec=codec, block=100_000)))
    schema = pa.schema([("n", pa.int64()), ("text", pa.string())])
    with pytest.raises(DecodeError, match=message) as caught:
        decode_file(MemoryFile("/in/bad.avro", data), OPTIONS, schema)
    assert caught.value.path == "/in/bad.avro"
    assert caught.value.offset is not None


def test_without_fastavro_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(OptionsError, match=r"sftp-async\[avro\]"):
        open_read_format(OPTIONS, None)


def test_the_format_is_pickled_to_tasks() -> None:
    rows = small_rows(10)
    file = stored(SMALL, rows)
    reading = pickle.loads(pickle.dumps(open_read_format(OPTIONS, inferred(file))))
    assert reading.is_splittable("x.avro")
    assert not reading.reads_ranges("x.avro")
    assert pa.Table.from_batches(reading.decode(file, 0, file.size)).to_pylist() == rows
