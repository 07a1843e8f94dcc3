"""Text files become rows of one string: a line each, or a file each."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.formats.text import decoder
from sftp_async.formats.text.decoder import split_lines
from tests.support.readable import MemoryFile, decode_file, read_options

SCHEMA = pa.schema([pa.field("value", pa.string())])


def rows(data: bytes, *cuts: int, path: str = "/in/a.txt", **options: object) -> list[str]:
    table = decode_file(
        MemoryFile(path, data), read_options(format="text", **options), SCHEMA, cuts
    )
    return list(table.column("value").to_pylist())


def test_a_line_is_a_row() -> None:
    assert rows(b"a\n\r\n\rb\r\nc") == ["a", "", "", "b", "c"]
    assert rows(b"") == []
    assert rows(b"\n") == [""]


def test_a_separator_may_be_any_text() -> None:
    assert rows(b"a||b|c||", line_sep="||") == ["a", "b|c"]
    assert rows(b"xaaay", line_sep="aa") == ["x", "ay"]
    assert rows(b"xaaa", line_sep="aa") == ["x", "a"]
    assert rows(b"a\nb\r", line_sep="\n") == ["a", "b\r"]


@given(
    st.lists(
        st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\r\n", "é".encode()]), max_size=30
    ).map(b"".join)
)
def test_line_ends_are_those_of_pythons_text_files(data: bytes) -> None:
    text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    assert rows(data) == (lines if lines[-1] else lines[:-1])


def test_batches_have_a_bounded_number_of_rows() -> None:
    data = b"\n" * 300_000 + b"a"
    reading = open_read_format(read_options(format="text"), SCHEMA)
    batches = list(reading.decode(MemoryFile("/in/a.txt", data), 0, len(data)))
    assert max(batch.num_rows for batch in batches) <= 100_000
    assert sum(batch.num_rows for batch in batches) == 300_001


def test_the_column_may_have_any_name() -> None:
    schema = pa.schema([pa.field("line", pa.string(), metadata={b"a": b"b"})])
    table = decode_file(MemoryFile("/in/a.txt", b"a\nb\n"), read_options(format="text"), schema)
    assert table.schema.equals(schema, check_metadata=True)
    assert table.column("line").to_pylist() == ["a", "b"]


def test_no_column_counts_the_rows() -> None:
    schema = pa.schema([])
    reading = open_read_format(read_options(format="text"), schema)
    batches = list(reading.decode(MemoryFile("/in/a.txt", b"a\nb\nc"), 0, 5))
    assert [batch.schema for batch in batches] == [schema]
    assert sum(batch.num_rows for batch in batches) == 3


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (pa.schema({"a": pa.string(), "b": pa.string()}), "one column, but the schema has 2: a, b"),
        (pa.schema({"n": pa.int32()}), "'n' is of the type int32.*cast it"),
    ],
)
def test_other_columns_are_refused(schema: pa.Schema, complaint: str) -> None:
    with pytest.raises(DecodeError, match=complaint):
        open_read_format(read_options(format="text"), schema)


def test_the_schema_is_known_without_a_look_at_the_files() -> None:
    file = MemoryFile("/in/a.txt", b"a\n")
    reading = open_read_format(read_options(format="text"), None)
    assert reading.infer_schema([file]) == SCHEMA
    assert file.served == 0


def test_bytes_that_are_no_text_stay_what_they_are() -> None:
    reading = open_read_format(read_options(format="text"), SCHEMA)
    [batch] = reading.decode(MemoryFile("/in/a.txt", b"a\xff\n\xed\xa0\x80"), 0, 6)
    assert batch.column(0).view(pa.binary()).to_pylist() == [b"a\xff", b"\xed\xa0\x80"]


def test_other_character_sets_are_recoded() -> None:
    assert rows("ä\nß".encode("cp1252"), encoding="windows-1252") == ["ä", "ß"]
    assert rows("ä\nß".encode("utf-16"), encoding="UTF-16") == ["ä", "ß"]


def test_a_whole_file_is_one_row() -> None:
    assert rows(b"\xef\xbb\xbfa\r\nb\n", wholetext="true") == ["\ufeffa\r\nb\n"]
    assert rows(b"", wholetext="true") == []  # as Spark, which plans no empty file
    assert rows("ä\n".encode("cp1252"), wholetext="true", encoding="cp1252") == ["ä\n"]
    reading = open_read_format(read_options(format="text", wholetext="true"), SCHEMA)
    assert not reading.is_splittable("/in/a.txt")


def test_a_file_too_large_for_a_row_is_an_error_before_all_of_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder, "MAX_FILE_BYTES", 100_000)
    file = MemoryFile("/in/a.txt", b"x" * 1_000_000)
    reading = open_read_format(read_options(format="text", wholetext="true"), SCHEMA)
    with pytest.raises(DecodeError, match=r"larger than 100\.0 kB.*/in/a.txt.*without wholetext"):
        list(reading.decode(file, 0, file.size))
    assert file.served < 300_000


def test_splitting_lines_is_right_where_returns_and_feeds_are_equally_many() -> None:
    chosen = random.Random(1)
    for _ in range(300):
        pieces = [chosen.choice([b"\r\n", b"\r", b"\n", b"a"]) for _ in range(8)]
        data = b"x" + b"".join(pieces)
        expected = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if not expected[-1]:
            expected.pop()
        assert split_lines(data, None).to_pylist() == expected
