"""Each file is a row: path, time, length and content, of which as much is fetched as is wanted."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.formats.binary import decoder
from tests.support.readable import MemoryFile, decode_file, read_options

OPTIONS = read_options(format="binary")


def test_a_file_is_a_row_of_sparks_four_columns() -> None:
    reading = open_read_format(OPTIONS, None)
    file = MemoryFile("/in/a.gz", b"\x00\xff" * 100_000, chunk=7000, mtime=1_700_000_000.25)
    schema = reading.infer_schema([file])
    assert file.served == 0
    assert decode_file(file, OPTIONS, schema).to_pylist() == [
        {
            "path": "/in/a.gz",
            "modificationTime": datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC),
            "length": 200_000,
            "content": b"\x00\xff" * 100_000,
        }
    ]
    assert not reading.is_splittable("/in/a.gz")


def test_any_of_the_columns_may_be_asked_for_in_any_order_and_case() -> None:
    schema = pa.schema({"Length": pa.int64(), "path": pa.string()})
    file = MemoryFile("/in/a", b"abc")
    assert decode_file(file, OPTIONS, schema).to_pylist() == [{"Length": 3, "path": "/in/a"}]
    assert file.served == 0  # the content is not wanted


def test_no_column_counts_the_files() -> None:
    reading = open_read_format(OPTIONS, pa.schema([]))
    file = MemoryFile("/in/a", b"abc")
    assert [batch.num_rows for batch in reading.decode(file, 0, 3)] == [1]
    assert file.served == 0


def test_a_server_without_times_has_none() -> None:
    schema = pa.schema({"modificationTime": pa.timestamp("us", "UTC")})
    file = MemoryFile("/in/a", b"abc")
    assert decode_file(file, OPTIONS, schema).to_pylist() == [{"modificationTime": None}]


def test_an_empty_file_has_no_row_as_in_spark() -> None:
    assert decode_file(MemoryFile("/in/a", b""), OPTIONS, decoder.SCHEMA).to_pylist() == []


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (pa.schema({"size": pa.int64()}), "no column 'size'; they have path, modificationTime"),
        (pa.schema({"length": pa.int32()}), "'length' of binary files is of the type int64, not"),
    ],
)
def test_other_columns_are_refused(schema: pa.Schema, complaint: str) -> None:
    with pytest.raises(DecodeError, match=complaint):
        open_read_format(OPTIONS, schema)


def test_a_file_too_large_for_a_value_is_an_error_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder, "MAX_LENGTH", 1000)
    file = MemoryFile("/in/a", bytes(1001))
    with pytest.raises(DecodeError, match=r"has 1\.0 kB; a value holds 1\.0 kB.*/in/a"):
        decode_file(file, OPTIONS, decoder.SCHEMA)
    assert file.served == 0
    schema = pa.schema({"length": pa.int64()})
    assert decode_file(file, OPTIONS, schema).to_pylist() == [{"length": 1001}]
