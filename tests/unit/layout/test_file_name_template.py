"""Names by a template: how they are filled in, and which an overwrite recognizes."""

from __future__ import annotations

from datetime import datetime

import pytest

from sftp_async.layout.file_name_template import FileNames

NOON = datetime(2026, 11, 23, 12)


def names(template: str, *columns: str) -> FileNames:
    return FileNames(template, NOON, "0123456789abcdef", columns)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("a_{seq:05d}.csv", "a_00007.csv"),
        ("a-{partition}-{seq}.csv", "a-3-7.csv"),
        ("{now:%Y%m%dT%H}_{seq}.csv", "20261123T12_7.csv"),
        ("{job}-{seq}", "0123456789abcdef-7"),
        ("{batch:03d}.{seq}", "012.7"),
        ("{{{seq}}}.csv", "{7}.csv"),
    ],
)
def test_a_name_is_filled_in(template: str, name: str) -> None:
    assert names(template).render(3, 7, "", "12") == name
    assert names(template).matches(name)


def test_columns_are_filled_in_as_their_directory_shows_them() -> None:
    given = names("{country}-{day}-{seq}.csv", "country", "day")
    assert given.render(0, 1, "country=D%2FE/day=2026-11-23", "") == "D%2FE-2026-11-23-1.csv"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("20261123_00001.csv", True),
        ("20261123_123456.csv", True),
        ("20261122_00001.csv", False),
        ("20261123_1a.csv", False),
        ("20261123_00001.csv.bak", False),
        ("x20261123_00001.csv", False),
        ("20261123_٣.csv", False),
    ],
)
def test_names_that_differ_in_their_numbers_alone_are_recognized(name: str, known: bool) -> None:
    assert names("{now:%Y%m%d}_{seq:05d}.csv").matches(name) == known


@pytest.mark.parametrize("field", ["{seq:d}", "{partition:05}", "{batch:03d}", "{job:.8}"])
def test_names_with_formats_of_numbers_are_recognized(field: str) -> None:
    given = names(f"{{seq}}_{field}.csv")
    assert given.matches(given.render(123, 1, "", "4567"))


@pytest.mark.parametrize(
    ("name", "directory", "known"),
    [
        ("1-2_3.csv", "a=1/b=2", True),
        ("1-2_3.csv", "A=1/b=2", True),
        ("1-2_3.csv", "a=1/b=3", False),
        ("1-2_3.csv", "a=1", False),
        ("1-2_3.csv", "", False),
        ("D%2FE-x.y_3.csv", "a=D%2FE/b=x.y", True),
        ("D%2FE-xzy_3.csv", "a=D%2FE/b=x.y", False),
    ],
)
def test_values_are_those_of_the_directory(name: str, directory: str, known: bool) -> None:
    assert names("{a}-{b}_{seq}.csv", "a", "b").matches(name, directory) == known


@pytest.mark.parametrize("directory", ["", "c=1", "c=1/d=2"])
def test_names_without_columns_are_known_in_any_directory(directory: str) -> None:
    assert names("o_{seq}.csv", "c", "d").matches("o_1.csv", directory)
