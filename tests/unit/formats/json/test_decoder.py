"""JSON Lines become rows, and malformed lines become what the mode says."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from tests.support.readable import MemoryFile, decode_file, read_options

SCHEMA = pa.schema([("a", pa.int32()), ("b", pa.string())])
BAD = pa.schema([*SCHEMA, pa.field("_corrupt_record", pa.string())])


def rows(content: bytes, schema: pa.Schema = SCHEMA, **options: object) -> list[tuple[object, ...]]:
    table = decode_file(
        MemoryFile("/in/a.json", content), read_options(format="json", **options), schema
    )
    return [tuple(row.values()) for row in table.to_pylist()]


def test_each_line_is_a_row() -> None:
    assert rows(b'{"a":1,"b":"x"}\n{"a":2}\n') == [(1, "x"), (2, None)]


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
    with pytest.raises(DecodeError, match="byte 8 is malformed") as caught:
        rows(b'{"a":1}\n{"a":"x"}\n', mode="FAILFAST")
    assert caught.value.path == "/in/a.json"
