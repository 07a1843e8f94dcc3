"""Binary files: which columns make them, and which paths rows may give them."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.base import RowFiles
from sftp_async.layout.path_safety import path_problem
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
    ("columns", "told"),
    [
        ({"path": pa.string()}, "no column 'content'"),
        ({"content": pa.binary()}, "no column 'path'"),
        (COLUMNS | {"length": pa.int64()}, "'path', 'content', 'length'"),
        ({"path": pa.int64(), "content": pa.binary()}, "'path' has the type int64"),
        ({"path": pa.string(), "content": pa.int64()}, "'content' has the type int64"),
    ],
)
def test_other_columns_are_refused(columns: dict[str, pa.DataType], told: str) -> None:
    with pytest.raises(EncodeError, match=told):
        opened(columns)


def test_one_column_cannot_be_both() -> None:
    with pytest.raises(EncodeError, match="two columns"):
        opened({"path": pa.string()}, content_column="path")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((None, b""), "'path' is null"),
        (("a.pdf", None), "'content' is null for the file 'a.pdf'"),
        (("../a.pdf", b""), "'../a.pdf', where no file is written: it has a .. in it"),
    ],
)
def test_rows_without_path_or_content_are_refused(
    row: tuple[str | None, bytes | None], told: str
) -> None:
    with pytest.raises(EncodeError, match=told):
        opened().paths(rows(("fine", b""), row))


@pytest.mark.parametrize("path", ["a", "a.pdf", "2026/11/scan 1.pdf", "ä/ö", "a=1/b", "x" * 255])
def test_paths_within_the_target_are_taken(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "a//b", "a/", "..", "a/../../b", ".", "./a", "a/./b"),
        *(".ssh/authorized_keys", "a/.hidden", "a\nb", "a\0", "a\\..\\b", "\x7f"),
        *("x" * 256, "é" * 128, "_temporary/a", "_SFTP_async/a", "_SUCCESS", "_manifest.json"),
        "part-00000-0dd0dd000dd0dd00-c000.csv",
        "part-00000-0dd0dd000dd0dd00-c000.csv/x",
        *("orders/_temporary/x", "a/b/_SFTP_async/job_keys/d1.committed", "a/_Success"),
        *("a/_Manifest.json", "_temporary. /a", f"stage/{'0a' * 16}.intent.json"),
        "file:///data/a.pdf",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert path_problem(path) is not None
