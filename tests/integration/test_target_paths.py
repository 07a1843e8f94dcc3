"""Targets as users write them by habit: `~/out`, and paths of other file systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.errors import OptionsError
from tests.support.jobs import lines_in, write
from tests.support.sshd import SSHD


def test_a_tilde_is_the_login_directory_of_the_account(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    server = start_sshd(Subsystem=f"sftp internal-sftp -d {remote_dir}")
    write(server.options(), "~/out/x.txt", ["a"])
    write(server.options(), "~/out/parts", ["b"])
    assert (remote_dir / "out" / "x.txt").read_text() == "a\n"
    assert lines_in(remote_dir / "out" / "parts") == ["b"]
    assert [path.name for path in remote_dir.iterdir()] == ["out"]


@pytest.mark.parametrize("path", ["file:/data/y.csv", "hdfs:/data", "s3:/bucket/x", "dbfs:/x"])
def test_a_path_of_another_file_system_makes_no_directory(
    start_sshd: Callable[..., SSHD], remote_dir: Path, path: str
) -> None:
    server = start_sshd(Subsystem=f"sftp internal-sftp -d {remote_dir}")
    with pytest.raises(OptionsError, match=r"path must be a path on the server that host names"):
        write(server.options(), path, ["a"])
    assert list(remote_dir.iterdir()) == []
    assert server.logins() == 0


def test_a_url_names_a_path_on_the_server(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), f"sftp://{sshd.host}:{sshd.port}{remote_dir}/out.txt", ["a"])
    assert (remote_dir / "out.txt").read_text() == "a\n"
