"""Accounts with few rights: jobs that do without a right, and those that are refused in time."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from sftp_async.errors import AcknowledgedDataLostError, CommitError, OptionsError
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer
from tests.support.container import ContainerServer
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.sshd import SSHD

pytestmark = [pytest.mark.usefixtures("home", "runtime"), pytest.mark.one_python]

Start = Callable[..., SSHD]


@pytest.fixture
def refusing(start_sshd: Start) -> Callable[[str], SSHD]:
    """Start an sshd that refuses some types of requests."""
    return lambda types: start_sshd(ForceCommand=f"internal-sftp -P {types}")


def refused(server: SSHD, path: Path, **options: Any) -> str:
    """Prepare a job that must be refused; nothing may be left."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(CommitError) as caught:
        real_job(server.options(), str(path), **options).prepare()
    assert sorted(path.parent.rglob("*")) == before
    return str(caught.value)


# REMOVE


def test_without_remove_appends_succeed_and_their_leftovers_are_named(
    refusing: Callable[[str], SSHD], out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = refusing("remove")
    for number in range(3):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "sftp_async"):
            write(server.options(), str(out), [f"{number}"])
        assert any("refuses to remove files" in message for message in caplog.messages)
        assert not any("interrupted" in message for message in caplog.messages)
    assert lines_in(out) == ["0", "1", "2"]


def test_what_a_job_without_remove_leaves_is_no_obstacle_to_one_that_may_remove(
    refusing: Callable[[str], SSHD], sshd: SSHD, out: Path
) -> None:
    write(refusing("remove").options(), str(out), ["a"])
    for path in (out / "_temporary").iterdir():
        os.utime(path, (1_000_000, 1_000_000))  # long ago, so that it is swept
    write(sshd.options(), str(out), ["b"])
    assert lines_in(out) == ["a", "b"]
    assert not (out / "_temporary").exists()


def test_without_remove_a_job_that_fails_is_rolled_back_and_blocks_none(
    refusing: Callable[[str], SSHD], out: Path
) -> None:
    server = refusing("remove")
    job = real_job(server.options(), str(out)).prepare()
    parts = upload(job, ["a"], ["b"])
    (out / "_temporary" / job.layout.job_id / parts[1].staged).unlink()
    with pytest.raises(CommitError, match="vanished"):
        job.commit(parts)
    job.abort()
    assert lines_in(out) == []
    write(server.options(), str(out), ["c"])
    assert lines_in(out) == ["c"]


# MKDIR


def test_without_mkdir_a_job_is_refused_with_the_way_to_do_without_it(
    refusing: Callable[[str], SSHD], remote_dir: Path, out: Path, tmp_path: Path
) -> None:
    server = refusing("mkdir")
    staging = remote_dir / "staging"
    for directory in (out, staging):
        directory.mkdir()
    text = refused(server, out, create_dirs=False, staging_dir=str(staging))
    assert "the server refuses MKDIR" in text
    assert "commit_mode=direct" in text
    given = ("-o", "create_dirs=false", "-o", f"staging_dir={staging}")
    found = AtServer(server, tmp_path)("doctor", out, "--json", *given)
    rights = next(step for step in found.document["steps"] if step["name"] == "Rights")
    assert found.code == 1
    assert "the server refuses MKDIR" in rights["detail"]


def test_without_mkdir_a_direct_job_works_with_a_staging_directory_that_exists(
    refusing: Callable[[str], SSHD], remote_dir: Path, out: Path, tmp_path: Path
) -> None:
    server = refusing("mkdir")
    staging = remote_dir / "staging"
    for directory in (out, staging):
        directory.mkdir()
    given = {"create_dirs": False, "staging_dir": str(staging), "commit_mode": "direct"}
    for number in range(3):
        write(server.options(), str(out), [f"{number}"], **given)
    assert lines_in(out) == ["0", "1", "2"]
    job = real_job(server.options(), str(out), **given).prepare()
    upload(job, ["lost"])
    job.abort()
    assert lines_in(out) == ["0", "1", "2"]
    assert list(staging.iterdir()) == []
    options = ("create_dirs=false", f"staging_dir={staging}", "commit_mode=direct")
    ended = AtServer(server, tmp_path)("doctor", out, *(a for o in options for a in ("-o", o)))
    assert ended.code == 0
    assert "A job can write there" in ended.out
    assert list(staging.iterdir()) == []


