"""Interrupted jobs are found whatever `staging_dir` and spelling of a path the next job has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftp_async.layout.part_names import PartFile
from sftp_async.write.commit.promoters import RenamePromoter
from sftp_async.write.job import Job
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.sshd import SSHD


class Died(BaseException):
    """The driver's process ended."""


def die_after(
    monkeypatch: pytest.MonkeyPatch, server: SSHD, target: str, *, renames: int, **options: Any
) -> Job:
    """Overwrite with 8 files, and die after some of them are visible."""
    job = real_job(server.options(), target, overwrite=True, **options).prepare()
    parts = upload(job, *([f"dead {number}"] for number in range(8)))
    promote, visible = RenamePromoter.promote, parts[:renames]

    async def promote_some(self: RenamePromoter, part: PartFile) -> None:
        if part in visible:
            await promote(self, part)
        else:
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(RenamePromoter, "promote", promote_some)
        with contextlib.suppress(Died):
            job.commit(parts)
    return job


@pytest.fixture
def home(start_sshd: Callable[..., SSHD], remote_dir: Path) -> SSHD:
    """A server whose login directory holds the target `out` and the staging directory."""
    (remote_dir / "out").mkdir()
    (remote_dir / "staging").mkdir()
    (remote_dir / "link").symlink_to(remote_dir / "out")
    return start_sshd(Subsystem=f"sftp internal-sftp -d {remote_dir}")


NEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "no staging_dir": ("{home}/out", {}),
    "a relative path": ("out", {}),
    "a link to the target": ("link", {}),
    "another spelling of staging_dir": ("out", {"staging_dir": "staging"}),
    "another staging_dir": ("out", {"staging_dir": "other"}),
}


@pytest.mark.parametrize("spelling", NEXT)
def test_rows_of_a_dead_overwrite_do_not_come_back_after_the_next_one(
    home: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    out, options = str(remote_dir / "out"), home.options()
    staging = {"staging_dir": str(remote_dir / "staging")}
    write(options, out, *([f"old {number}"] for number in range(4)))
    die_after(monkeypatch, home, out, renames=3, **staging)
    path, more = NEXT[spelling]
    write(options, path.format(home=remote_dir), ["next"], overwrite=True, **more)
    write(options, out, ["appended"], **staging)
    assert lines_in(remote_dir / "out") == ["appended", "next"]
    assert list((remote_dir / "staging").iterdir()) == []
    assert sorted(path.name for path in (remote_dir / "out").iterdir() if path.is_dir()) == []


def test_an_overwrite_that_died_in_the_target_is_ended_by_one_with_staging_dir(
    home: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, options = str(remote_dir / "out"), home.options()
    write(options, out, ["old"])
    die_after(monkeypatch, home, out, renames=3)
    write(options, out, ["next"], overwrite=True, staging_dir=str(remote_dir / "staging"))
    write(options, out, ["appended"])
    assert lines_in(remote_dir / "out") == ["appended", "next"]


def test_an_append_that_died_elsewhere_is_completed_by_a_job_without_staging_dir(
    home: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, options = str(remote_dir / "out"), home.options()
    die_after(monkeypatch, home, out, renames=3, staging_dir="staging")
    write(options, out, ["appended"])
    assert lines_in(remote_dir / "out") == ["appended", *(f"dead {n}" for n in range(8))]
