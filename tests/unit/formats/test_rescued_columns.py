from __future__ import annotations

import datetime as dt
import json
import pickle
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import open_format, open_read_format
from tests.support.readable import MemoryFile, read_options

SCHEMA = pa.schema([("_rescued", pa.string()), ("id", pa.int64()), ("new", pa.string())])


@pytest.fixture(params=["parquet", "orc", "avro"])
def name(request: pytest.FixtureRequest) -> Any:
    return request.param


def file_of(name: str, table: pa.Table) -> MemoryFile:
    encoder = open_format(read_options(format=name), table.schema).open()
    data = b"".join(bytes(encoder.encode(batch)) for batch in table.to_batches())
    return MemoryFile(f"/in/a.{name}", data + bytes(encoder.finish()))


def rows(file: MemoryFile, name: str, schema: pa.Schema = SCHEMA) -> list[dict[str, Any]]:
    options = read_options(format=name, rescued_data_column="_rescued")
    reading = pickle.loads(pickle.dumps(open_read_format(options, schema)))
    found = pa.Table.from_batches(reading.decode(file, 0, file.size), schema).to_pylist()
    for row in found:
        row["_rescued"] = None if row["_rescued"] is None else json.loads(row["_rescued"])
    return found


def test_columns_that_the_schema_lacks_are_kept(name: str) -> None:
    table = pa.table(
        {
            "text": pa.array(['say "hi"', None]),
            "ID": pa.array([1, 2], pa.int64()),
            "day": pa.array([dt.date(2026, 11, 30), None], pa.date32()),
            "s": pa.array([{"x": [1, 2]}, None], pa.struct([("x", pa.list_(pa.int32()))])),
            "amount": pa.array([Decimal("1.50"), None], pa.decimal128(8, 2)),
        }
    )
    one, two = rows(file_of(name, table), name)
    assert (one["id"], one["new"]) == (1, None)
    assert one["_rescued"] == {
        "text": 'say "hi"',
        "day": "2026-11-30",
        "s": {"x": [1, 2]},
        "amount": 1.5,
    }
    assert two == {"_rescued": None, "id": 2, "new": None}


def test_files_without_other_columns_have_none(name: str) -> None:
    table = pa.table({"new": ["x"], "id": pa.array([1], pa.int64())})
    assert rows(file_of(name, table), name) == [{"_rescued": None, "id": 1, "new": "x"}]


def test_the_column_must_be_a_string(name: str) -> None:
    options = read_options(format=name, rescued_data_column="_rescued")
    with pytest.raises(DecodeError, match="'_rescued' takes what does not fit"):
        open_read_format(options, pa.schema([("_rescued", pa.int32())]))