# Lists


def test_without_opendir_an_exact_file_is_replaced(
    refusing: Callable[[str], SSHD], out: Path
) -> None:
    server = refusing("opendir")
    for text in ("a", "b", "c"):
        write(server.options(), f"{out}/all.txt", [text], ["end"], overwrite=True)
        assert (out / "all.txt").read_text() == f"{text}\nend\n"
        assert [path.name for path in out.iterdir()] == ["all.txt"]


def test_an_exact_file_is_replaced_in_a_drop_box(container_server: ContainerServer) -> None:
    box = container_server.make_dir()
    container_server.execute("chown", "root", box)
    container_server.execute("chmod", "0733", box)
    for text in ("a", "b", "c"):
        write(container_server.options(), f"{box}/all.txt", [text], overwrite=True)
        assert container_server.read(f"{box}/all.txt") == f"{text}\n".encode()
    assert container_server.names(box) == ["all.txt"]


def test_what_an_interrupted_job_left_does_not_stop_an_append_that_may_not_list(
    refusing: Callable[[str], SSHD], out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (out / "_temporary" / ("a" * 32)).mkdir(parents=True)
    with caplog.at_level(logging.WARNING, "sftp_async"):
        write(refusing("opendir").options(), str(out), ["a"])
    assert lines_in(out) == ["a"]
    assert any("interrupted jobs are not ended" in message for message in caplog.messages)


# STAT, RENAME


@pytest.mark.parametrize(
    ("types", "named", "remedy"),
    [
        ("stat,lstat,fstat", "STAT", "operator"),
        ("lstat", "LSTAT", "operator"),
        ("read", "READ", "operator"),
        ("rename,posix-rename", "RENAME", "commit_mode=direct"),
    ],
)
def test_a_missing_right_is_named_before_the_upload_with_the_way_to_do_without(
    refusing: Callable[[str], SSHD], out: Path, types: str, named: str, remedy: str
) -> None:
    out.mkdir()
    server = refusing(types)
    for _ in range(3):
        text = refused(server, out)
        assert f"the server refuses {named}, " in text
        assert remedy in text


def test_without_rename_a_direct_job_works(refusing: Callable[[str], SSHD], out: Path) -> None:
    server = refusing("rename,posix-rename")
    for number in range(3):
        write(server.options(), str(out), [f"{number}"], commit_mode="direct")
    assert lines_in(out) == ["0", "1", "2"]


# Servers that take files away


class TakingServer(FolderServer):
    """Moves each file of `/out` to `/delivered` as soon as it is closed, as some gateways do."""

    def close(self, file_obj: object) -> None:
        path = os.fsdecode(cast(Any, file_obj).name)
        super().close(file_obj)
        directory = Path(path).parent
        if directory.name == "out" and Path(path).exists():
            taken = directory.parent / "delivered" / f"{len(self.delivered(directory)):03d}.txt"
            taken.parent.mkdir(exist_ok=True)
            shutil.move(path, taken)

    @staticmethod
    def delivered(directory: Path) -> list[Path]:
        return list((directory.parent / "delivered").glob("*"))


@pytest.mark.parametrize("path", ["/out", "/out/all.txt"])
def test_verify_none_suits_a_server_that_takes_files_away(tmp_path: Path, path: str) -> None:
    given: dict[str, Any] = {"commit_mode": "direct", "verify": "none", "staging_dir": "/staging"}
    with EmbeddedServer(tmp_path / "served", sftp_factory=TakingServer) as server:
        for number in range(3):
            write(server.options(), path, [f"{number}"], ["end"], **given)
        delivered = lines_in(server.root / "delivered")
    assert delivered == ["0", "1", "2", "end", "end", "end"]


def test_without_verify_none_the_error_says_what_may_have_happened(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=TakingServer) as server:
        job = real_job(
            server.options(), "/out", commit_mode="direct", staging_dir="/staging"
        ).prepare()
        with pytest.raises(AcknowledgedDataLostError) as caught:
            upload(job, ["a"])
        job.abort()
    assert "may have been delivered" in str(caught.value)
    assert "verify=none" in str(caught.value)


def test_verify_none_is_refused_where_files_are_renamed(sshd: SSHD, out: Path) -> None:
    with pytest.raises(OptionsError, match="verify=none is for servers that take files away"):
        real_job(sshd.options(), str(out), verify="none")
