from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pytest

from sftp_async.formats.csv import decoder
from sftp_async.formats.csv.header import safe_names
from sftp_async.formats.csv.read_dialect import ReadDialect
from tests.support.readable import MemoryFile, decode_file, read_options


class _Name(str):
    """Counts how often names are compared."""

    __slots__ = ()
    compared: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        _Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def lower(self) -> str:
        return _Name(str.lower(self))


@pytest.mark.parametrize("case_sensitive", [True, False])
def test_finding_names_that_are_there_twice_takes_linear_time(
    monkeypatch: pytest.MonkeyPatch, case_sensitive: bool
) -> None:
    monkeypatch.setattr(_Name, "compared", 0)
    count = 1000
    cells = [_Name(f"c{index}") for index in range(count)]
    names = safe_names(
        list(cells), ReadDialect().null_value, header=True, case_sensitive=case_sensitive
    )
    assert _Name.compared < 10 * count
    assert list(map(str, names)) == list(map(str, cells))


@pytest.mark.parametrize(
    ("case_sensitive", "names"),
    [
        (True, ["a0", "A", "a2", "_c3", "_c4", "_c5", "b"]),
        (False, ["a0", "A1", "a2", "_c3", "_c4", "_c5", "b"]),
    ],
)
def test_names_are_made_unique_as_spark_does(case_sensitive: bool, names: list[str]) -> None:
    cells = ["a", "A", "a", "", None, "N", "b"]
    dialect = ReadDialect(null_value="N")
    assert (
        safe_names(cells, dialect.null_value, header=True, case_sensitive=case_sensitive) == names
    )


@pytest.mark.parametrize(
    "data", [b"b,a\n1,x\n2,y\n3,z\n", b"#one\r\n \r\n#two\r\nb,a\r\n1,x\r\n2,y\r\n"]
)
@pytest.mark.parametrize("more", [{}, {"rescued_data_column": "_rescued"}])
def test_tasks_of_other_ranges_find_the_header_of_a_file(
    data: bytes, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "_HEADER", 3)
    names = {"header": "true", "match_columns": "name", "comment": "#"}
    options = read_options(format="csv", **names, **more)
    schema = pa.schema([("a", pa.string()), ("b", pa.int32())])
    for name in more.values():
        schema = schema.append(pa.field(name, pa.string()))
    file = MemoryFile("/in/a.csv", data)
    whole = decode_file(file, options, schema)
    assert whole["b"].to_pylist() == [1, 2, 3][: len(whole)]
    for cut in range(1, len(data)):
        for other in {cut + 1, cut + 4, len(data) - 1}:
            cuts = (cut, other) if cut < other < len(data) else (cut,)
            assert decode_file(file, options, schema, cuts) == whole, cuts
