"""Permissions and times of data files: as asked for, or as the server insists on having them."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.jobs import lines_in, write
from tests.support.sshd import SSHD

MIDNIGHT = 1795392000
ASKED = {"file_permissions": "640", "modified_time": "2026-11-23T00:00:00Z"}


@pytest.mark.parametrize("path", ["", "one.txt", "one.txt.gz"])
@pytest.mark.parametrize("more", [{}, {"commit_mode": "direct"}], ids=["rename", "direct"])
def test_data_files_have_the_permissions_and_the_time_that_were_asked_for(
    sshd: SSHD, remote_dir: Path, path: str, more: dict[str, Any]
) -> None:
    write(sshd.options(), f"{remote_dir}/{path}", ["a"], ["b"], **ASKED, **more)
    files = [file.stat() for file in remote_dir.iterdir()]
    assert len(files) == (1 if path else 2)
    assert {(stat.S_IMODE(file.st_mode), int(file.st_mtime)) for file in files} == {
        (0o640, MIDNIGHT)
    }


def test_one_of_them_leaves_the_other_as_it_is(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), f"{remote_dir}/one.txt", ["a"], file_permissions="600")
    (file,) = remote_dir.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_mtime > MIDNIGHT - 86400 * 365


class Refuses(FolderServer):
    """Refuses every change of attributes."""

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise asyncssh.SFTPPermissionDenied("not yours")


def test_a_server_that_refuses_gets_a_warning_and_the_data_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=Refuses) as server:
        write(server.options(), "/out", ["a"], ["b"], **ASKED)
        assert lines_in(server.root / "out") == ["a", "b"]
    warnings = [
        r for r in caplog.records if "permissions or time stay as they are" in r.getMessage()
    ]
    assert {record.levelno for record in warnings} == {logging.WARNING}
    assert len(warnings) == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("file_permissions", "888"),
        ("file_permissions", 0o640),
        ("file_permissions", "rw-r-----"),
        ("modified_time", "yesterday"),
        ("modified_time", "2026-11-23T00:00:00"),
        ("modified_time", "-1"),
        ("modified_time", str(2**32)),
    ],
)
def test_what_is_neither_is_an_option_mistake(option: str, value: object) -> None:
    with pytest.raises(OptionsError, match=f"{option}.* must be"):
        SFTPOptions(host="h", username="u", password="p", **{option: value})
