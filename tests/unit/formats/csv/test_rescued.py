from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats.csv import block_reader, fast_cells
from sftp_async.formats.csv.decoder import CSVReadFormat, read_csv
from tests.support.readable import MemoryFile, read_options

TWO = pa.schema([("a", pa.string()), ("b", pa.int32()), ("_rescued", pa.string())])
CORRUPT = TWO.append(pa.field("_corrupt_record", pa.string()))
BY_NAME = {"header": "true", "match_columns": "name"}

Path = Any


@pytest.fixture(params=["fast", "exact"])
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def form_of(schema: pa.Schema, path: Path, **options: str) -> CSVReadFormat:
    reading = read_options(format="csv", rescued_data_column="_rescued", **options)
    return read_csv(reading, schema, path=path)


def rows(data: bytes, path: Path, schema: pa.Schema = TWO, **options: str) -> list[tuple[Any, ...]]:
    file = MemoryFile("/in/file.csv", data)
    batches = form_of(schema, path, **options).decode(file, 0, file.size)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def test_a_cell_of_another_type_is_null_and_its_text_is_kept(path: Path) -> None:
    data = b'x,1\n"say ""hi""",many\nz,\n'
    assert rows(data, path, escape='"') == [
        ("x", 1, None),
        ('say "hi"', None, '{"b":"many"}'),
        ("z", None, None),
    ]


def test_columns_that_only_the_header_has_are_kept_by_their_names(path: Path) -> None:
    data = b"id,B,note,a\n7,1,hello,x\n8,z,,y\n,2,,z\n"
    assert rows(data, path, **BY_NAME) == [
        ("x", 1, '{"id":"7","note":"hello"}'),
        ("y", None, '{"b":"z","id":"8"}'),
        ("z", 2, None),
    ]


def test_columns_that_the_header_lacks_are_null(path: Path) -> None:
    assert rows(b"b\n1\n2\n", path, **BY_NAME) == [(None, 1, None), (None, 2, None)]


def test_names_that_differ_in_case_are_others_if_case_counts(path: Path) -> None:
    found = rows(b"a,B\nx,1\n", path, case_sensitive="true", **BY_NAME)
    assert found == [("x", None, '{"B":"1"}')]


def test_a_name_that_is_there_twice_or_empty_is_kept_as_spark_names_it(path: Path) -> None:
    found = rows(b"a,b,c,c,\nx,1,2,3,4\n", path, **BY_NAME)
    assert found == [("x", 1, '{"c2":"2","c3":"3","_c4":"4"}')]
    assert rows(b"a,b,_c3\nx,1,2,3\n", path, **BY_NAME) == [("x", 1, '{"_c3":"2","_c3_":"3"}')]


def test_cells_behind_the_last_column_are_kept_and_make_no_row_malformed(path: Path) -> None:
    data = b"x,1\ny,2,more,still\nz,3,,4\n"
    for mode in ("permissive", "dropmalformed", "failfast"):
        assert rows(data, path, CORRUPT, mode=mode) == [
            ("x", 1, None, None),
            ("y", 2, '{"_c2":"more","_c3":"still"}', None),
            ("z", 3, '{"_c3":"4"}', None),
        ]
    assert rows(b"b,a\n1,x,2\n", path, **BY_NAME) == [("x", 1, '{"_c2":"2"}')]


def test_a_record_with_many_more_cells_than_others_takes_bounded_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "exact":
        monkeypatch.setattr(block_reader, "MAX_CELLS", 100)
    monkeypatch.setattr(fast_cells, "MAX_CELLS", 100)
    lines = [b"x,1"] * 50
    lines[30] = b"y,2" + b",3" * 9
    lines[40] = b'"y",2' + b",4" * 9
    found = rows(b"\n".join(lines), "auto" if path == "fast" else path, CORRUPT)
    assert [row[2] is not None for row in found] == [place in (30, 40) for place in range(50)]
    assert json.loads(found[40][2]) == {f"_c{place}": "4" for place in range(2, 11)}
    assert {row[3] for row in found} == {None}


def test_a_record_with_too_few_cells_is_malformed_as_ever(path: Path) -> None:
    data = b"x,1\ny\n"
    assert rows(data, path, CORRUPT) == [("x", 1, None, None), ("y", None, None, "y")]
    assert rows(data, path, mode="dropmalformed") == [("x", 1, None)]
    with pytest.raises(DecodeError, match="malformed"):
        rows(data, path, mode="failfast")


def test_a_bad_cell_drops_no_row_and_fails_no_read(path: Path) -> None:
    for mode in ("dropmalformed", "failfast"):
        assert rows(b"x,many\n", path, mode=mode) == [("x", None, '{"b":"many"}')]


def test_documents_have_rescued_data() -> None:
    data = b'note,a,b\n"two\nlines",x,many\n'
    [row] = rows(data, "auto", multi_line="true", **BY_NAME)
    assert (row[:2], json.loads(row[2])) == (("x", None), {"note": "two\nlines", "b": "many"})


def test_unknown_columns_leave_a_block_on_the_fast_path() -> None:
    shares = [0, 0]

    def count(fast: bool, size: int) -> None:
        shares[fast] += size

    file = MemoryFile("/in/a.csv", b"a,b,c\n" + b"x,1,new\n" * 1000)
    reading = form_of(TWO, "auto", **BY_NAME).reporting(count)
    [batch] = reading.decode(file, 0, file.size)
    assert batch["_rescued"].unique().to_pylist() == ['{"c":"new"}']
    assert shares == [0, 8000]


def test_the_column_must_be_a_string() -> None:
    with pytest.raises(DecodeError, match=r"'_rescued' takes what does not fit.*STRING"):
        form_of(pa.schema([("_rescued", pa.int32())]), "auto")
