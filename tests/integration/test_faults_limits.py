"""A real OpenSSH at its limits (disk, sessions, logins), and tasks that end too early."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import CommitError, RemoteSpaceError, TransferError
from sftp_async.layout.part_names import PartFile
from sftp_async.remote.runtime import Runtime
from sftp_async.write.job import Job
from tests.support.disk import fill_up, make_read_only, small_disk
from tests.support.jobs import upload, write_part
from tests.support.leaks import LeakCheck
from tests.support.network_faults import BOUND, batch, content, job_to, lines, visible, within
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD, _find_sshd, _version

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("runtime"),
]

Start = Callable[..., SSHD]
Link = Callable[..., FaultProxy]


# Disks


def test_a_full_disk_is_a_clear_error_and_nothing_of_the_job_stays(
    sshd: SSHD, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", mib=2) as disk:
        job = job_to(sshd, disk / "out")
        with pytest.raises(RemoteSpaceError, match=r"is full: [\d,]+ bytes are free") as caught:
            upload(job, lines(40_000))
        assert caught.value.free_bytes is not None
        assert caught.value.free_bytes < 1 << 20
        assert not caught.value.retryable
        assert visible(disk / "out") == ["_temporary"]
        job.abort()
        assert visible(disk / "out") == []


def test_a_disk_that_is_full_at_the_commit_is_a_clear_error_and_nothing_of_the_job_stays(
    sshd: SSHD, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", mib=2) as disk:
        job = job_to(sshd, disk / "out")
        parts = upload(job, lines(100))
        fill_up(disk)
        with pytest.raises(RemoteSpaceError, match="is full"):
            job.commit(parts)
        assert visible(disk / "out") == ["_temporary"]
        job.abort()
        assert visible(disk / "out") == []


def test_a_read_only_server_is_a_clear_error_before_any_task(
    start_sshd: Start, remote_dir: Path, out: Path
) -> None:
    with pytest.raises(CommitError, match="target is not writable"):
        job_to(start_sshd(ForceCommand="internal-sftp -R"), out)
    assert list(remote_dir.iterdir()) == []


def test_a_read_only_disk_is_a_clear_error_before_any_task(sshd: SSHD, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mib=8) as disk:
        make_read_only(disk)
        with pytest.raises(CommitError, match="target is not usable") as caught:
            job_to(sshd, disk / "out")
        assert caught.value.hint
        assert list(disk.iterdir()) == []


# Limits of the server


def in_parallel(job: Job, partitions: list[Iterable[pa.RecordBatch]]) -> list[Future[Any]]:
    """Write partitions side by side, as the tasks of one executor do; returns at once."""
    threads = ThreadPoolExecutor(len(partitions))
    writing = [
        threads.submit(write_part, job, number, rows) for number, rows in enumerate(partitions)
    ]
    threads.shutdown(wait=False)
    return writing


def parts_of(writing: list[Future[Any]]) -> list[PartFile]:
    return [part for one in writing for part in one.result(timeout=60)]


def meeting(partitions: list[list[str]]) -> list[Iterable[pa.RecordBatch]]:
    """Rows of partitions that are all in flight before any of them ends."""
    together = threading.Barrier(len(partitions), timeout=60)

    def rows(text: list[str]) -> Iterator[pa.RecordBatch]:
        half = len(text) // 2
        yield batch(text[:half])
        together.wait()
        yield batch(text[half:])

    return [rows(text) for text in partitions]


FOUR = [lines(10_000, start) for start in range(0, 40_000, 10_000)]


def test_max_sessions_1_means_one_channel_for_all_files_and_success(
    runtime: Runtime, start_sshd: Start, out: Path
) -> None:
    server = start_sshd(MaxSessions=1)
    job = job_to(server, out, channels_per_file=4, files_per_partition=2, max_connections=2)
    parts = parts_of(in_parallel(job, meeting(FOUR)))
    server.wait_for_log("no more sessions")
    stats = runtime.pool(job.options).get_stats()
    assert stats.channels == stats.size <= 2
    job.commit(parts)
    assert len(visible(out)) == 8
    found = b"".join(file for file in visible(out) if isinstance(file, bytes))
    assert sorted(found.splitlines()) == content(*FOUR).splitlines()


@contextmanager
def the_one_place_taken(server: SSHD) -> Iterator[socket.socket]:
    """A client connects and never logs in: with MaxStartups=1 no other one can connect."""
    arrived = "Connection from"
    before = server.log_text().count(arrived)
    with socket.create_connection((server.host, server.port), timeout=30) as client:
        server.wait_for_log(arrived, count=before + 1)
        yield client


def test_max_startups_1_means_the_connection_that_is_there_for_all_tasks_and_success(
    runtime: Runtime, start_sshd: Start, out: Path
) -> None:
    server = start_sshd(MaxStartups=1)
    job = job_to(server, out)
    first = write_part(job, 4, [batch(lines(10, 40_000))])
    with the_one_place_taken(server):
        parts = parts_of(in_parallel(job, meeting(FOUR)))
        server.wait_for_log("past MaxStartups")
    assert server.logins() == 2  # the driver's, and one for all tasks
    stats = runtime.pool(job.options).get_stats()
    assert (stats.size, stats.limit) == (1, 1)
    job.commit([*parts, *first])
    assert visible(out) == [content(text) for text in [*FOUR, lines(10, 40_000)]]


def test_max_startups_1_means_waiting_for_a_place_where_there_is_no_connection_and_success(
    start_sshd: Start, out: Path
) -> None:
    """From OpenSSH 9.8 on, a client that leaves without a login also gets its address a penalty.

    An older sshd knows no PerSourcePenalties: there it is the waiting alone that is shown.
    """
    penalties: dict[str, object] = {}
    if _version(_find_sshd()) >= (9, 8):
        penalties["PerSourcePenalties"] = "noauth:1s min:1s"
    server = start_sshd(MaxStartups=1, **penalties)
    job = job_to(server, out, max_retries=20)
    with the_one_place_taken(server):
        writing = in_parallel(job, [[batch(text)] for text in FOUR])
        server.wait_for_log("past MaxStartups", count=5)
    job.commit(parts_of(writing))
    assert visible(out) == [content(text) for text in FOUR]


# Ends that come too early


@pytest.mark.parametrize(
    "options",
    [{}, {"max_records_per_file": 3_000}, {"commit_mode": "direct"}],
    ids=["one file", "several files", "direct"],
)
def test_a_task_that_outlives_the_abort_of_its_job_fails_and_nothing_is_left(
    sshd: SSHD, out: Path, options: dict[str, Any]
) -> None:
    job = job_to(sshd, out, **options)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(20_000))
        job.abort()
        yield batch(lines(20_000, 20_000))

    with pytest.raises(TransferError, match="the job this task belongs to has ended"):
        write_part(job, 0, rows())
    assert visible(out) == []


def test_a_task_that_fails_in_the_middle_of_a_request_leaves_nothing_running(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link, max_buffer_bytes="1m")
    before = LeakCheck(runtime, link.port)
    link.freeze_after(100_000)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(5_000))  # half of what may be in memory: no wait for space
        link.wait_for_freeze()  # from here on no answer can come
        raise ZeroDivisionError("the user's")

    with within(BOUND), pytest.raises(ZeroDivisionError, match="the user's"):
        write_part(job, 0, rows())
    before.assert_no_more()
    link.restore()
    # What was in flight when it was cancelled must not be met again.
    pool, logins = runtime.pool(job.options), sshd.logins()
    assert (pool.get_stats().size, pool.get_stats().leases) == (0, 0)
    parts = upload(job, lines(10))
    assert sshd.logins() == logins + 1
    job.commit(parts)
    assert visible(out) == [content(lines(10))]
