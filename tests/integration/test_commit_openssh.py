"""Whole jobs, without Spark, against OpenSSH: its errors, its renames, its file systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sftp_async.errors import CommitError
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.requirements import skip_without
from tests.support.sshd import SSHD


def names(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def test_append_overwrite_and_foreign_files(sshd: SSHD, remote_dir: Path) -> None:
    out = remote_dir / "new" / "out"
    write(sshd.options(), str(out), ["a0"], ["a1", "a2"])
    write(sshd.options(), str(out), ["b0"])
    assert lines_in(out) == ["a0", "a1", "a2", "b0"]
    (out / "foreign.csv").write_text("foreign")
    (out / "sub").mkdir()
    write(sshd.options(), str(out), ["new"], overwrite=True, success_file=True)
    assert lines_in(out) == ["foreign", "new"]
    assert {"sub", "_SUCCESS", "foreign.csv"} < names(out)
    assert "_temporary" not in names(out)


def test_an_exact_file_is_joined_replaced_and_refused(sshd: SSHD, remote_dir: Path) -> None:
    target = remote_dir / "all.txt"
    write(sshd.options(), str(target), ["a", "b"], ["c"], ["d"])
    assert target.read_text() == "a\nb\nc\nd\n"
    with pytest.raises(CommitError, match="exists already"):
        real_job(sshd.options(), str(target)).prepare()
    write(sshd.options(), str(target), ["new"], ["er"], overwrite=True)
    assert target.read_text() == "new\ner\n"
    assert names(remote_dir) == {"all.txt"}


def test_a_file_that_appeared_meanwhile_is_refused_and_stays(sshd: SSHD, remote_dir: Path) -> None:
    target = remote_dir / "all.txt"
    job = real_job(sshd.options(), str(target)).prepare()
    parts = upload(job, ["mine"])
    target.write_text("another's")
    with pytest.raises(CommitError, match="exists already"):
        job.commit(parts)
    job.abort()
    assert target.read_text() == "another's"
    assert names(remote_dir) == {"all.txt"}


@pytest.mark.parametrize("request_", ["posix-rename", "copy-data"])
def test_a_server_that_refuses_an_extension_is_worked_around(
    start_sshd: Callable[..., SSHD], remote_dir: Path, request_: str
) -> None:
    server = start_sshd(Subsystem=f"sftp internal-sftp -P {request_}")
    target = remote_dir / "all.txt"
    write(server.options(), str(target), ["old"])
    write(server.options(), str(target), ["a"], ["b"], overwrite=True)
    assert target.read_text() == "a\nb\n"
    assert names(remote_dir) == {"all.txt"}


@pytest.mark.parametrize("target", ["data", "data/sub", "data/sub/deeper", "data/all.txt"])
def test_a_file_where_a_directory_should_be_is_named(
    sshd: SSHD, remote_dir: Path, target: str
) -> None:
    (remote_dir / "data").write_text("a file")
    with pytest.raises(CommitError, match="A file is where a directory should be") as caught:
        real_job(sshd.options(), str(remote_dir / target)).prepare()
    assert caught.value.path == str(remote_dir / "data")
    assert names(remote_dir) == {"data"}


def test_a_target_that_is_not_writable_is_refused_before_any_task(sshd: SSHD) -> None:
    # No user can make a directory there, not even root, whom permissions do not stop.
    with pytest.raises(CommitError, match="The target is not"):
        real_job(sshd.options(), "/proc/sys/out").prepare()


def test_a_missing_directory_is_refused_with_create_dirs_false(
    sshd: SSHD, remote_dir: Path
) -> None:
    with pytest.raises(CommitError, match="create_dirs=true"):
        real_job(sshd.options(), str(remote_dir / "no/such"), create_dirs=False).prepare()
    assert names(remote_dir) == set()


@pytest.fixture
def other_file_system(remote_dir: Path) -> Iterator[Path]:
    path = Path("/dev/shm") / f"staging-{os.getpid()}"
    if not path.parent.is_dir() or path.parent.stat().st_dev == remote_dir.stat().st_dev:
        skip_without("a second file system (/dev/shm)")
    path.mkdir()
    yield path
    path.rmdir()  # which is so only if nothing was left in it


def test_staging_on_another_file_system_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, other_file_system: Path
) -> None:
    job = real_job(sshd.options(), str(remote_dir / "out"), staging_dir=str(other_file_system))
    with pytest.raises(CommitError, match="staging_dir on the target's file system"):
        job.prepare()


def test_a_task_that_outlives_its_job_fails_and_leaves_nothing(
    sshd: SSHD, remote_dir: Path
) -> None:
    job = real_job(sshd.options(), str(remote_dir / "out")).prepare()
    job.abort()
    with pytest.raises(Exception, match="the job this task belongs to has ended"):
        upload(job, ["late"])
    assert names(remote_dir / "out") == set()


def test_the_next_job_finishes_an_interrupted_overwrite(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["old"])
    old = names(remote_dir)
    job = real_job(sshd.options(), str(remote_dir), overwrite=True).prepare()
    parts = upload(job, ["a"], ["b"])
    blocker = remote_dir / parts[1].final
    blocker.mkdir()  # no rename onto a directory: the commit stops half way
    with pytest.raises(CommitError):
        job.commit(parts)
    assert old < names(remote_dir)
    blocker.rmdir()  # the driver has died, and the obstacle is gone
    write(sshd.options(), str(remote_dir), ["c"])
    assert lines_in(remote_dir) == ["a", "b", "c"]
    assert "_temporary" not in names(remote_dir)


def test_abandoned_staging_is_swept_by_the_servers_clock(sshd: SSHD, remote_dir: Path) -> None:
    old, young = (remote_dir / "_temporary" / (digit * 32) for digit in "ab")
    for directory in (old, young):
        directory.mkdir(parents=True)
        (directory / "part-00000-c000-x").write_text("half")
    os.utime(old, (0, old.stat().st_mtime - 8 * 86400))
    write(sshd.options(), str(remote_dir), ["new"])
    assert names(remote_dir / "_temporary") == {young.name}
