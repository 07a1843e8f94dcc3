"""Whole jobs on ProFTPD, which sums files up itself: what `verify=server` is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sftp_async.errors import VerificationError
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.keys import KeySet
from tests.support.proftpd import ProFTPD

LINES = [f"line {n} " + "x" * 90 for n in range(20_000)]


@pytest.fixture(scope="module")
def proftpd(tmp_path_factory: pytest.TempPathFactory, host_keys: KeySet) -> Iterator[ProFTPD]:
    server = ProFTPD(tmp_path_factory.mktemp("proftpd"), host_keys)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.parametrize("verify", ["size", "readback", "server"])
@pytest.mark.parametrize("name", ["", "all.txt"])
def test_append_and_exact_files_arrive(
    proftpd: ProFTPD, remote_dir: Path, name: str, verify: str
) -> None:
    write(proftpd.options(), str(remote_dir / name), LINES, ["a"], verify=verify)
    assert lines_in(remote_dir) == sorted([*LINES, "a"])
    assert not (remote_dir / "_temporary").exists()


def test_an_overwrite_replaces_and_leaves_foreign_files(proftpd: ProFTPD, remote_dir: Path) -> None:
    (remote_dir / "foreign.csv").write_text("not ours\n")
    write(proftpd.options(), str(remote_dir), ["old"])
    write(proftpd.options(), str(remote_dir), ["new"], overwrite=True)
    assert lines_in(remote_dir) == ["new", "not ours"]


def test_the_servers_own_sum_shows_a_byte_that_changed(proftpd: ProFTPD, remote_dir: Path) -> None:
    job = real_job(proftpd.options(), str(remote_dir / "all.txt"), verify="server").prepare()
    parts = upload(job, LINES, ["a"])
    staged = Path(job.layout.staging, parts[1].staged)
    staged.write_bytes(b"b\n")
    with pytest.raises(VerificationError, match="does not hold what was sent"):
        job.commit(parts)
    job.abort()
    assert list(remote_dir.iterdir()) == []
