"""`plan`: exit codes, the same words for people and programs, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import AtServer
from tests.support.tree import snapshot

pytestmark = pytest.mark.one_python

SCHEMA = ("--schema", "id BIGINT, name STRING")
PART = "part-00000-0123456789abcdef-c000.csv"


@pytest.fixture
def root(at: AtServer) -> Path:
    """The folder that the server serves, with what an overwrite would remove, and leave."""
    root: Path = at.server.root  # type: ignore[union-attr]
    (root / "out").mkdir()
    (root / "out" / PART).write_text("12345")
    (root / "out" / "theirs.csv").write_text("1")
    return root


def test_a_plan_shows_what_the_job_would_do_and_ends_with_0(at: AtServer, root: Path) -> None:
    before = snapshot(root)
    ended = at("plan", "/out", *SCHEMA, "--mode", "overwrite")
    assert snapshot(root) == before
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == f"{at.address}, path /out, mode overwrite: nothing is wrong"
    assert "Schema id BIGINT, name STRING" in lines
    at_removed = lines.index("Removes 1 file, 5 bytes")
    assert lines[at_removed + 1] == PART
    assert lines[lines.index("Stays 1 file, 1 byte") + 1] == "theirs.csv"


def test_a_plan_for_programs_has_all_of_it(at: AtServer, root: Path) -> None:
    document = at("plan", "/out", *SCHEMA, "-m", "overwrite", "--json").document
    assert document["ok"] is True
    assert document["target"]["removes"] == {"names": [PART], "bytes": 5}
    assert document["target"]["stays"]["names"] == ["theirs.csv"]
    rights = {each["right"]: each["granted"] for each in document["target"]["rights"]}
    assert rights["STAT"] is True
    assert rights["RENAME"] is None


def test_problems_end_with_1_all_of_them_at_once(at: AtServer, root: Path) -> None:
    (root / "a.csv").mkdir()
    more = ("-o", "partition_by=day", "--schema", "id INT, tags ARRAY<STRING>")
    ended = at("plan", "/a.csv", *more)
    assert ended.code == 1
    for what in ("'day', which is no column", "Column 'tags'", "A directory is where one exact"):
        assert what in ended.out
    document = at("plan", "/a.csv", *more, "--json")
    assert document.code == 1
    assert len(document.document["problems"]) == 4


def test_offline_no_server_is_asked(at: AtServer) -> None:
    logins = at.server.logins  # type: ignore[union-attr]
    ended = at("plan", "/out", *SCHEMA, "--offline", "--json")
    assert ended.code == 0
    assert ended.document["target"] is None
    assert at.server.logins == logins  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--schema", "id NIT"),
        (*SCHEMA, "--mode", "upsert"),
        (*SCHEMA, "-o", "partition_bi=x"),
        (),
    ],
)
def test_what_is_wrong_usage_ends_with_2(at: AtServer, wrong: tuple[str, ...]) -> None:
    assert at("plan", "/out", *wrong).code == 2


def test_a_first_name_that_is_taken_ends_with_1(at: AtServer, root: Path) -> None:
    (root / "out" / "x_001.csv").write_text("1")
    ended = at("plan", "/out", *SCHEMA, "-o", "file_name_template=x_{seq:03d}.csv")
    assert ended.code == 1
    assert "A file of a name that file_name_template makes exists already" in ended.out
    assert "/out/x_001.csv" in ended.out
