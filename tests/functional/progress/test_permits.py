"""Permits of a driver over real sockets: never a connection too many, and none is ever lost."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import ConnectError, OptionsError, PoolTimeout
from sftp_async.progress import permit_desk, permit_server
from sftp_async.progress import permits as client
from sftp_async.progress.listener import Listener
from sftp_async.progress.messages import Address
from sftp_async.progress.permit_messages import PermitRequest, frame
from sftp_async.progress.permit_server import bound_sockets
from sftp_async.progress.permits import DriverPermits
from sftp_async.progress.state import WriteState
from sftp_async.read.chunk_stream import ChunkStream
from sftp_async.read.scan import plan_scan
from sftp_async.remote import connection_limits, pooled_connection
from sftp_async.remote.file_version import FileVersion
from sftp_async.remote.permits import Permit, Terms
from sftp_async.remote.resumable_download import Download
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import Runtime
from sftp_async.remote.token_bucket import TokenBucket
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.guests import NoDisplay, counting, worker, write_with
from tests.support.jobs import LINES, real_job
from tests.support.requirements import skip_without

pytestmark = pytest.mark.one_python

ONE = Terms("partner@host:22", 1, None)


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener("127.0.0.1", WriteState(), NoDisplay)
    yield one
    one.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are given up, and permits are free, after moments instead of seconds."""
    monkeypatch.setattr(pooled_connection, "QUIET", 0.05)
    monkeypatch.setattr(connection_limits, "LOOK", 0.05)
    monkeypatch.setattr(permit_desk, "REST", 0.01)


class Holder:
    """Hears what a pool would hear."""

    def __init__(self) -> None:
        self.waiting: list[bool] = []
        self.lost = asyncio.Event()

    def others_wait(self, waiting: bool) -> None:
        self.waiting.append(waiting)

    def permit_lost(self, permit: Permit) -> None:
        self.lost.set()


def take(
    address: Address, terms: Terms = ONE, holder: Holder | None = None, *, wait: bool = True
) -> Any:
    return DriverPermits(address).take(terms, holder or Holder(), wait=wait, urgent=False)


def batch(*lines: str) -> pa.RecordBatch:
    return pa.record_batch([pa.array(lines, pa.string())], schema=LINES)


