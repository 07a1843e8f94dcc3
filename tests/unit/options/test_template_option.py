"""Templates of file names: which make none, which make the same one twice."""

from __future__ import annotations

from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.template_option import names_part_files


def problems(template: str, **more: Any) -> list[str]:
    """Return what building the options reports."""
    given = {"host": "h", "username": "u", "password": "p", **more}
    try:
        SFTPOptions(**given, file_name_template=template)
    except OptionsError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("template", "many"), [("a.csv", False), ("{now}.csv", False), ("{seq}", True)]
)
def test_a_number_of_a_file_makes_names_of_many_files(template: str, many: bool) -> None:
    assert names_part_files(template) == many


@pytest.mark.parametrize(
    ("template", "more", "what"),
    [
        ("{partition}.csv", {"max_file_bytes": 10}, "needs {seq}"),
        ("{partition}.csv", {"files_per_partition": 2}, "needs {seq}"),
        ("{seq}_{city}.csv", {"partition_by": "country"}, "unknown field, {city}: there are count"),
        ("_{seq}.csv", {}, "readers ignore names"),
        ("a/{seq}.csv", {}, "without a slash"),
        ("{now:%Y/%m}_{seq}.csv", {}, "without a slash"),
        ("{now:%Y/%m}.csv", {}, "without a slash"),
        ("{seq:zz}.csv", {}, "cannot be filled in"),
        ("{city:05d}_{seq}.csv", {"partition_by": "city"}, "cannot be filled in"),
        ("{job}.csv", {}, "in whose name only {now} can be a field"),
        ("x_{sequence}.csv", {}, "in whose name only {now} can be a field"),
        ("{seq}", {"commit_mode": "direct"}, "which commit_mode=direct does without"),
        ("{seq}", {"if_exists": "ignore"}, "is for one exact file"),
        ("{}", {}, "must hold fields such as"),
        ("{now.year}", {}, "must hold fields such as"),
        ("{seq", {}, "must hold fields such as"),
    ],
)
def test_a_template_that_makes_no_names_is_refused(
    template: str, more: dict[str, Any], what: str
) -> None:
    (problem,) = problems(template, **more)
    assert problem.startswith(("file_name_template", "if_exists"))
    assert what in problem


@pytest.mark.parametrize(
    "field",
    [
        *("{seq:x}", "{seq:,}", "{seq:+}", "{seq:c}", "{seq:5d}", "{seq:{width}}", "{seq!r}"),
        *("{partition:>5}", "{batch:e}", "{job:>40}", "{job:.0}", "{now:{x}}", "{seq:099999d}"),
    ],
)
def test_formats_whose_names_could_not_be_recognized_are_refused(field: str) -> None:
    (problem,) = problems(f"{{seq}}_{field}.csv")
    assert "cannot be filled in" in problem or "takes fields with a format" in problem


@pytest.mark.parametrize("field", ["{seq:d}", "{partition:05}", "{batch:03d}", "{job:.8}"])
def test_other_formats_are_taken(field: str) -> None:
    assert problems(f"{{seq}}_{field}.csv") == []


def test_a_column_may_be_named_before_partition_by_is_given() -> None:
    assert problems("{seq}_{country}.csv") == []


def test_all_mistakes_of_a_template_are_reported_together() -> None:
    found = problems("{seq:x}_{job:>9}_{city}_{town}", partition_by="c", commit_mode="direct")
    assert len(found) == 5
