"""Silence and slowness between a job and a real OpenSSH: frozen, half open, slow, far away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import ConnectError, ConnectionLostError, StalledError
from sftp_async.remote.runtime import Runtime
from sftp_async.write.job import Job
from sftp_async.write.task import TaskWriter
from tests.support.delay import DelayProxy
from tests.support.jobs import upload, write_part
from tests.support.leaks import LeakCheck
from tests.support.network_faults import (
    BOUND,
    batch,
    content,
    impatient,
    job_to,
    lines,
    visible,
    within,
)
from tests.support.processes import is_running, sftp_servers, stopped
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD
from tests.support.waiting import ExpectedLog, soon

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("runtime"),
]

Start = Callable[..., SSHD]
Link = Callable[..., FaultProxy]

TEXTS = [lines(30), lines(20, 30), lines(10, 50)]


def assert_given_up(before: LeakCheck, link: FaultProxy, job: Job, out: Path) -> None:
    """Nothing of it is left here, and once the line is back, nothing on the server."""
    before.assert_no_more()
    link.restore()
    job.abort()
    assert visible(out) == []


def test_a_frozen_session_is_given_up_within_the_bound_and_nothing_leaks(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    before = LeakCheck(runtime, link.port)
    link.freeze_after(1_000_000)
    with within(BOUND), pytest.raises(StalledError):
        upload(impatient(job), lines(40_000))
    assert_given_up(before, link, job, out)


def test_a_session_frozen_at_the_commit_is_given_up_within_the_bound_and_nothing_leaks(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    hasty = impatient(job)
    before = LeakCheck(runtime, link.port)
    parts = upload(hasty, *TEXTS)
    link.freeze()
    with within(BOUND), pytest.raises(StalledError):
        hasty.commit(parts)
    assert_given_up(before, link, job, out)


def test_a_session_frozen_in_its_login_is_given_up_within_the_bound_and_nothing_leaks(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    before = LeakCheck(runtime, link.port)
    link.freeze_after(25)
    with within(BOUND), pytest.raises(ConnectError, match="did not finish the login"):
        upload(impatient(job, connect_timeout=1.0), lines(10))
    assert_given_up(before, link, job, out)


def test_a_session_that_answers_no_keepalive_is_given_up_though_patience_is_long(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    asking = impatient(job, stall_timeout=60.0, operation_timeout=60.0, keepalive_interval=0.3)
    before = LeakCheck(runtime, link.port)
    link.freeze_after(1_000_000)
    with within(BOUND), pytest.raises(ConnectionLostError, match="keepalive"):
        upload(asking, lines(40_000))
    assert_given_up(before, link, job, out)


def test_a_frozen_sftp_server_is_given_up_within_the_bound_and_nothing_leaks(
    runtime: Runtime, start_sshd: Start, out: Path
) -> None:
    server = start_sshd()
    job = job_to(server, out)
    before, drivers = LeakCheck(runtime, server.port), sftp_servers(server)
    frozen: list[int] = []
    with stopped() as stop:

        def rows() -> Iterator[pa.RecordBatch]:
            yield batch(lines(20_000))
            frozen.extend(pid for pid in sftp_servers(server) if pid not in drivers)
            stop(frozen)
            yield batch(lines(20_000, 20_000))

        with within(BOUND), pytest.raises(StalledError):
            write_part(impatient(job), 0, rows())
        before.assert_no_more()
        job.abort()
        assert visible(out) == []
    # It goes on, with the requests that it had not read yet.
    assert soon(lambda: not any(is_running(pid) for pid in frozen))
    assert visible(out) == []


def test_a_frozen_sftp_server_is_left_behind_and_does_no_harm_when_it_thaws(
    start_sshd: Start, out: Path
) -> None:
    server = start_sshd()
    job = impatient(job_to(server, out), max_retries=4)
    drivers = sftp_servers(server)
    frozen: list[int] = []
    with stopped() as stop:

        def rows() -> Iterator[pa.RecordBatch]:
            yield batch(lines(20_000))
            frozen.extend(pid for pid in sftp_servers(server) if pid not in drivers)
            stop(frozen)
            yield batch(lines(20_000, 20_000))

        job.commit(write_part(job, 0, rows()))
        assert server.logins() == 3
        assert visible(out) == [content(lines(40_000))]
    assert soon(lambda: not any(is_running(pid) for pid in frozen))
    assert visible(out) == [content(lines(40_000))]


def test_a_half_open_connection_is_given_up_within_the_bound_and_nothing_leaks(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    before = LeakCheck(runtime, link.port)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(20_000))
        link.vanish()
        yield batch(lines(20_000, 20_000))

    with within(BOUND), pytest.raises(StalledError):
        write_part(impatient(job), 0, rows())
    assert_given_up(before, link, job, out)


def test_a_network_that_stays_away_ends_in_an_error_within_the_retries_and_nothing_leaks(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    hasty = impatient(job, max_retries=2, connect_timeout=1.0)
    before = LeakCheck(runtime, link.port)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(20_000))
        link.vanish()
        yield batch(lines(20_000, 20_000))

    with within(BOUND), pytest.raises(ConnectError) as caught:
        write_part(hasty, 0, rows())
    assert caught.value.retryable
    assert_given_up(before, link, job, out)


def test_a_network_that_comes_back_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    hasty = impatient(job, max_retries=20, connect_timeout=1.0)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(20_000))
        link.vanish()
        # Closing the file needs the server, whatever it had acknowledged before it vanished.
        yield batch(lines(20_000, 20_000))

    with ExpectedLog(
        "sftp_async.remote.upload", "did not finish the login", then=link.restore
    ) as timeout:
        parts = write_part(hasty, 0, rows())
        timeout.wait(0)
    job.commit(parts)
    assert visible(out) == [content(lines(40_000))]


# Low bandwidth and high latency


def watched(runtime: Runtime, job: Job, batches: Iterable[pa.RecordBatch]) -> tuple[Any, int]:
    """Write a partition; returns its parts, and the most bytes that were not acknowledged."""
    task = TaskWriter(job.layout, job.options, job.file_format, 0, runtime)
    most = 0

    async def held() -> int:
        transfers = [part.handle._upload for part in task._uploads._in_flight]
        return sum(len(view) for each in transfers for view in each._unacknowledged.values())

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal most
        for one in batches:
            yield one
            most = max(most, runtime.run(held()))

    return task.write(rows()), most


def test_a_slow_network_ends_in_success_with_the_same_bytes_and_bounded_memory(
    runtime: Runtime, sshd: SSHD, proxy: Link, out: Path
) -> None:
    text, link = lines(2_600), proxy(sshd)
    # It takes four seconds: longer than the patience with one that says nothing.
    job = job_to(sshd, out, link, max_buffer_bytes="128k", stall_timeout="3", max_retries=0)
    link.throttle(64 * 1024)
    batches = (batch(text[start : start + 100]) for start in range(0, len(text), 100))
    parts, most = watched(runtime, job, batches)
    assert 64 * 1024 < most <= 128 * 1024
    link.restore()
    job.commit(parts)
    assert visible(out) == [content(text)]


def test_a_high_latency_network_ends_in_success_with_the_same_bytes_and_bounded_memory(
    runtime: Runtime, sshd: SSHD, out: Path
) -> None:
    text = lines(10_000)
    far = DelayProxy(sshd.host, sshd.port, round_trip=0.1).start()
    try:
        job = job_to(sshd, out, far, max_retries=0)
        batches = (batch(text[start : start + 500]) for start in range(0, len(text), 500))
        parts, most = watched(runtime, job, batches)
        assert 64 * 1024 < most <= 256 * 1024
        job.commit(parts)
    finally:
        far.stop()
    assert visible(out) == [content(text)]
