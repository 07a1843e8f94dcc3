"""Whole jobs on ProFTPD, which sums files up itself: what `verify=server` is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import ServerBusyError, VerificationError
from sftp_async.options import SFTPOptions
from sftp_async.remote import runtime as runtime_module
from sftp_async.remote.runtime import Runtime
from tests.support.jobs import LINES as SCHEMA
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


@pytest.fixture
def for_one(tmp_path: Path, host_keys: KeySet) -> Iterator[ProFTPD]:
    """A server that lets one client in at a time."""
    server = ProFTPD(tmp_path, host_keys, "MaxClients 1")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Runtime]]:
    """Go on as in another Python process, while those before it keep their connections."""
    running: list[Runtime] = []

    def another() -> Runtime:
        running.append(Runtime())
        monkeypatch.setattr(runtime_module, "_current", running[-1])
        return running[-1]

    yield another
    for runtime in running:
        runtime.close()


def test_a_job_takes_one_connection_at_a_time_where_the_server_allows_one(
    for_one: ProFTPD, remote_dir: Path, processes: Callable[[], Runtime]
) -> None:
    # As in Spark: preparation, the task and the commit are in processes of their own.
    processes()
    job = real_job(
        for_one.options(), str(remote_dir), max_connections="1", retry_delay="0.5s"
    ).prepare()
    processes()
    batch = pa.record_batch([pa.array(["a", "b"])], schema=SCHEMA)
    parts, _ = job.write(0, [batch])
    processes()
    job.commit(parts)
    assert lines_in(remote_dir) == ["a", "b"]


def test_an_idle_connection_of_other_options_is_closed_for_a_refused_one(
    for_one: ProFTPD, remote_dir: Path, processes: Callable[[], Runtime]
) -> None:
    runtime = processes()
    write(for_one.options(), str(remote_dir / "one"), ["a"])
    assert sum(stats.idle for stats in runtime.get_stats()) == 1
    write(
        for_one.options(), str(remote_dir / "other"), ["b"], idle_timeout="50s", retry_delay="0.5s"
    )
    assert lines_in(remote_dir / "other") == ["b"]
    assert sum(stats.idle for stats in runtime.get_stats()) == 1


def test_a_connection_in_use_is_not_closed_for_another(
    for_one: ProFTPD, remote_dir: Path, processes: Callable[[], Runtime]
) -> None:
    runtime = processes()
    options = {**for_one.options(), "max_retries": "0"}

    async def two_at_once() -> None:
        first = runtime.pool(SFTPOptions(**options))
        second = runtime.pool(SFTPOptions(**options, idle_timeout="50s"))
        async with first.lease() as connection:
            with pytest.raises(ServerBusyError):
                async with second.lease():
                    pass
            await connection.realpath(".")

    runtime.run(two_at_once())
