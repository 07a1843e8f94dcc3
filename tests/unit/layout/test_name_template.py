"""Names by a template: what they say, which are known again, which could be the same."""

from __future__ import annotations

from datetime import datetime

import pytest

from sftp_async.errors import OptionsError
from sftp_async.layout.name_template import FileNames, is_of_many

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
def test_names_that_differ_in_their_numbers_alone_are_known_again(name: str, known: bool) -> None:
    assert names("{now:%Y%m%d}_{seq:05d}.csv").matches(name) == known


@pytest.mark.parametrize(
    ("template", "many"), [("a.csv", False), ("{now}.csv", False), ("{seq}", True)]
)
def test_a_number_in_it_tells_names_of_many_files(template: str, many: bool) -> None:
    assert is_of_many(template) == many


@pytest.mark.parametrize(
    ("template", "given", "message"),
    [
        ("{partition}.csv", {"rolls": True}, "needs {seq}"),
        ("{seq}.csv", {"stream": True}, "needs {batch} or {job}"),
        ("{seq}_{batch}.csv", {}, "unknown field, {batch}"),
        ("{seq}_{city}.csv", {}, "unknown field, {city}"),
        ("_{seq}.csv", {}, "readers ignore names"),
        ("{now:%Y/%m}_{seq}.csv", {}, "without a slash"),
        ("{seq:zz}.csv", {}, "cannot be filled in"),
    ],
)
def test_names_that_could_be_the_same_or_none_are_refused(
    template: str, given: dict[str, bool], message: str
) -> None:
    with pytest.raises(OptionsError) as caught:
        names(template).check(**{"stream": False, "appends": True, "rolls": False, **given})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "field",
    [
        *("{seq:x}", "{seq:,}", "{seq:+}", "{seq:c}", "{seq:5d}", "{seq:{width}}", "{seq!r}"),
        *("{partition:>5}", "{batch:e}", "{job:>40}", "{job:.0}", "{now:{x}}", "{seq:099999d}"),
    ],
)
def test_formats_that_could_not_be_known_again_are_refused(field: str) -> None:
    with pytest.raises(OptionsError, match=r"cannot be filled in|takes fields with a format"):
        names(f"{{seq}}_{field}.csv").check(stream=True, appends=False, rolls=False)


@pytest.mark.parametrize("field", ["{seq:d}", "{partition:05}", "{batch:03d}", "{job:.8}"])
def test_other_formats_are_taken_and_known_again(field: str) -> None:
    given = names(f"{{seq}}_{field}.csv")
    given.check(stream=True, appends=False, rolls=False)
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


def test_a_stream_that_replaces_may_use_the_same_names_again() -> None:
    names("{seq}.csv").check(stream=True, appends=False, rolls=True)


@pytest.mark.parametrize("directory", ["", "c=1", "c=1/d=2"])
def test_names_without_columns_are_known_in_any_directory(directory: str) -> None:
    assert names("o_{seq}.csv", "c", "d").matches("o_1.csv", directory)
