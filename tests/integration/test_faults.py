"""Broken lines between a job and a real OpenSSH: cut anywhere, gone and back, replies lost."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import AcknowledgedDataLostError
from tests.functional.remote.ssh.connections import connected
from tests.support.jobs import upload, write_part
from tests.support.network_faults import batch, content, is_staged, job_to, lines, staged, visible
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD
from tests.support.waiting import ExpectedLog

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("runtime"),
]

Start = Callable[..., SSHD]
Link = Callable[..., FaultProxy]

#: Lines of 100 bytes.
SIZES = {"a line": 1, "300 KB": 3_000, "4 MB": 40_000}


# An undisturbed job, which all others are compared with


@pytest.mark.parametrize("size", SIZES)
def test_an_undisturbed_job_writes_just_these_bytes(sshd: SSHD, out: Path, size: str) -> None:
    text = lines(SIZES[size])
    job = job_to(sshd, out)
    job.commit(upload(job, text))
    assert visible(out) == [content(text)]
    assert len(content(text)) == SIZES[size] * 100


# Reset after some bytes


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("after", [1, 700, 1_500], ids=lambda after: f"byte {after}")
def test_a_reset_during_the_login_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path, size: str, after: int
) -> None:
    text, link = lines(SIZES[size]), proxy(sshd)
    job = job_to(sshd, out, link)
    link.cut_after(after)
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("point", [0.05, 0.5, 0.95], ids=["early", "middle", "late"])
def test_a_reset_within_a_file_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path, size: str, point: float
) -> None:
    text, link = lines(SIZES[size]), proxy(sshd)
    job = job_to(sshd, out, link)
    upload(job, text)  # logs in
    before = link.forwarded
    upload(job, text)
    link.cut_after(int(point * (link.forwarded - before)))
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


@pytest.mark.parametrize("size", SIZES)
def test_a_reset_before_the_reply_to_the_open_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path, size: str
) -> None:
    text, link = lines(SIZES[size]), proxy(sshd)
    job = job_to(sshd, out, link)
    link.cut_before_reply(lambda: bool(staged(out)))
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


def test_a_connection_that_is_reset_again_and_again_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path
) -> None:
    text, link = lines(40_000), proxy(sshd)
    job = job_to(sshd, out, link, max_retries=2)
    link.cut_after(600_000, times=None)
    parts = upload(job, text)
    assert link.cuts > 3  # more often than max_retries: each time it got further
    link.restore()
    job.commit(parts)
    assert visible(out) == [content(text)]


# The end of a file


@pytest.fixture(params=["in one flight", "one by one"])
def server(request: pytest.FixtureRequest, start_sshd: Start) -> SSHD:
    """One that takes the last writes, the close and the stat in one flight, or one by one."""
    if request.param == "one by one":
        # Without fsync it does not count as a server of plain files.
        return start_sshd(Subsystem="sftp internal-sftp -P fsync")
    return start_sshd()


def one_by_one(start_sshd: Start) -> SSHD:
    return start_sshd(Subsystem="sftp internal-sftp -P fsync")


@pytest.mark.asyncio
async def test_without_fsync_openssh_is_served_one_by_one(start_sshd: Start) -> None:
    async with connected(start_sshd().options()) as connection:
        assert connection.in_order
    async with connected(one_by_one(start_sshd).options()) as connection:
        assert not connection.in_order


@pytest.mark.parametrize("size", SIZES)
def test_a_reset_when_all_is_written_and_not_yet_closed_ends_in_success_with_the_same_bytes(
    server: SSHD, proxy: Link, out: Path, size: str
) -> None:
    text, link = lines(SIZES[size]), proxy(server)
    job = job_to(server, out, link)
    link.cut_before_reply(lambda: is_staged(out, len(content(text))))
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


@pytest.mark.parametrize("size", SIZES)
def test_a_reset_in_place_of_the_close_ends_in_success_with_the_same_bytes(
    start_sshd: Start, proxy: Link, out: Path, size: str
) -> None:
    server = one_by_one(start_sshd)
    text, link = lines(SIZES[size]), proxy(server)
    job = job_to(server, out, link)
    # All answers to the writes have come when the client asks for the next thing: the close.
    link.cut_before_request(lambda: is_staged(out, len(content(text))))
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


def test_a_server_that_crashed_before_the_close_is_caught_by_the_size_and_the_task_retried(
    server: SSHD, proxy: Link, out: Path
) -> None:
    text, link = lines(40_000), proxy(server)
    job = job_to(server, out, link)

    def crashed() -> bool:
        """It had acknowledged all, and had half of it on its disk."""
        if not is_staged(out, len(content(text))):
            return False
        os.truncate(staged(out)[0], len(content(text)) // 2)
        return True

    link.cut_before_reply(crashed)
    with pytest.raises(AcknowledgedDataLostError, match="lost data") as caught:
        upload(job, text)
    assert caught.value.retryable
    assert link.cuts == 1
    job.commit(upload(job, text))  # as Spark does
    assert visible(out) == [content(text)]


def test_bytes_lost_before_the_close_are_caught_by_the_size_though_no_connection_broke(
    start_sshd: Start, proxy: Link, out: Path
) -> None:
    server = one_by_one(start_sshd)
    text, link = lines(3_000), proxy(server)
    job = job_to(server, out, link)

    def lose_some() -> bool:
        if is_staged(out, len(content(text))):
            os.truncate(staged(out)[0], len(content(text)) - 1)
        return False

    link.cut_before_request(lose_some)
    with pytest.raises(AcknowledgedDataLostError, match="299,999 of 300,000 bytes"):
        upload(job, text)
    link.restore()
    job.commit(upload(job, text))
    assert visible(out) == [content(text)]


# The server itself


def test_sshd_killed_and_restarted_in_the_middle_of_a_file_ends_in_success_with_the_same_bytes(
    start_sshd: Start, out: Path
) -> None:
    server, half = start_sshd(), 20_000
    job = job_to(server, out, max_retries=12)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(half))  # eight times what may be in memory
        assert staged(out)[0].stat().st_size > 0
        server.stop()
        server.start()
        yield batch(lines(half, half))

    parts = write_part(job, 0, rows())
    assert server.logins() == 3  # the driver, the upload, the upload again
    job.commit(parts)
    assert visible(out) == [content(lines(2 * half))]


def test_sessions_killed_in_the_middle_of_a_file_end_in_success_with_the_same_bytes(
    start_sshd: Start, out: Path
) -> None:
    server, half = start_sshd(), 20_000
    job = job_to(server, out)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(half))
        server.kill_sessions()
        yield batch(lines(half, half))

    parts = write_part(job, 0, rows())
    assert server.logins() == 3
    job.commit(parts)
    assert visible(out) == [content(lines(2 * half))]


def test_sshd_restarted_between_upload_and_commit_ends_in_success(
    start_sshd: Start, out: Path
) -> None:
    server = start_sshd()
    job = job_to(server, out, max_retries=12)
    parts = upload(job, lines(10))
    server.stop()
    server.start()
    job.commit(parts)
    assert visible(out) == [content(lines(10))]


def test_a_server_that_refuses_connections_for_a_while_ends_in_success_with_the_same_bytes(
    sshd: SSHD, proxy: Link, out: Path
) -> None:
    link, half = proxy(sshd), 20_000
    job = job_to(sshd, out, link, max_retries=20)

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(lines(half))
        link.refuse()
        link.cut()
        # Closing the file needs the server, whatever it had acknowledged before the cut.
        yield batch(lines(half, half))

    with ExpectedLog("sftp_async.remote.pool", "retry 2 in", then=link.restore) as retry:
        parts = write_part(job, 0, rows())
        retry.wait(0)
    job.commit(parts)
    assert visible(out) == [content(lines(2 * half))]


# Lost requests and replies of a commit

TEXTS = [lines(30), lines(20, 30), lines(10, 50)]


def finals(out: Path) -> list[Path]:
    return list(out.glob("part-*"))


#: How much of a commit the server has carried out when the reply to that is lost.
MOMENTS = {
    "the first rename": lambda out: len(finals(out)) >= 1,
    "the last rename": lambda out: len(finals(out)) == 3 and not staged(out),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rename_whose_reply_is_lost_is_recognised_as_done(
    sshd: SSHD, proxy: Link, out: Path, moment: str
) -> None:
    link = proxy(sshd)
    job = job_to(sshd, out, link)
    parts = upload(job, *TEXTS)
    link.cut_before_reply(lambda: MOMENTS[moment](out))
    done = job.commit(parts)
    assert link.cuts == 1
    assert (done.files, done.rows) == (3, 60)
    assert visible(out) == [content(text) for text in TEXTS]


def test_the_removal_of_old_data_whose_reply_is_lost_is_recognised_as_done(
    sshd: SSHD, proxy: Link, out: Path
) -> None:
    job = job_to(sshd, out)
    job.commit(upload(job, lines(5)))
    (old,) = out.iterdir()
    link = proxy(sshd)
    job = job_to(sshd, out, link, overwrite=True)
    parts = upload(job, *TEXTS)
    link.cut_before_reply(lambda: not old.exists())
    job.commit(parts)
    assert link.cuts == 1
    assert visible(out) == [content(text) for text in TEXTS]


@pytest.mark.parametrize("overwrite", [False, True], ids=["append", "overwrite"])
@pytest.mark.parametrize("what", ["request", "reply"])
def test_whatever_is_lost_of_a_commit_all_files_are_there_once(
    sshd: SSHD, proxy: Link, remote_dir: Path, what: str, overwrite: bool
) -> None:
    link = proxy(sshd)
    for number in range(1, 100):
        out = remote_dir / f"out-{number}"
        job = job_to(sshd, out)
        job.commit(upload(job, lines(5)))
        kept = [] if overwrite else visible(out)
        job = job_to(sshd, out, link, overwrite=overwrite)
        parts = upload(job, *TEXTS)
        before, asked = link.cuts, itertools.count(1)
        cut = link.cut_before_request if what == "request" else link.cut_before_reply
        cut(lambda asked=asked, number=number: next(asked) == number)
        job.commit(parts)
        if (out / "_temporary").exists():
            (out / "_temporary").rmdir()  # empty: the very last request was lost
        assert sorted(visible(out)) == sorted([*kept, *(content(text) for text in TEXTS)])
        if link.cuts == before:
            break
        link.restore()
    assert 6 < number < 99
