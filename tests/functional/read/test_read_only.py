"""A read takes committed files alone, and changes nothing on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, plan_scan
from sftp_async.read.task import read_task
from tests.support.cli import AtServer
from tests.support.jobs import real_job, upload
from tests.support.sshd import SSHD
from tests.support.tree import snapshot

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])
#: What an account that may only read has: `sftp-server -R` refuses everything else.
READ_ONLY = "internal-sftp -R"
StartSSHD = Callable[..., SSHD]


def rows(server: SSHD, path: str, columns: pa.Schema = TEXT, **options: Any) -> list[Any]:
    given = SFTPOptions(**server.options(), path=path, **options)
    scan, tasks, _ = plan_scan(given, columns)
    batches = [batch for task in tasks for batch in read_task(scan, task)]
    return sorted(pa.Table.from_batches(batches, columns).column(0).to_pylist())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"verify": "checksum"},
        {"use_manifest": "require"},
        {"stable_for": "10ms"},
        {"min_age": "1ms"},
        {"access": "sequential"},
        {"access": "once"},
    ],
    ids=str,
)
def test_an_account_that_may_only_read_is_enough_for_a_read(
    sshd: SSHD, start_sshd: StartSSHD, remote_dir: Path, options: dict[str, str]
) -> None:
    out = remote_dir / "out"
    job = real_job(sshd.options(), str(out), checksum_files="sha256", manifest=True).prepare()
    job.commit(upload(job, ["one"], ["two"]))
    server = start_sshd(ForceCommand=READ_ONLY)
    before = snapshot(remote_dir)
    assert rows(server, str(out), format="text", **options) == ["one", "two"]
    assert snapshot(remote_dir) == before


def test_an_account_that_may_only_read_is_enough_for_a_preview(
    start_sshd: StartSSHD, remote_dir: Path, tmp_path: Path
) -> None:
    (remote_dir / "a.csv").write_text("id,name\n1,one\n")
    (remote_dir / "b.csv.part").write_text("id")
    digest = hashlib.sha256((remote_dir / "a.csv").read_bytes()).hexdigest()
    (remote_dir / "a.csv.sha256").write_text(f"{digest}  a.csv\n")
    at = AtServer(start_sshd(ForceCommand=READ_ONLY), tmp_path)
    before = snapshot(remote_dir)
    for more in ((), ("-o", "verify=checksum"), ("-o", "header=true")):
        ended = at("preview", remote_dir, "--json", *more)
        assert (ended.code, ended.document["problem"]) == (0, None)
        assert len(ended.document["files"]) == 1
        assert ended.document["rows"]
        assert snapshot(remote_dir) == before


#: Ways to look for files in a directory.
PATTERNS = ["", "*", "**", "*/*", ".*", "_*"]


@pytest.mark.parametrize("staging", [False, True], ids=["staged below", "staged elsewhere"])
def test_a_read_never_takes_what_a_job_has_not_committed(
    sshd: SSHD, remote_dir: Path, staging: bool
) -> None:
    out = remote_dir / "out"
    more = {"staging_dir": str(out / "later")} if staging else {}

    def taken(pattern: str, *, recursive: bool) -> list[str]:
        given = SFTPOptions(
            **sshd.options(),
            path=f"{out}/{pattern}",
            format="text",
            recursive_file_lookup=recursive,
        )
        try:
            return sorted(file.path for file in list_scan(given)[1].files)
        except SFTPAsyncError as error:
            assert "matches" in str(error)  # noqa: PT017 - a pattern may match nothing
            return []

    job = real_job(sshd.options(), str(out), manifest=True, **more).prepare()
    parts = upload(job, ["one"], ["two"])
    staged = [path for path in remote_dir.rglob("*") if path.is_file()]
    assert len(staged) >= 2
    for pattern in PATTERNS:
        for recursive in (False, True):
            assert taken(pattern, recursive=recursive) == []
    job.commit(parts)
    visible = sorted(str(out / part.final) for part in parts)
    second = real_job(sshd.options(), str(out), **more).prepare()
    upload(second, ["three"])
    for pattern in ("", "*", "**"):
        for recursive in (False, True):
            assert taken(pattern, recursive=recursive) == visible
    second.abort()
