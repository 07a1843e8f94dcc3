from __future__ import annotations

from typing import ClassVar

import pytest

from sftp_async.formats.csv.header import safe_names
from sftp_async.formats.csv.read_dialect import ReadDialect


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
    names = safe_names(list(cells), ReadDialect(), header=True, case_sensitive=case_sensitive)
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
    assert safe_names(cells, dialect, header=True, case_sensitive=case_sensitive) == names
