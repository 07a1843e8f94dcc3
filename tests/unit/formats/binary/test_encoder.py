"""Binary files: the columns that make them, and rows that lack one of the two."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.base import RowFiles
from sftp_async.options import FormatOptions

COLUMNS = {"path": pa.string(), "content": pa.binary()}


def opened(columns: dict[str, pa.DataType] = COLUMNS, **options: Any) -> RowFiles:
    given = FormatOptions(format="binary", **options)
    found = open_format(given, pa.schema(list(columns.items())))
    assert isinstance(found, RowFiles)
    return found


def rows(*rows: tuple[str | None, bytes | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"path": path, "content": content} for path, content in rows],
        pa.schema(list(COLUMNS.items())),
    )


def test_a_row_is_a_file_with_its_content() -> None:
    binary: RowFiles = pickle.loads(pickle.dumps(opened()))
    batch = rows(("a.pdf", b"\0\xff"), ("b/c.png", b""))
    assert binary.paths(batch) == ["a.pdf", "b/c.png"]
    contents = []
    for number in range(2):
        part = binary.open()
        contents.append(bytes(part.encode(batch.slice(number, 1))) + bytes(part.finish()))
    assert contents == [b"\0\xff", b""]


def test_the_content_is_not_copied() -> None:
    batch = rows(("a", b"x" * 100), ("b", b"y" * 100))
    _, _, data = batch.column("content").buffers()
    found = pa.py_buffer(opened().open().encode(batch.slice(1, 1)))
    assert found.address == data.address + 100


@pytest.mark.parametrize("kind", [pa.string(), pa.large_binary(), pa.large_string()])
def test_content_may_be_text(kind: pa.DataType) -> None:
    binary = opened({"path": pa.string(), "content": kind})
    schema = pa.schema({"path": pa.string(), "content": kind})
    batch = pa.RecordBatch.from_pylist([{"path": "a", "content": "é"}], schema)
    assert bytes(binary.open().encode(batch)) == "é".encode()


def test_columns_are_found_in_any_case_and_place() -> None:
    binary = opened(
        {"Doc": pa.binary(), "Name": pa.string()}, path_column="name", content_column="DOC"
    )
    batch = pa.RecordBatch.from_pylist([{"Doc": b"1", "Name": "a"}])
    assert binary.paths(batch) == ["a"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": pa.string()}, "no column 'content'"),
        ({"content": pa.binary()}, "no column 'path'"),
        (COLUMNS | {"length": pa.int64()}, "'path', 'content', 'length'"),
        ({"path": pa.int64(), "content": pa.binary()}, "'path' has the type int64"),
        ({"path": pa.string(), "content": pa.int64()}, "'content' has the type int64"),
    ],
)
def test_other_columns_are_refused(columns: dict[str, pa.DataType], message: str) -> None:
    with pytest.raises(EncodeError, match=message):
        opened(columns)


def test_one_column_cannot_be_both() -> None:
    with pytest.raises(EncodeError, match="two columns"):
        opened({"path": pa.string()}, content_column="path")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((None, b""), "'path' is null"),
        (("a.pdf", None), "'content' is null for the file 'a.pdf'"),
    ],
)
def test_rows_without_path_or_content_are_refused(
    row: tuple[str | None, bytes | None], message: str
) -> None:
    with pytest.raises(EncodeError, match=message):
        opened().paths(rows(("fine", b""), row))
