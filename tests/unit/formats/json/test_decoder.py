"""JSON becomes rows, and malformed records become what the mode says; every path agrees."""

from __future__ import annotations

import logging
import pickle
import random
from decimal import Decimal

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats import open_read_format
from sftp_async.formats.json import decoder
from sftp_async.formats.json.blocks import BlockDecoder
from sftp_async.formats.json.decoder import JSONReadFormat, read_json
from sftp_async.formats.json.text_values import TextParser
from sftp_async.formats.json.vectorized_blocks import VectorizedBlocks
from sftp_async.formats.line_decoder import LineBlock
from tests.support.readable import MemoryFile, decode_file, read_options

SCHEMA = pa.schema([("a", pa.int32()), ("b", pa.string())])
BAD = pa.schema([*SCHEMA, pa.field("_corrupt_record", pa.string())])
ORDINARY = pa.schema(
    [
        ("a", pa.int64()),
        ("b", pa.string()),
        ("c", pa.float64()),
        ("d", pa.date32()),
        ("e", pa.timestamp("us", "UTC")),
        ("k", pa.decimal128(10, 2)),
        ("l", pa.list_(pa.struct([("x", pa.float32())]))),
        ("s", pa.struct([("y", pa.bool_()), ("z", pa.binary())])),
    ]
)
LINE = (
    b'{"a":1,"b":"x","c":1.5,"d":"2024-02-29","e":"2024-07-01T12:00:00Z","k":1.25,'
    b'"l":[{"x":0.1},null],"s":{"y":true,"z":"QUJD"},"other":{"q":[1]}}\n'
)


def rows(content: bytes, schema: pa.Schema = SCHEMA, **options: object) -> list[tuple[object, ...]]:
    table = decode_file(
        MemoryFile("/in/a.json", content), read_options(format="json", **options), schema
    )
    return [tuple(row.values()) for row in table.to_pylist()]


def test_each_line_is_a_row() -> None:
    assert rows(b'{"a":1,"b":"x"}\n\n{"a":2}\n') == [(1, "x"), (2, None)]


def test_a_malformed_line_is_kept_with_its_text() -> None:
    content = b'{"a":1}\n{"a":\n{"a":"x","b":"y"}\n'
    assert rows(content, BAD) == [
        (1, None, None),
        (None, None, '{"a":'),
        (None, "y", '{"a":"x","b":"y"}'),
    ]


def test_dropmalformed_leaves_malformed_lines_out() -> None:
    assert rows(b'{"a":1}\n{"a":"x"}\n', mode="DROPMALFORMED") == [(1, None)]


def test_failfast_names_the_file_and_the_offset() -> None:
    with pytest.raises(DecodeError, match="byte 8") as caught:
        rows(b'{"a":1}\n{"a":"x"}\n', mode="FAILFAST")
    assert caught.value.path == "/in/a.json"


def test_a_document_is_an_array_of_rows() -> None:
    content = b'[\n {"a": 1},\n {"a": 2, "b": "x"}\n]\n'
    assert rows(content, multi_line=True) == [(1, None), (2, "x")]


def test_a_document_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "DOCUMENT_BYTES", 10)
    with pytest.raises(DecodeError, match="multi_line"):
        rows(b'[{"a":1},{"a":2}]', multi_line=True)


def blocks(paths: str, content: bytes, schema: pa.Schema) -> tuple[BlockDecoder, list[object]]:
    reading = BlockDecoder(read_options(format="json"), schema, "/in/a.json", None, paths)
    batches = list(reading.decode(LineBlock(content, 0, True)))
    return reading, pa.Table.from_batches(batches, schema).to_pylist()


def test_ordinary_lines_take_the_fast_path_and_all_paths_agree() -> None:
    fast, found = blocks("all", LINE * 100, ORDINARY)
    assert (fast.fast_bytes, fast.exact_bytes) == (len(LINE) * 100, 0)
    for paths in ("middle", "exact", "tokens"):
        other, same = blocks(paths, LINE * 100, ORDINARY)
        assert same == found
        assert (other.fast_bytes, other.exact_bytes) == (0, len(LINE) * 100)


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":2}',
        b'{"b":1}',
        b'{"c":-0}',
        b'{"q":Inf}',
        b'{"k":123456789.25}',
        b'{"b":"\xff"}',
        b'{"a":1}{"a":2}',
        b'{"a":\n1}',
        b'{"q":' + b"[" * 1001 + b"]" * 1001 + b"}",
        b'{"q":' + b"1" * 1001 + b"}",
        b"{'a':1}",
        b'{"d":"x"}',
    ],
)
def test_the_fast_path_leaves_what_spark_may_read_otherwise(line: bytes) -> None:
    options = read_options(format="json")
    columns = VectorizedBlocks(ORDINARY, TextParser(options))
    assert columns.read(LINE) is not None
    assert columns.read(LINE + line + b"\n" + LINE) is None


