"""Links in a target on OpenSSH: a job replaces or refuses them, and writes nothing behind them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import CommitError
from sftp_async.layout.job_layout import Layout
from tests.support.foreign_files import PART, ForeignDirectory, interrupted, names
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.sshd import SSHD


@pytest.mark.parametrize("scope", ["own", "directory"])
def test_an_overwrite_removes_links_and_nothing_behind_them(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, scope: str
) -> None:
    ours = [PART.replace("00000", f"0000{number}") for number in range(3)]
    for name, behind in zip(ours, ("kept.csv", "sub", "nothing"), strict=True):
        (remote_dir / name).symlink_to(outside.path / behind)
    (remote_dir / "data.csv").symlink_to(outside.path / "kept.csv")
    write(sshd.options(), str(remote_dir), ["new"], overwrite=True, overwrite_scope=scope)
    left = {path.name for path in remote_dir.iterdir()}
    assert left.isdisjoint(ours)
    assert ("data.csv" in left) == (scope == "own")
    assert outside.untouched()


@pytest.mark.parametrize("overwrite", [False, True], ids=["append", "overwrite"])
@pytest.mark.parametrize("behind", ["kept.csv", "nothing"])
@pytest.mark.parametrize(
    ("path", "name", "options"),
    [
        ("", "_SUCCESS", {"success_file": True}),
        ("", "_manifest.json", {"manifest": True}),
        ("", "_manifest.json", {"manifest": True, "commit_mode": "direct"}),
        ("all.txt", "all.txt.sha256", {"checksum_files": "sha256"}),
    ],
)
def test_a_sidecar_or_marker_file_is_not_written_through_a_link(
    sshd: SSHD,
    remote_dir: Path,
    outside: ForeignDirectory,
    behind: str,
    overwrite: bool,
    path: str,
    name: str,
    options: dict[str, Any],
) -> None:
    link = remote_dir / name
    link.symlink_to(outside.path / behind)
    write(sshd.options(), str(remote_dir / path), ["new"], overwrite=overwrite, **options)
    assert outside.untouched()
    assert link.is_file()
    assert not link.is_symlink()


@pytest.mark.parametrize("behind", ["kept.csv", "nothing"])
def test_a_draft_is_not_written_through_a_link_that_waits_for_it(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, behind: str
) -> None:
    # With a key, the names are the same for all attempts, and any program can work them out.
    settings = {**sshd.options(), "path": str(remote_dir), "job_key": "today"}
    document = Layout.new(SFTPOptions(**settings), "txt").paths.document_id
    link = remote_dir / "_temporary" / f"{document}.draft"
    link.parent.mkdir()
    link.symlink_to(outside.path / behind)
    write(sshd.options(), str(remote_dir), ["new"], job_key="today", manifest=True)
    assert outside.untouched()
    assert json.loads((remote_dir / "_manifest.json").read_text())["job_key"] == "today"
    assert not (remote_dir / "_manifest.json").is_symlink()


@pytest.mark.parametrize("mode", ["rename", "direct"])
@pytest.mark.parametrize("behind", ["kept.csv", "sub", "nothing"])
def test_an_exact_file_that_is_a_link_is_refused_before_the_upload(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, behind: str, mode: str
) -> None:
    target = remote_dir / "all.txt"
    target.symlink_to(outside.path / behind)
    job = real_job(sshd.options(), str(target), overwrite=True, commit_mode=mode)
    with pytest.raises(CommitError, match="A symbolic link is where one exact file"):
        job.prepare()
    assert target.is_symlink()
    assert {path.name for path in remote_dir.iterdir()} == {"all.txt"}
    assert outside.untouched()


@pytest.mark.parametrize("mode", ["rename", "direct"])
@pytest.mark.parametrize("posix_rename", [True, False])
def test_nothing_is_written_through_a_link_that_appears_during_the_upload(
    start_sshd: Callable[..., SSHD],
    remote_dir: Path,
    outside: ForeignDirectory,
    posix_rename: bool,
    mode: str,
) -> None:
    more = {} if posix_rename else {"Subsystem": "sftp internal-sftp -P posix-rename"}
    target = remote_dir / "all.txt"
    server = start_sshd(**more).options()
    job = real_job(server, str(target), overwrite=True, commit_mode=mode).prepare()
    parts = upload(job, ["a"], ["b"])
    target.symlink_to(outside.path / "kept.csv")
    with pytest.raises(CommitError, match="A symbolic link is where one exact file"):
        job.commit(parts)
    job.abort()
    assert {path.name for path in remote_dir.iterdir()} == {"all.txt"}
    assert outside.untouched()


@pytest.mark.parametrize("mode", ["rename", "direct"])
def test_nothing_is_appended_through_a_link_that_leads_nowhere(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, mode: str
) -> None:
    target = remote_dir / "all.txt"
    target.symlink_to(outside.path / "nothing")
    job = real_job(sshd.options(), str(target), commit_mode=mode)
    with pytest.raises(CommitError, match="exists already"):
        job.prepare()
    assert outside.untouched()
    assert target.is_symlink()
    assert {path.name for path in remote_dir.iterdir()} == {"all.txt"}


def test_a_target_that_is_a_link_is_the_users_own_choice(sshd: SSHD, remote_dir: Path) -> None:
    real, link = remote_dir / "real", remote_dir / "link"
    real.mkdir()
    link.symlink_to(real)
    write(sshd.options(), str(link), ["a"])
    write(sshd.options(), str(link), ["b"], overwrite=True, success_file=True)
    assert link.is_symlink()
    assert lines_in(real) == ["b"]


# Markers


@pytest.mark.parametrize("where", ["_sftp_async", "_sftp_async/job_keys"])
def test_markers_are_not_written_through_a_link(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, where: str
) -> None:
    link = remote_dir / where
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside.path)
    with pytest.raises(CommitError, match=where):
        write(sshd.options(), str(remote_dir), ["new"], job_key="today")
    assert outside.untouched()
    assert names(remote_dir) == {b"_sftp_async"}


def test_a_marker_that_is_a_link_is_not_followed(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory
) -> None:
    marker = remote_dir / "_sftp_async" / "job_keys" / "today.committed"
    marker.parent.mkdir(parents=True)
    marker.symlink_to(outside.path / "nothing")
    with pytest.raises(CommitError, match=r"today\.committed"):
        write(sshd.options(), str(remote_dir), ["new"], job_key="today")
    assert outside.untouched()
    assert names(remote_dir) == {b"_sftp_async"}


def test_an_interrupted_job_does_not_write_its_marker_through_a_link(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, recover_here: Callable[..., Any]
) -> None:
    interrupted(sshd, remote_dir, job_key="today")
    (remote_dir / "_sftp_async").symlink_to(outside.path)
    with pytest.raises(CommitError, match="_sftp_async"):
        recover_here()
    assert outside.untouched()
