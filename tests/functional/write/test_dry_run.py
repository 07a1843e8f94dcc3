"""A dry run against real servers: it changes nothing, and what it says is what the job does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import CommitError
from sftp_async.layout.claim_names import ClaimToken, claim_directory
from sftp_async.layout.target_paths import STAGING
from sftp_async.options import SFTPOptions
from sftp_async.progress.summary import WriteSummary
from sftp_async.remote.read_only import ReadOnly
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.commit.rights import Right
from sftp_async.write.plan import plan_job
from sftp_async.write.write_plan import WritePlan
from tests.support.foreign_files import interrupted
from tests.support.jobs import real_job
from tests.support.memory_server import MemoryServer
from tests.support.sshd import SSHD
from tests.support.tree import snapshot

#: Two columns, one of which may become directories.
COLUMNS = pa.schema([("line", pa.string()), ("day", pa.string())])


class Target:
    """A directory on a server, as the server and as this machine sees it."""

    def __init__(self, options: dict[str, Any], path: str, local: Path) -> None:
        self.options = options
        self.path = path
        self.local = local

    def given(self, name: str = "", **more: Any) -> SFTPOptions:
        path = f"{self.path}/{name}".removesuffix("/")
        return SFTPOptions(**{**self.options, "format": "csv", "path": path, **more})

    def plan(self, name: str = "", mode: str = "overwrite", **more: Any) -> WritePlan:
        """Plan, and ensure that nothing has changed."""
        before = snapshot(self.local)
        found = self.given(name, **more).plan(None, COLUMNS, mode)
        assert snapshot(self.local) == before
        return found

    def write(
        self, name: str = "", *rows: dict[str, str], mode: str = "overwrite", **more: Any
    ) -> WriteSummary:
        """Do the job, of a task for each row; return its summary."""
        job = plan_job(self.given(name, **more), COLUMNS, overwrite=mode == "overwrite").prepare()
        done = [
            job.write(number, [pa.RecordBatch.from_pylist([row], COLUMNS)])
            for number, row in enumerate(rows)
        ]
        return job.commit([part for parts, _ in done for part in parts], [m for _, m in done])

    def files(self) -> dict[str, int]:
        """Return inodes of all files by name: a replaced file has another one."""
        return {
            str(path.relative_to(self.local)): path.stat().st_ino
            for path in self.local.rglob("*")
            if path.is_file()
        }


@pytest.fixture(params=["embedded", "sshd"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "embedded":
        server: EmbeddedServer = request.getfixturevalue("embedded_server")
        (server.root / "out").mkdir()
        yield Target(server.options(), "/out", server.root / "out")
        return
    sshd: SSHD = request.getfixturevalue("sshd")
    directory: Path = request.getfixturevalue("remote_dir")
    yield Target(sshd.options(), str(directory), directory)


ROW = {"line": "new", "day": "mon"}
OTHER = {"line": "other", "day": "tue"}
BOTH = (ROW, OTHER)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("", {}),
        ("", {"overwrite_scope": "directory", "success_file": True, "manifest": True}),
        ("", {"checksum_files": "sha256", "done_file_template": "{name}.done"}),
        ("", {"file_name_template": "o_{job}_{seq}.csv"}),
        ("", {"partition_by": "day", "partition_overwrite_mode": "static"}),
        ("orders.csv", {"checksum_files": "md5", "done_file_template": "{stem}.ok"}),
        ("", {"commit_mode": "direct"}),
    ],
    ids=["parts", "scope", "sidecars", "template", "partitions", "exact", "direct"],
)
def test_what_a_plan_removes_and_replaces_is_what_the_job_does(
    target: Target, name: str, more: dict[str, Any]
) -> None:
    target.write(name, *BOTH, mode="append", **more)
    (target.local / "theirs.csv").write_text("foreign")
    plan = target.plan(name, **more)
    assert plan.problems == ()
    found = plan.target
    assert found is not None
    before, sizes = target.files(), {p: p.stat().st_size for p in target.local.rglob("*.*")}
    summary = target.write(name, ROW, **more)
    after = target.files()
    gone = {each for each in before if each not in after}
    replaced = {each for each in before if after.get(each, before[each]) != before[each]}
    stated = {*found.replaces.names, *found.removes.names, *found.removes_sidecars.names}
    assert stated == gone | replaced
    assert len(found.removes.names) == summary.files_removed
    assert len(found.replaces.names) == summary.files_replaced
    assert found.removes.bytes == sum(sizes[target.local / each] for each in found.removes.names)
    if found.stays is not None and more.get("overwrite_scope") != "directory":
        assert "theirs.csv" in found.stays.names
    assert {*(found.stays.names if found.stays else ())} <= after.keys()


def test_a_dynamic_overwrite_removes_no_more_than_the_plan_says(target: Target) -> None:
    more = {"partition_by": "day", "partition_overwrite_mode": "dynamic"}
    target.write("", *BOTH, **more)
    found = target.plan("", **more).target
    assert found is not None
    assert found.at_most
    assert len(found.removes.names) == 2
    before = target.files()
    summary = target.write("", ROW, **more)
    assert summary.files_removed == 1
    assert before.keys() - target.files().keys() < {*found.removes.names}


def test_names_that_a_template_gives_again_are_replaced(target: Target) -> None:
    more = {"file_name_template": "o_{seq}.csv"}
    target.write("", *BOTH, **more)
    found = target.plan("", **more).target
    assert found is not None
    assert found.removes.names == ("o_1.csv", "o_2.csv")
    summary = target.write("", ROW, **more)
    assert (summary.files_replaced, summary.files_removed) == (1, 1)


def test_an_append_removes_nothing_and_warns_of_names_that_are_taken(target: Target) -> None:
    (target.local / "o_7.csv").write_text("theirs")
    plan = target.plan("", "append", file_name_template="o_{seq}.csv")
    assert plan.ok
    assert plan.target is not None
    assert plan.target.removes.names == ()
    assert plan.target.stays is not None
    assert plan.target.stays.names == ("o_7.csv",)
    assert any("o_7.csv" in note and "if_exists=fail" in note for note in plan.target.notes)


def test_a_free_name_is_the_one_that_the_job_gives(target: Target) -> None:
    more = {"if_exists": "rename"}
    target.write("a.csv", ROW, mode="append")
    plan = target.plan("a.csv", "append", **more)
    assert plan.target is not None
    assert plan.target.names == ("a-1.csv",)
    done = target.write("a.csv", ROW, mode="append", **more)
    assert {*target.files()} == {"a.csv", "a-1.csv"}
    assert done.target == f"{target.path}/a-1.csv".removeprefix("./")
    named = {"file_name_template": "b_{seq}.csv", "if_exists": "rename", "checksum_files": "md5"}
    (target.local / "b_1.csv").write_text("theirs")
    found = target.plan("", "append", **named).target
    assert found is not None
    assert found.names == ("b_1-1.csv", "b_1-1.csv.md5")


@pytest.mark.parametrize("case", ["taken", "directory", "sidecar"])
def test_a_first_name_that_is_taken_is_the_problem_that_the_job_has(
    target: Target, case: str
) -> None:
    (target.local / "o_001.csv").write_text("theirs")
    (target.local / "d_1.csv").mkdir()
    (target.local / "s_1.csv.md5").mkdir()
    more = {"file_name_template": "o_{seq:03d}.csv"}
    mode = "append"
    if case == "directory":
        mode, more = "overwrite", {"file_name_template": "d_{seq}.csv"}
    elif case == "sidecar":
        more = {"file_name_template": "s_{seq}.csv", "checksum_files": "md5"}
    (problem,) = target.plan("", mode, **more).problems
    with pytest.raises(CommitError) as caught:
        target.write("", ROW, mode=mode, **more)
    assert str(caught.value) == problem


def test_what_fails_for_rows_alone_is_a_problem_that_says_so(target: Target) -> None:
    (target.local / "o_1.csv").write_text("theirs")
    more = {"file_name_template": "o_{seq}.csv", "write_empty": False}
    plan = target.plan("", "append", **more)
    assert not plan.ok
    assert plan.problems[0].startswith("The job fails as soon as there is a row: ")
    assert target.write("", mode="append", **more).files == 0


def test_a_name_of_a_partition_that_may_have_no_rows_is_a_note(target: Target) -> None:
    (target.local / "o_0.csv").write_text("theirs")
    plan = target.plan("", "append", file_name_template="o_{partition}.csv")
    assert plan.ok
    assert plan.target is not None
    assert plan.target.notes[0].startswith("1 file in the target may have a name")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"if_exists": "ignore"}, "the file is there already"),
        ({"job_key": "k", "if_exists": "replace"}, "job_key was committed before"),
    ],
)
def test_a_job_that_would_change_nothing_says_so(
    target: Target, more: dict[str, Any], why: str
) -> None:
    target.write("a.csv", ROW, mode="append", **more)
    plan = target.plan("a.csv", "append", **more)
    assert plan.ok
    assert plan.target is not None
    assert why in (plan.target.nothing_to_do or "")
    before = snapshot(target.local)
    assert target.write("a.csv", ROW, mode="append", **more).files == 0
    assert snapshot(target.local).keys() == before.keys()


@pytest.mark.parametrize("case", ["file", "above", "taken", "directory", "missing", "unknown"])
def test_a_job_that_would_fail_fails_with_the_problem_of_its_plan(
    target: Target, case: str
) -> None:
    (target.local / "file").write_text("a file")
    (target.local / "a.csv").mkdir()
    (target.local / "o_1.csv").write_text("theirs")
    name, mode, more = {
        "file": ("file", "append", {}),
        "above": ("file/below/it", "append", {}),
        "taken": ("o_1.csv", "append", {}),
        "directory": ("a.csv", "overwrite", {}),
        "missing": ("no/such", "append", {"create_dirs": False}),
        "unknown": ("", "overwrite", {"file_name_template": "o_{seq}.csv"}),
    }[case]
    (problem,) = target.plan(name, mode, **more).problems
    with pytest.raises(CommitError) as caught:
        target.write(name, ROW, mode=mode, **more)
    assert str(caught.value) == problem


def test_mistakes_of_columns_and_of_the_target_are_reported_together(target: Target) -> None:
    (target.local / "file").write_text("a file")
    given = target.given("file", single_file=False)
    columns, place = given.plan(None, "a ARRAY<INT>", "overwrite").problems
    assert "Column 'a' has the type list" in columns
    assert "A file is where a directory should be" in place


def test_what_other_jobs_left_and_do_is_shown(sshd: SSHD, remote_dir: Path) -> None:
    target = Target(sshd.options(), str(remote_dir), remote_dir)
    killed = interrupted(sshd, remote_dir)
    running = real_job(sshd.options(), str(remote_dir)).prepare()
    # It has completed the commit of the one that was killed.
    killed = interrupted(sshd, remote_dir)
    plan = target.plan()
    found = plan.target
    assert found is not None
    (action,) = found.recovers
    assert (action.end, action.intent.paths.job_id) == ("complete", killed.layout.job_id)
    assert found.unfinished == (running.layout.job_id,)
    assert f"job {killed.layout.tag}, 2 files, 4 bytes: make its files visible" in str(plan)
    document = json.loads(json.dumps(plan.to_dict()))["target"]
    assert document["recovers"][0]["job_id"] == killed.layout.job_id
    running.abort()


def test_a_job_that_holds_the_same_names_is_shown(sshd: SSHD, remote_dir: Path) -> None:
    target = Target(sshd.options(), str(remote_dir), remote_dir)
    job = real_job(sshd.options(), f"{remote_dir}/a.csv", overwrite=True).prepare()
    token = ClaimToken.new(job.layout.paths)
    claims = remote_dir / STAGING / claim_directory(job.layout.paths, "a.csv")
    (claims / token.name).mkdir(parents=True)
    found = target.plan("a.csv").target
    assert found is not None
    assert found.claims == (job.layout.job_id,)
    assert target.plan("b.csv").target.claims == ()  # type: ignore[union-attr]


def test_a_server_that_is_not_there_is_a_problem_next_to_others() -> None:
    given = SFTPOptions(host="127.0.0.1", port=9, username="u", password="p", max_retries=0)
    column, server = given.plan("/out", "a ARRAY<INT>").problems
    assert "Column 'a'" in column
    assert "127.0.0.1" in server


def test_a_refused_listing_is_the_problem_that_the_job_has(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    sshd = start_sshd(Subsystem="sftp internal-sftp -P opendir")
    target = Target(sshd.options(), str(remote_dir), remote_dir)
    plan = target.plan()
    assert plan.target is not None
    assert [need.right for need in plan.target.needs if need.granted is False] == [Right.LIST]
    (problem,) = plan.problems
    with pytest.raises(CommitError) as caught:
        target.write("", ROW)
    refused = "the server refuses OPENDIR and READDIR, which the job needs to find the files"
    assert refused in problem
    assert refused in str(caught.value)
    append = target.plan("orders.csv", "append")
    assert append.ok
    assert any("cannot be listed" in note for note in append.target.notes)  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_a_request_that_would_change_the_server_is_not_sent() -> None:
    server = MemoryServer()
    server.put("/out/a", b"x")
    looks = ReadOnly(server.connect())
    with pytest.raises(PermissionError, match="about to remove '/out/a'"):
        await looks.remove("/out/a")
    with pytest.raises(PermissionError, match="create the directory"):
        await looks.makedirs("/out/b")
    with pytest.raises(PermissionError, match="create '/out/b'"):
        await looks.write_file("/out/b", b"")
    assert await looks.exists("/out/a")