def test_twenty_workers_never_open_a_sixth_connection_and_all_rows_are_there(
    embedded_server: EmbeddedServer, listener: Listener, stack: ExitStack
) -> None:
    counted = counting(embedded_server)
    job = real_job(embedded_server.options(), "/out", max_total_connections=5)
    job = job.with_listener(listener.address).prepare()
    workers = [worker(stack, listener.address) for _ in range(20)]
    rows = [[f"{number}-{row}" for row in range(2_000)] for number in range(20)]

    parts = write_with(workers, job, [[batch(*lines)] for lines in rows])
    job.commit(parts)

    assert counted.most == 5
    written = Path(embedded_server.root, "out").glob("part-*")
    lines = [line for file in written for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(line for part in rows for line in part)


@pytest.mark.usefixtures("in_a_hurry", "as_openssh")
def test_a_task_that_reads_and_writes_over_the_only_connection_gets_to_its_end(
    listener: Listener, stack: ExitStack, tmp_path: Path
) -> None:
    # Its blocks are small then.
    embedded_server = EmbeddedServer(tmp_path / "served", without=("limits@openssh.com",))
    stack.enter_context(embedded_server)
    counted = counting(embedded_server)
    content = b"x" * 128 * 1024
    Path(embedded_server.root, "in").write_bytes(content)
    small = {"chunk_size": 8192, "max_buffer_bytes": 16384, "max_total_connections": 1}
    job = real_job(embedded_server.options(), "/out", **small)
    job = job.with_listener(listener.address).prepare()
    reads, writes = (worker(stack, listener.address) for _ in "ab")
    mtime = Path(embedded_server.root, "in").stat().st_mtime
    download = Download(
        reads.pool(job.options),
        RetryPolicy(0, 0.0),
        FileVersion("/in", len(content), mtime),
        window=4096,
    )

    def rows() -> Iterator[pa.RecordBatch]:
        pieces = download.read_range(0, len(content))
        with ChunkStream(reads, pieces, 4096, lambda _: None) as chunks:
            for chunk in chunks:
                for start in range(0, len(chunk), 4096):
                    yield batch(chunk[start : start + 4096].decode())

    parts = write_with([writes], job, [rows()])  # type: ignore[list-item] # a stream of them
    reads.run(download.close())
    job.commit(parts)

    (written,) = Path(embedded_server.root, "out").glob("part-*")
    assert written.read_bytes().replace(b"\n", b"") == content
    assert counted.most == 1


def test_every_byte_that_is_sent_and_read_keeps_to_the_pace(
    embedded_server: EmbeddedServer,
    listener: Listener,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []

    async def count(_: TokenBucket, size: int) -> None:
        taken.append(size)

    monkeypatch.setattr(TokenBucket, "take", count)
    job = real_job(embedded_server.options(), "/out", max_bandwidth="1GiB")
    job = job.with_listener(listener.address).prepare()
    one = worker(stack, listener.address)
    taken.clear()
    (part,) = write_with([one], job, [[batch("x" * 3_000_000)]])
    assert sum(taken) == part.size == 3_000_001
    assert len(taken) > 2
    job.commit([part])

    (written,) = Path(embedded_server.root, "out").glob("part-*")
    version = FileVersion(f"/out/{written.name}", part.size, written.stat().st_mtime)
    download = Download(one.pool(job.options), RetryPolicy(0, 0.0), version, window=2**20)
    taken.clear()
    one.run(download.read_ranges([(0, part.size)]))
    one.run(download.close())
    assert sum(taken) == part.size


@pytest.mark.asyncio
@pytest.mark.usefixtures("in_a_hurry")
async def test_a_killed_worker_leaves_its_permit_to_the_next(listener: Listener) -> None:
    address = listener.address
    script = (
        "import asyncio\n"
        "from sftp_async.progress.messages import Address\n"
        "from tests.functional.progress.test_permits import take\n"
        "async def hold():\n"
        f"    await take(Address('{address.host}', {address.port}, {address.key!r}))\n"
        "    print('held', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(hold())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"held\n"
        assert await take(address, wait=False) is None
        process.kill()
    permit = await take(address)
    assert permit is not None
    permit.release(closed=True)


@pytest.mark.asyncio
async def test_a_holder_hears_that_others_wait_and_of_the_driver_s_end(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    holder = Holder()
    held = await take(listener.address, holder=holder)
    waiting = asyncio.create_task(take(listener.address))
    while True not in holder.waiting:
        await asyncio.sleep(0)

    await asyncio.to_thread(listener.close)
    await holder.lost.wait()
    with pytest.raises(ConnectError, match="hands out no permit"):
        await waiting
    with pytest.raises(ConnectError, match="Ensure that executors reach the driver"):
        await take(listener.address)
    held.release(closed=True)  # too late is no matter
    assert caplog.messages == []


@pytest.mark.asyncio
async def test_a_wait_ends_with_how_many_are_in_use(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "FIRST_NOTE", 0.01)
    held = await take(listener.address)
    with pytest.raises(PoolTimeout, match=r"within 0.1 seconds: 1 of 1 are in use") as caught:
        await take(listener.address, Terms(ONE.account, 1, None, wait=0.1))
    held.release(closed=True)
    assert not caught.value.retryable
    assert "waiting for a connection for 0 s: 1 of 1 in use" in caplog.text


@pytest.mark.asyncio
async def test_the_driver_divides_the_bandwidth_while_connections_come_and_go(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "IDLE_AFTER", 0)
    terms = Terms("partner@host:22", None, 900_000)
    first = await take(listener.address, terms)
    assert first.bucket.rate == 900_000
    second = await take(listener.address, terms)
    assert second.bucket.rate == 450_000
    second.use(False)
    while first.bucket.rate != 900_000:
        await asyncio.sleep(0)
    second.use(True)
    while first.bucket.rate != 450_000:
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_between_files_a_connection_keeps_its_share_of_the_bandwidth(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "IDLE_AFTER", 3600)
    terms = Terms("partner@host:22", None, 900_000)
    first, second = [await take(listener.address, terms) for _ in "ab"]
    for busy in (False, True, False):
        second.use(busy)
    third = await take(listener.address, terms)
    assert third.bucket.rate == 300_000
    assert second.bucket.fills
    second.release(closed=True)
    while first.bucket.rate != 450_000:
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_connection_that_is_idle_for_long_gains_no_bytes_until_it_is_used(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "IDLE_AFTER", 0)
    held = await take(listener.address, Terms("partner@host:22", None, 900_000))
    held.use(False)
    while held.bucket.fills:
        await asyncio.sleep(0)
    held.use(True)
    assert held.bucket.fills


@pytest.mark.asyncio
async def test_a_permit_is_returned_when_the_bytes_that_have_passed_are_paid_for(
    listener: Listener,
) -> None:
    terms = Terms(ONE.account, 1, 100_000)
    held = await take(listener.address, terms)
    await held.bucket.take(10_000_000)
    held.release(closed=True)
    assert await take(listener.address, terms, wait=False) is None
    held.end()

    held = await take(listener.address, terms)
    await held.bucket.take(1_000)
    held.release(closed=True)
    assert await take(listener.address, terms) is not None


@pytest.mark.usefixtures("in_a_hurry")
def test_a_permit_whose_bytes_are_not_paid_for_ends_with_its_process_s_runtime(
    listener: Listener,
) -> None:
    first, second = Runtime(), Runtime()
    try:
        held = first.run(take(listener.address, Terms(ONE.account, 1, 100_000)))
        first.run(held.bucket.take(10_000_000))
        first.loop.call_soon_threadsafe(partial(held.release, closed=True))
    finally:
        first.close()
    try:
        assert second.run(take(listener.address)) is not None
    finally:
        second.close()


@pytest.mark.asyncio
async def test_a_permit_is_returned_where_a_fork_of_the_worker_has_its_socket_too(
    listener: Listener,
) -> None:
    held = await take(listener.address)
    # As a process that was forked meanwhile.
    copy = os.dup(held._writer.get_extra_info("socket").fileno())
    waiting = asyncio.create_task(take(listener.address))
    try:
        held.release(closed=False)
        assert await waiting is not None
    finally:
        os.close(copy)


@pytest.mark.asyncio
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux")
async def test_a_machine_that_is_gone_is_noticed_also_while_bytes_are_on_their_way_to_it(
    listener: Listener,
) -> None:
    held = await take(listener.address)
    sock = held._writer.get_extra_info("socket")
    patience = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert patience == 1000 * (client.IDLE + 3 * client.INTERVAL)
    # The worker closes its connection before the driver gives its permit to another one.
    assert patience < 1000 * (permit_server.IDLE + 3 * permit_server.INTERVAL)


def test_a_server_that_is_closed_before_its_thread_has_begun_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Late(threading.Thread):
        def start(self) -> None:
            pass

        def join(self, timeout: float | None = None) -> None:
            super().start()
            super().join(timeout)

    monkeypatch.setattr(permit_server, "threading", SimpleNamespace(Thread=Late))
    datagrams, streams = bound_sockets("127.0.0.1")
    permit_server.PermitServer(streams, b"k" * 32).close()
    datagrams.close()
    assert streams.fileno() == -1
    assert caplog.messages == []


def test_what_waits_for_a_permit_ends_with_its_process_s_runtime(
    listener: Listener, embedded_server: EmbeddedServer, stack: ExitStack
) -> None:
    options = SFTPOptions(**embedded_server.options(), max_total_connections=1)
    first = worker(stack, listener.address)
    second = Runtime()
    second.permits = DriverPermits(listener.address)

    async def lease(runtime: Runtime) -> None:
        async with runtime.pool(options).lease(lambda: True):
            leased.set()
            await asyncio.Event().wait()

    leased = threading.Event()
    holds = first.submit(lease(first))
    leased.wait()
    waits = second.submit(lease(second))
    while not listener._permits.waiting:
        pass
    second.close()
    with pytest.raises(CancelledError):
        waits.result()
    holds.cancel()


@pytest.mark.asyncio
async def test_permits_are_handed_out_over_ipv6() -> None:
    if not socket.has_ipv6:
        skip_without("IPv6")
    listener = Listener("[::1]", WriteState(), NoDisplay)
    try:
        permit = await take(listener.address)
        assert permit is not None
        assert await take(listener.address, wait=False) is None
        permit.release(closed=True)
    finally:
        await asyncio.to_thread(listener.close)


def test_the_address_takes_connections_before_a_thread_serves_it() -> None:
    datagrams, streams = bound_sockets("127.0.0.1")
    with datagrams, streams, socket.create_connection(streams.getsockname()):
        pass


def conversation(address: Address, request: Callable[[str], bytes]) -> bytes:
    """What the listener answers to a first message."""
    with socket.create_connection((address.host, address.port)) as sock:
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            data += sock.recv(4096)
        nonce = data.split(b'"nonce": "')[1].split(b'"')[0].decode()
        sock.sendall(request(nonce))
        return sock.recv(4096)


def test_who_does_not_know_the_key_or_repeats_another_s_request_gets_no_answer(
    listener: Listener,
) -> None:
    address = listener.address

    def request(nonce: str, key: bytes = address.key) -> bytes:
        ask = PermitRequest("request", nonce, "b", "a@h:1", 1, None, "me", True, False)
        return frame(key, ask)

    assert conversation(address, request) != b""
    assert conversation(address, lambda nonce: request(nonce, b"k" * 32)) == b""
    assert conversation(address, lambda _: request("0" * 32)) == b""
    assert conversation(address, lambda _: b"\xff\xff\xff\xff") == b""


def test_without_a_listener_a_job_of_more_tasks_than_connections_is_refused_before_any_task(
    embedded_server: EmbeddedServer,
) -> None:
    counted = counting(embedded_server)
    for number in range(3):
        Path(embedded_server.root, f"{number}.txt").write_text("line\n")
    options = {**embedded_server.options(), "path": "/", "format": "text", "split": "false"}
    options |= {"max_partition_bytes": "1", "max_total_connections": "2"}

    with pytest.raises(OptionsError, match="3 tasks can run at once"):
        plan_scan(SFTPOptions.from_spark(options), LINES)
    scan, _, _ = plan_scan(SFTPOptions.from_spark(options), LINES, tasks_at_once=2)
    assert scan.options.max_total_connections == 1
    assert counted.most == 1
    assert not counted
