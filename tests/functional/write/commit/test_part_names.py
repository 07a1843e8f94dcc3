"""Part files under names that a template gives: what is in their way stays, or goes, as asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import CommitError, OptionsError
from sftp_async.write.commit import committer
from tests.support.jobs import real_job, upload, write
from tests.support.sshd import SSHD

SEQ = {"file_name_template": "o_{seq:03d}.txt"}


def texts(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir() if file.is_file()}


def texts_of(directory: Path, *names: str) -> dict[str, str]:
    return {name: (directory / name).read_text() for name in names}


def test_files_are_numbered_in_partition_order(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], ["c"], **SEQ)
    assert texts(remote_dir) == {"o_001.txt": "a\n", "o_002.txt": "b\n", "o_003.txt": "c\n"}


def test_a_partition_that_rolls_over_has_a_number_for_each_file(
    sshd: SSHD, remote_dir: Path
) -> None:
    template = {"file_name_template": "{partition}-{seq}.txt", "max_records_per_file": 1}
    write(sshd.options(), str(remote_dir), ["a", "b"], ["c"], **template)
    assert texts(remote_dir) == {"0-1.txt": "a\n", "0-2.txt": "b\n", "1-3.txt": "c\n"}


def test_a_name_that_is_taken_fails_the_append_and_everything_is_as_it_was(
    sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "o_002.txt").write_text("theirs")
    job = real_job(sshd.options(), str(remote_dir), **SEQ).prepare()
    parts = upload(job, ["a"], ["b"])
    with pytest.raises(CommitError, match=r"exists already.*if_exists=rename"):
        job.commit(parts)
    job.abort()
    assert texts(remote_dir) == {"o_002.txt": "theirs"}


@pytest.mark.parametrize(
    ("if_exists", "expected"),
    [
        ("rename", {"o_001.txt": "a\n", "o_002.txt": "theirs", "o_002-1.txt": "b\n"}),
        ("replace", {"o_001.txt": "a\n", "o_002.txt": "b\n"}),
    ],
)
def test_a_name_that_is_taken_is_left_or_taken_over_as_asked(
    sshd: SSHD, remote_dir: Path, if_exists: str, expected: dict[str, str]
) -> None:
    (remote_dir / "o_002.txt").write_text("theirs")
    write(sshd.options(), str(remote_dir), ["a"], ["b"], if_exists=if_exists, **SEQ)
    assert texts(remote_dir) == expected


def test_an_overwrite_replaces_the_files_of_the_template_and_no_others(
    sshd: SSHD, remote_dir: Path
) -> None:
    sums = {"checksum_files": "sha256"}
    write(sshd.options(), str(remote_dir), ["a"], ["b"], ["c"], **SEQ, **sums)
    (remote_dir / "o_x.txt").write_text("theirs")
    write(sshd.options(), str(remote_dir), ["d"], ["e"], overwrite=True, **SEQ)
    found = texts(remote_dir)
    assert {name: found[name] for name in found if not name.endswith(".sha256")} == {
        "o_001.txt": "d\n",
        "o_002.txt": "e\n",
        "o_x.txt": "theirs",
    }
    assert [name for name in found if name.endswith(".sha256")] == []


def test_an_abort_of_a_half_visible_append_rolls_its_files_back(
    sshd: SSHD, remote_dir: Path
) -> None:
    job = real_job(sshd.options(), str(remote_dir), **SEQ).prepare()
    parts = upload(job, ["a"], ["b"])
    (staged,) = (remote_dir / "_temporary").glob(f"*/{parts[1].staged}")
    staged.unlink()
    with pytest.raises(CommitError, match="vanished"):
        job.commit(parts)
    job.abort()
    assert texts(remote_dir) == {}


@pytest.mark.parametrize("refused", ["", "hardlink", "posix-rename", "hardlink,posix-rename"])
def test_an_abort_of_a_half_visible_overwrite_gives_the_names_back(
    start_sshd: Callable[..., SSHD], remote_dir: Path, refused: str
) -> None:
    more = {"Subsystem": f"sftp internal-sftp -P {refused}"} if refused else {}
    sshd = start_sshd(**more)
    old = {"o_001.txt": "x\n", "o_002.txt": "theirs"}
    for name, text in old.items():
        (remote_dir / name).write_text(text)
    options = SEQ | {"overwrite_scope": "matching"}
    job = real_job(sshd.options(), str(remote_dir), overwrite=True, **options).prepare()
    parts = upload(job, ["a"], ["b"], ["c"])
    (staged,) = (remote_dir / "_temporary").glob(f"*/{parts[1].staged}")
    staged.unlink()
    with pytest.raises(CommitError, match="vanished"):
        job.commit(parts)
    assert texts_of(remote_dir, "o_001.txt") == {"o_001.txt": "a\n"}
    job.abort()
    assert texts(remote_dir) == old


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({**SEQ, "commit_mode": "direct"}, "which commit_mode=direct does without"),
        ({**SEQ, "if_exists": "ignore"}, "if_exists=ignore is for one exact file"),
        ({"file_name_template": "{partition}.txt", "max_file_bytes": 10}, "needs {seq}"),
    ],
)
def test_what_cannot_be_named_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionsError, match=message):
        real_job(sshd.options(), str(remote_dir), **options)


def test_a_server_that_died_between_link_and_unlink_does_not_block_the_next_job(
    sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = real_job(sshd.options(), str(remote_dir), **SEQ).prepare()
    parts = upload(job, ["a"], ["b"])

    async def die(*arguments: object, **more: object) -> None:
        raise CommitError("The driver died")

    with monkeypatch.context() as patch:
        patch.setattr(committer, "promote_all", die)
        with pytest.raises(CommitError, match="The driver died"):
            job.commit(parts)
    staged = sorted((remote_dir / "_temporary" / job.layout.job_id).glob("part-00000-*"))
    (remote_dir / "o_001.txt").hardlink_to(staged[0])
    before = staged[0].stat().st_mtime
    write(sshd.options(), str(remote_dir), ["c"], file_name_template="c.txt")
    assert texts(remote_dir) == {"c.txt": "c\n", "o_001.txt": "a\n", "o_002.txt": "b\n"}
    assert int((remote_dir / "o_001.txt").stat().st_mtime) == int(before)
