"""On OpenSSH, a file that replaces another has its permissions, owner and group."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.jobs import write
from tests.support.requirements import skip_without
from tests.support.sshd import SSHD


def other_group() -> int:
    """Return a group of which files may be that is not the one that new files get."""
    groups = [4] if os.geteuid() == 0 else [g for g in os.getgroups() if g != os.getegid()]
    if not groups:
        skip_without("an account of two groups")
    return groups[0]


def old_file(path: Path, mode: int = 0o640) -> int:
    """Write a file as an administrator left it; return its group."""
    path.write_text("old\n")
    group = other_group()
    os.chown(path, -1, group)
    path.chmod(mode)
    return group


def facts(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return path.read_text(), stat.S_IMODE(status.st_mode), status.st_gid


@pytest.mark.parametrize("mode", ["rename", "direct"])
@pytest.mark.parametrize("partitions", [(["a"],), (["a"], ["b"])], ids=["one", "joined"])
def test_an_exact_file_keeps_the_permissions_and_group_of_the_one_it_replaces(
    sshd: SSHD, remote_dir: Path, partitions: tuple[list[str], ...], mode: str
) -> None:
    target = remote_dir / "all.txt"
    group = old_file(target)
    write(sshd.options(), str(target), *partitions, overwrite=True, commit_mode=mode)
    lines = "".join(f"{line}\n" for lines in partitions for line in lines)
    assert facts(target) == (lines, 0o640, group)


def test_files_of_a_template_keep_them_too(sshd: SSHD, remote_dir: Path) -> None:
    options = {"file_name_template": "x_{seq:02d}.txt", "format": "text"}
    write(sshd.options(), str(remote_dir), ["old 1"], ["old 2"], overwrite=True, **options)
    group = old_file(remote_dir / "x_02.txt", 0o600)
    before = facts(remote_dir / "x_01.txt")
    write(sshd.options(), str(remote_dir), ["1"], ["2"], ["3"], overwrite=True, **options)
    assert facts(remote_dir / "x_01.txt") == ("1\n", *before[1:])
    assert facts(remote_dir / "x_02.txt") == ("2\n", 0o600, group)
    assert facts(remote_dir / "x_03.txt") == ("3\n", *before[1:])


def test_permissions_that_are_asked_for_count_more(sshd: SSHD, remote_dir: Path) -> None:
    target = remote_dir / "all.txt"
    group = old_file(target)
    write(sshd.options(), str(target), ["a"], overwrite=True, file_permissions="604")
    assert facts(target) == ("a\n", 0o604, group)


def test_a_server_that_refuses_them_is_a_warning(
    start_sshd: Callable[..., SSHD], remote_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_sshd(Subsystem="sftp internal-sftp -P setstat")
    target = remote_dir / "all.txt"
    old_file(target, 0o600)
    with caplog.at_level(logging.WARNING):
        write(server.options(), str(target), ["a"], overwrite=True)
    assert target.read_text() == "a\n"
    warnings = [record.getMessage() for record in caplog.records]
    assert any("refuses to give the new file the group of the replaced one" in s for s in warnings)
    assert any("the permissions of the replaced one (600)" in s for s in warnings)
