"""A dry run without a server: every mistake at once, by the words of the write itself."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats.given_schema import given_schema
from sftp_async.options import SFTPOptions
from sftp_async.options.problems import Problems
from sftp_async.write.commit.forecast import Files, Forecast
from sftp_async.write.plan import plan_job
from sftp_async.write.write_plan import WritePlan


def options(**more: Any) -> SFTPOptions:
    return SFTPOptions(**{"host": "h", "username": "u", "password": "p", **more})


def plan(path: str | None, schema: str, mode: str = "append", **more: Any) -> WritePlan:
    return options(**more).plan(path, schema, mode, connect=False)


COLUMNS = "id INT, tags ARRAY<STRING>, name STRING COLLATE UTF8_LCASE"
WRONG: dict[str, Any] = {
    "password": "env:NO_SUCH_VARIABLE",
    "private_key_path": "/no/such/key",
    "partition_by": "dya,name",
    "max_records_per_file": 5,
    "staging_dir": "/out",
    "footer_lines": "{rows} of {name}",
    "checksum_files": "md5",
}


def test_everything_that_needs_no_server_is_reported_at_once() -> None:
    found = plan("/out/orders.csv", COLUMNS, "overwrite", **WRONG).problems
    for what in (
        "'NO_SUCH_VARIABLE', which is not set",
        "'/no/such/key', which the driver cannot read",
        "'dya', which is no column",
        "'name' of type string collate UTF8_LCASE",
        "Column 'tags' has the type list",
        "partition_by makes directories",
        "max_records_per_file splits",
        "is the target itself",
    ):
        assert sum(what in problem for problem in found) == 1, (what, found)
    assert len(found) == 8


def test_the_problems_are_those_of_the_write() -> None:
    found = plan("/out/orders.csv", COLUMNS, "overwrite", **WRONG)
    given = options(path="/out/orders.csv", **WRONG)
    with pytest.raises(OptionsError) as caught:
        plan_job(given, given_schema(COLUMNS, Problems()), overwrite=True)
    assert list(found.problems) == caught.value.problems


def test_a_key_that_can_be_read_and_is_none_is_a_problem(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("no key")
    (problem,) = plan("/out", "a INT", password=None, private_key_path=str(key)).problems
    assert "private_key" in problem
    assert "no key" not in problem.replace("no key file", "")


def test_without_problems_the_plan_says_what_is_known_without_a_server() -> None:
    found = plan(
        "/out",
        "id INT, country STRING",
        partition_by="country",
        format="parquet",
        checksum_files="sha256",
        success_file=True,
    )
    assert found.ok
    assert found.names == (
        "country=<country>/part-00000-<job>-c000.snappy.parquet",
        "country=<country>/.part-00000-<job>-c000.snappy.parquet.sha256",
        "_SUCCESS",
    )
    assert (found.staging, found.max_connections) == ("/out/_temporary", 4)
    assert (
        found.title == "u@h:22, path /out, mode append: nothing is wrong; the server was not asked"
    )
    assert found.target is None
    assert json.loads(json.dumps(found.to_dict()))["target"] is None


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"file_name_template": "o_{job}_{seq:03d}.csv"}, "o_<job>_001.csv"),
        ({"commit_mode": "direct"}, "part-00000-<job>-<random>-c000.csv"),
    ],
)
def test_what_differs_from_job_to_job_has_a_placeholder(more: dict[str, Any], name: str) -> None:
    assert plan("/out", "a INT", **more).names == (name,)


@pytest.mark.parametrize(
    ("path", "more", "archive", "member"),
    [
        ("/out/daily.zip", {}, "zip", "daily.csv"),
        ("/out/daily.tgz", {"format": "json"}, "tar.gz", "daily.json"),
        ("/out/a.parquet.zip", {}, "zip", "a.snappy.parquet"),
        ("/out", {"archive": "tar"}, "tar", "part-00000-<job>-c000.csv"),
        ("/out", {"archive": "zip", "archive_member_template": "{a}.csv"}, "zip", "<a>.csv"),
        ("/out/daily.zip", {"archive": "none", "single_file": True}, None, None),
    ],
)
def test_an_archive_has_a_member(
    path: str, more: dict[str, Any], archive: str | None, member: str | None
) -> None:
    if "{a}" in more.get("archive_member_template", ""):
        more = {**more, "partition_by": "a"}
    found = plan(path, "a INT, b INT", **more)
    assert (found.ok, found.archive, found.member) == (True, archive, member)
    assert f"Archive      {archive}, with the member {member}" in str(found) or archive is None


def test_a_row_names_its_file() -> None:
    found = plan("/out", "path STRING, content BINARY", format="binary")
    assert "each row" in found.names[0]


def test_a_missing_target_is_a_problem_among_others() -> None:
    missing, column = plan(None, "a INT", partition_by="b").problems
    assert "path is missing" in missing
    assert "'b', which is no column" in column


def test_text_and_html_hold_every_problem_and_no_markup_of_others() -> None:
    found = plan("/out/<b>", "`<i>` INT, t ARRAY<INT>", staging_dir="/out/<b>")
    assert len(found.problems) == 2
    html = found._repr_html_()
    assert "<i>" not in html
    assert "<b>&" not in html
    assert "/out/&lt;b&gt;" in html
    for problem in found.problems:
        assert problem in str(found)
    assert str(found).splitlines()[0].endswith("mode append: 2 problems")


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("ignore", "mode=ignore is a save mode that Spark offers to no Python data source: set"),
        ("upsert", "mode=upsert is not known: set append"),
        (5, "mode=5 is not known"),
        (None, "mode=None is not known"),
    ],
)
def test_a_mode_that_is_none_is_a_mistake_of_the_caller(mode: str, why: str) -> None:
    with pytest.raises(OptionsError, match=why):
        plan("/out", "a INT", mode)


class NeedsMore:
    """Has a method of the name that a `StructType` has, as its class has."""

    def json(self, more: object) -> str:
        raise AssertionError


@pytest.mark.parametrize(
    ("path", "schema", "why"),
    [
        (5, "id INT", "path must be text, not int"),
        (b"/out", "id INT", "path must be text, not bytes"),
        ([], "id INT", "path must be text, not list"),
        ("/out", 5, "schema must be"),
        ("/out", None, "schema must be"),
        ("/out", b"id INT", "schema must be"),
        ("/out", NeedsMore(), "schema must be"),
        ("/out", {"fields": [5]}, "schema is no JSON"),
        ("/out", {"fields": [{"name": "a", "type": "integer", "x": b""}]}, "schema is no JSON"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_a_mistake_of_the_caller(
    path: Any, schema: Any, why: str
) -> None:
    with pytest.raises(OptionsError, match=why):
        plan(path, schema)


def test_a_path_may_be_a_path_of_python_s() -> None:
    assert plan(Path("/out"), "id INT").path == "/out"  # type: ignore[arg-type]


def test_the_documents_list_what_to_dict_has() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "plan-a-job.md"
    table = re.search(r"(?ms)^\| key \|.*?(?=^$)", page.read_text(encoding="utf-8"))
    assert table is not None
    first = (line.split("|")[1] for line in table[0].splitlines()[2:])
    documented = [name for cell in first for name in re.findall("`(.+?)`", cell)]
    empty: dict[str, Any] = {field.name: () for field in dataclasses.fields(Forecast)}
    empty |= dict.fromkeys(("replaces", "removes", "removes_sidecars", "stays"), Files())
    shown = dataclasses.replace(plan("/out", "id INT"), target=Forecast(**empty)).to_dict()
    keys = [*shown, *(f"target.{name}" for name in shown["target"])]
    assert sorted(documented) == sorted(keys)
