"""A server that takes a write only at the end of a file: every write path goes there in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest
import pytest_asyncio

from sftp_async import SFTPOptions
from sftp_async.errors import AcknowledgedDataLostError
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.ssh import Connection
from sftp_async.remote.upload import FileUpload
from sftp_async.tools.cli import transfer
from sftp_async.tools.cli.run import pool_of
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.channels import pool_to
from tests.support.jobs import write

DATA = os.urandom(5_000_000)


class AppendOnly(FolderServer):
    """Refuses a write that is not at the end, and drops connections at a given size."""

    #: Sizes of a file at which the connection is dropped, before an answer is sent.
    drop_at: ClassVar[list[int]] = []

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        size = os.fstat(file_obj.fileno()).st_size  # type: ignore[attr-defined]
        if offset != size:
            raise asyncssh.SFTPFailure("Illegal seek")
        written = super().write(file_obj, offset, data)
        if self.drop_at and size + written >= self.drop_at[0]:
            del self.drop_at[0]
            self.connection.abort()
        return written


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    AppendOnly.drop_at.clear()
    left_out = ["copy-data"]
    with EmbeddedServer(tmp_path / "served", sftp_factory=AppendOnly, without=left_out) as server:
        yield server


@pytest_asyncio.fixture
async def pool(server: EmbeddedServer) -> AsyncIterator[ConnectionPool]:
    async with pool_to(server.options()) as pool:
        yield pool


@pytest_asyncio.fixture
async def connection(pool: ConnectionPool) -> AsyncIterator[Connection]:
    async with pool.lease() as connection:
        yield connection


def upload_of(pool: ConnectionPool, data: bytes) -> FileUpload:
    upload = FileUpload("a", pool, RetryPolicy(4, 0.01), lambda size: None)
    for start in range(0, len(data), 1_500_000):
        upload.feed(memoryview(data)[start : start + 1_500_000])
    upload.end()
    return upload


@pytest.mark.asyncio
async def test_an_upload_writes_in_order(server: EmbeddedServer, pool: ConnectionPool) -> None:
    await upload_of(pool, DATA).run()
    assert (server.root / "a").read_bytes() == DATA


def test_a_join_through_the_driver_writes_in_order(server: EmbeddedServer) -> None:
    partitions = [[f"{part} {line} ".ljust(999, "x") for line in range(2000)] for part in range(4)]
    write(server.options(), "/all.txt", *partitions)
    found = (server.root / "all.txt").read_text().splitlines()
    assert found == [line for lines in partitions for line in lines]


@pytest.mark.asyncio
async def test_a_small_document_is_written_in_order(
    server: EmbeddedServer, connection: Connection
) -> None:
    for data in (DATA[:3_000_000], DATA):  # the second replaces the first
        await connection.write_file("document", data)
        assert (server.root / "document").read_bytes() == data


@pytest.mark.asyncio
async def test_put_writes_in_order(server: EmbeddedServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    options = SFTPOptions(**server.options())
    given = transfer.Source(source)
    async with pool_of(options) as pool:
        await transfer.upload(pool, options, given, "/a", lambda _: None, replace=False)
    given.close()
    assert (server.root / "a").read_bytes() == DATA


# A connection that breaks in the middle


@pytest.mark.asyncio
async def test_a_file_of_which_nothing_was_acknowledged_is_written_again_from_its_start(
    server: EmbeddedServer, pool: ConnectionPool
) -> None:
    AppendOnly.drop_at = [1]
    await upload_of(pool, DATA).run()
    assert (server.root / "a").read_bytes() == DATA
    assert server.logins == 2


@pytest.mark.asyncio
async def test_a_file_that_the_server_does_not_let_resume_is_left_to_the_tasks_retry(
    pool: ConnectionPool,
) -> None:
    acknowledged = asyncio.Event()
    upload = FileUpload("a", pool, RetryPolicy(4, 0.01), lambda size: acknowledged.set())
    running = asyncio.create_task(upload.run())
    upload.feed(memoryview(DATA)[:1000])
    await acknowledged.wait()
    AppendOnly.drop_at = [1001]
    upload.feed(memoryview(DATA)[1000:])
    upload.end()
    with pytest.raises(AcknowledgedDataLostError, match=r"be resumed.*Illegal seek") as caught:
        await running
    assert caught.value.retryable
