"""The end of a file in one flight: last writes, close and stat, and what answers may be wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import pytest

from sftp_async.errors import (
    AcknowledgedDataLostError,
    RemoteFailureError,
    RemoteSpaceError,
    TransferError,
)
from sftp_async.remote import preopen
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.ssh import error_mapping
from sftp_async.remote.upload import FileUpload
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.channels import pool_to

DATA = os.urandom(600_000)


class Faulty(FolderServer):
    """Answers wrongly a given number of times, over all its sessions."""

    faults: ClassVar[dict[str, int]] = {}

    def due(self, what: str) -> bool:
        left = self.faults.get(what, 0)
        self.faults[what] = left - 1
        return left > 0

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.due("write after close"):
            # What a client sees when its close has overtaken its write.
            raise asyncssh.SFTPFailure("invalid handle")
        if self.due("refused write"):
            raise asyncssh.SFTPPermissionDenied("no")
        if self.due("odd write"):
            raise asyncssh.SFTPFailure("the moon is full")
        return super().write(file_obj, offset, data)

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        if self.due("refused close"):
            raise asyncssh.SFTPFailure("the bytes could not be kept")
        if self.due("connection cut at close"):
            self.connection.abort()

    def stat(self, path: bytes) -> Any:
        found = super().stat(path)
        if self.due("stat before close"):
            return asyncssh.SFTPAttrs(size=0)
        if self.due("file not seen before close"):
            raise asyncssh.SFTPNoSuchFile("not yet")
        return found


@pytest.fixture
def server(as_openssh: None, tmp_path: Path) -> Iterator[EmbeddedServer]:
    Faulty.faults = {}
    with EmbeddedServer(tmp_path / "served", sftp_factory=Faulty) as server:
        yield server


async def write(server: EmbeddedServer, *names: str, any_name: bool = False) -> None:
    """Write `DATA` to each file, one after the other, on one connection as long as it lives."""
    retry = RetryPolicy(4, 0.01)
    async with pool_to(server.options()) as pool:
        for name in names:
            transfer = FileUpload(name, pool, retry, lambda size: None, any_name=any_name)
            transfer.feed(memoryview(DATA))
            transfer.end()
            file = await transfer.run()
            assert file.size == len(DATA)
            assert (server.root / file.path).read_bytes() == DATA


def sequential(flights: list[list[str]]) -> bool:
    return flights[-2:] == [["close"], ["look at"]]


@pytest.mark.asyncio
async def test_a_file_whose_end_is_known_takes_two_round_trips(
    server: EmbeddedServer, flights: list[list[str]]
) -> None:
    await write(server, "a")
    assert flights == [["create"], ["write"] * 3 + ["close", "look at"]]


@pytest.mark.asyncio
async def test_on_a_high_latency_server_it_takes_one_from_the_third_file_of_a_job_on(
    server: EmbeddedServer, flights: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preopen, "FAR", 0.0)
    await write(server, "a", "b", "c", "d", any_name=True)
    last = ["write"] * 3 + ["close", "look at"]
    assert flights == [["create"], last, ["create"], *[["create", *last]] * 3]


@pytest.mark.asyncio
async def test_a_server_of_an_unknown_kind_is_asked_one_by_one(
    embedded_server: EmbeddedServer, flights: list[list[str]]
) -> None:
    await write(embedded_server, "a")
    assert sequential(flights)


@pytest.mark.asyncio
async def test_a_write_that_came_too_late_is_written_again_and_then_one_by_one(
    server: EmbeddedServer, flights: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    Faulty.faults = {"write after close": 2}
    await write(server, "a")
    assert sequential(flights)
    assert "writing it again, one by one" in caplog.text
    assert server.logins == 1


@pytest.mark.asyncio
async def test_a_subclass_of_the_servers_failure_is_written_again_as_well(
    server: EmbeddedServer, flights: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class OddError(RemoteFailureError):
        """A failure that some later version knows more about."""

    monkeypatch.setitem(error_mapping._BY_TYPE, asyncssh.SFTPFailure, OddError)
    Faulty.faults = {"write after close": 2}
    await write(server, "a")
    assert sequential(flights)


@pytest.mark.asyncio
async def test_a_connection_remembers_that_its_server_keeps_no_order(
    server: EmbeddedServer, flights: list[list[str]]
) -> None:
    Faulty.faults = {"write after close": 1}
    await write(server, "a", "b")
    assert server.logins == 1
    assert sequential(flights)


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["stat before close", "file not seen before close"])
async def test_a_size_that_came_too_early_is_asked_for_again(
    server: EmbeddedServer, flights: list[list[str]], fault: str
) -> None:
    Faulty.faults = {fault: 1}
    await write(server, "a")
    assert flights[-1] == ["look at"]


@pytest.mark.asyncio
async def test_a_size_that_stays_wrong_is_lost_data(server: EmbeddedServer) -> None:
    Faulty.faults = {"stat before close": 2}
    with pytest.raises(AcknowledgedDataLostError, match="it has 0 of 600,000 bytes"):
        await write(server, "a")


@pytest.mark.asyncio
async def test_a_refused_write_is_reported_as_itself(server: EmbeddedServer) -> None:
    Faulty.faults = {"refused write": 1}
    with pytest.raises(TransferError, match="Cannot write: The server denied permission"):
        await write(server, "a")


@pytest.mark.asyncio
async def test_a_write_that_is_refused_again_is_reported_as_itself(server: EmbeddedServer) -> None:
    Faulty.faults = {"odd write": 100}
    with pytest.raises(TransferError, match="Cannot write: The server answered: the moon is full"):
        await write(server, "a")


@pytest.mark.asyncio
async def test_a_refused_close_is_reported_though_every_write_went_well(
    server: EmbeddedServer,
) -> None:
    Faulty.faults = {"refused close": 1}
    with pytest.raises(TransferError, match=r"Cannot close: .* the bytes could not be kept"):
        await write(server, "a")


@pytest.mark.asyncio
async def test_a_connection_that_breaks_in_the_last_flight_is_noticed_and_the_file_resumed(
    server: EmbeddedServer,
) -> None:
    Faulty.faults = {"connection cut at close": 1}
    await write(server, "a")
    assert server.logins == 2


@pytest.mark.asyncio
async def test_a_full_disk_is_reported_as_one_in_the_last_flight_too(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        bavail, frsize = 0, 4096

    async def statvfs(self: Any, path: str) -> Full:
        return Full()

    monkeypatch.setattr(asyncssh.SFTPClient, "statvfs", statvfs)
    Faulty.faults = {"odd write": 100}
    with pytest.raises(RemoteSpaceError, match="0 bytes are free"):
        await write(server, "a")