def test_the_fast_path_is_seldom_tried_where_it_never_works() -> None:
    reading = BlockDecoder(read_options(format="json"), SCHEMA, "/in/a.json", None)
    tries = 0

    class Counting:
        odd_line = None

        def read(self, data: bytes) -> None:
            nonlocal tries
            tries += 1

    reading._fast = Counting()  # type: ignore[assignment]
    for _ in range(64):
        list(reading.decode(LineBlock(b'{"b":1}\n', 0, False)))
    assert 3 <= tries <= 10


def test_floats_of_32_bits_are_rounded_once() -> None:
    # As a double, this is half way between two floats, and would go to the even one.
    schema = pa.schema([("f", pa.float32())])
    content = b'{"f":1.00000005960464477539062500000000000001}\n'
    for paths in ("fast", "middle", "exact", "tokens"):
        _, [row] = blocks(paths, content, schema)
        assert row == {"f": 1.0000001192092896}, paths


def test_columns_that_json_cannot_hold_are_refused() -> None:
    options = read_options(format="json")
    with pytest.raises(DecodeError, match="'t'"):
        open_read_format(options, pa.schema([("t", pa.time64("ns"))]))
    with pytest.raises(DecodeError, match="'m'"):
        open_read_format(options, pa.schema([("m", pa.map_(pa.int32(), pa.string()))]))
    with pytest.raises(DecodeError, match="takes malformed rows"):
        open_read_format(options, pa.schema([("_corrupt_record", pa.int32())]))


def test_patterns_are_checked_before_any_file() -> None:
    with pytest.raises(OptionsError, match="date_format"):
        open_read_format(read_options(format="json", date_format="yyyy-bb"), SCHEMA)


def test_a_format_is_pickled_to_tasks() -> None:
    reading = open_read_format(read_options(format="json"), SCHEMA)
    copied = pickle.loads(pickle.dumps(reading))
    content = b'{"a":1,"b":"x"}\n'
    [batch] = copied.decode(MemoryFile("/in/a.json", content), 0, len(content))
    assert batch.to_pylist() == [{"a": 1, "b": "x"}]


def test_only_lines_without_a_codec_are_split() -> None:
    lines = JSONReadFormat(read_options(format="json"), SCHEMA)
    assert lines.is_splittable("/in/a.json")
    assert not lines.is_splittable("/in/a.json.gz")
    whole = JSONReadFormat(read_options(format="json", multi_line=True), SCHEMA)
    assert not whole.is_splittable("/in/a.json")


def test_inference_is_bounded_and_says_what_it_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    line = b'{"a":1}\n'
    content = line * 20_000 + b'{"late":1}\n'
    file = MemoryFile("/in/a.json", content)
    with caplog.at_level(logging.INFO, logger="sftp_async.formats.json"):
        schema = read_json(read_options(format="json"), None).infer_schema([file])
    assert schema == pa.schema([("a", pa.int64())])
    assert "1 columns from 10000 records" in caplog.text


def test_two_names_that_differ_only_in_case_are_refused() -> None:
    file = MemoryFile("/in/a.json", b'{"a":1,"A":2}\n')
    with pytest.raises(DecodeError, match="'A'"):
        read_json(read_options(format="json"), None).infer_schema([file])
    found = read_json(read_options(format="json", case_sensitive=True), None).infer_schema([file])
    assert found.names == ["A", "a"]


def test_a_decimal_keeps_its_digits_on_every_path() -> None:
    schema = pa.schema([("k", pa.decimal128(38, 10))])
    number = "12345678901234567890.0123456789"
    for paths in ("fast", "middle", "exact", "tokens"):
        _, [row] = blocks(paths, f'{{"k":{number}}}\n'.encode(), schema)
        assert row == {"k": Decimal(number)}, paths


def test_ranges_of_any_cut_are_the_whole() -> None:
    chance = random.Random(1)
    content = b"".join(
        chance.choice((b'{"a":%d}\n', b'{"a":%d,"b":"x"}\r\n', b"[{},{}]\n%d\n")) % i
        for i in range(20)
    )
    options = read_options(format="json")
    whole = decode_file(MemoryFile("/in/a.json", content, chunk=7), options, BAD)
    for cut in range(1, len(content)):
        parts = decode_file(MemoryFile("/in/a.json", content, chunk=7), options, BAD, [cut])
        assert parts == whole, cut
