"""One exact file whose name is made for the job, and what happens when there is one already."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import CommitError, OptionsError
from tests.support.jobs import real_job, upload, write
from tests.support.sshd import SSHD


def texts(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir()}


def test_the_time_of_the_write_is_in_the_name(sshd: SSHD, remote_dir: Path) -> None:
    before = datetime.now().astimezone()
    template = "orders_{now:%Y%m%dT%H%M%S%z}.txt"
    write(sshd.options(), str(remote_dir), ["a"], ["b"], file_name_template=template)
    ((name, text),) = texts(remote_dir).items()
    assert text == "a\nb\n"
    found = re.fullmatch(r"orders_(.*)\.txt", name)
    assert found
    made = datetime.strptime(found[1], "%Y%m%dT%H%M%S%z")
    assert before.replace(microsecond=0) <= made <= datetime.now().astimezone()


def test_the_name_says_what_format_and_compression(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], file_name_template="{{v1}}.txt.gz")
    assert (remote_dir / "{v1}.txt.gz").read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("overwrite", [False, True], ids=["append", "overwrite"])
@pytest.mark.parametrize(
    ("if_exists", "expected"),
    [
        ("replace", {"a.txt": "new\n"}),
        ("ignore", {"a.txt": "old"}),
        ("rename", {"a.txt": "old", "a-1.txt": "new\n"}),
    ],
)
def test_an_existing_file_is_replaced_ignored_or_kept_by_the_option_in_every_mode(
    sshd: SSHD, remote_dir: Path, if_exists: str, expected: dict[str, str], overwrite: bool
) -> None:
    (remote_dir / "a.txt").write_text("old")
    path = f"{remote_dir}/a.txt"
    write(sshd.options(), path, ["new"], overwrite=overwrite, if_exists=if_exists)
    assert texts(remote_dir) == expected


def test_fail_refuses_before_any_task_even_in_overwrite_mode(sshd: SSHD, remote_dir: Path) -> None:
    (remote_dir / "a.txt").write_text("old")
    job = real_job(sshd.options(), f"{remote_dir}/a.txt", overwrite=True, if_exists="fail")
    with pytest.raises(CommitError, match="exists already"):
        job.prepare()
    assert texts(remote_dir) == {"a.txt": "old"}


@pytest.mark.parametrize(
    ("if_exists", "expected"),
    [
        ("ignore", {"a.txt": "theirs"}),
        ("rename", {"a.txt": "theirs", "a-1.txt": "ours\n"}),
        ("replace", {"a.txt": "ours\n"}),
    ],
)
def test_a_file_that_appears_while_tasks_run_is_treated_the_same(
    sshd: SSHD, remote_dir: Path, if_exists: str, expected: dict[str, str]
) -> None:
    job = real_job(sshd.options(), f"{remote_dir}/a.txt", if_exists=if_exists).prepare()
    parts = upload(job, ["ours"])
    (remote_dir / "a.txt").write_text("theirs")
    job.commit(parts)
    assert texts(remote_dir) == expected


def test_the_next_free_number_is_taken_before_all_extensions(sshd: SSHD, remote_dir: Path) -> None:
    for name in ("b.x.txt", "b-1.x.txt", "b-3.x.txt"):
        (remote_dir / name).touch()
    write(sshd.options(), f"{remote_dir}/b.x.txt", ["new"], if_exists="rename")
    assert texts(remote_dir)["b-2.x.txt"] == "new\n"


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("a.txt", {"file_name_template": "b.txt"}, "and so does file_name_template"),
        ("", {"file_name_template": "a/b.txt"}, "must make a file name"),
        ("", {"file_name_template": "{now:%Y/%m}.txt"}, "must make a file name"),
        ("", {"file_name_template": "{day}.txt"}, "only {now} can be a field"),
        ("", {"file_name_template": "{now.year}.txt"}, "must hold fields such as"),
        ("", {"file_name_template": "{}.txt"}, "must hold fields such as"),
        ("", {"if_exists": "rename"}, "if_exists is for names that are asked for"),
    ],
)
def test_what_makes_no_exact_name_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, path: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionsError, match=re.escape(message)):
        real_job(sshd.options(), f"{remote_dir}/{path}", **options)
