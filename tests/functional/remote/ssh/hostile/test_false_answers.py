"""Well-formed answers that are false: too much, too little, without end, or not for us to read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncssh
import pytest
from asyncssh.constants import (
    FX_NO_SUCH_FILE,
    FXP_DATA,
    FXP_EXTENDED_REPLY,
    FXP_NAME,
    FXP_READ,
    FXP_READDIR,
    FXP_REALPATH,
    FXP_STAT,
    FXP_STATUS,
)
from asyncssh.packet import String, UInt32, UInt64

from sftp_async.errors import RemoteNotFoundError, StalledError
from sftp_async.remote.ssh import Connection, connection
from sftp_async.tools.testing.embedded_server import FolderServer
from tests.functional.remote.ssh.connections import connected
from tests.support.hostile_server import (
    Hostile,
    HostileSession,
    Kind,
    entry,
    error_of,
    impatient_with,
)
from tests.support.jobs import lines_in, real_job, upload

pytestmark = pytest.mark.one_python


@pytest.mark.asyncio
async def test_an_error_in_another_encoding_is_reported_by_its_code(hostile: Hostile) -> None:
    server = hostile()
    message = "Datei oder Verzeichnis für Aufträge nicht gefunden".encode("latin-1")

    def not_found(session: HostileSession, asked: Kind, number: int) -> None:
        session.answer(FXP_STATUS, number, UInt32(FX_NO_SUCH_FILE) + String(message) + String("de"))

    async with connected(server.options()) as connection:
        server.lies = {FXP_STAT: not_found}
        with pytest.raises(RemoteNotFoundError):
            await connection.stat("/there")
        assert connection.usable


@pytest.mark.asyncio
async def test_a_path_resolved_to_no_name_is_an_error_of_ours_and_ends_the_connection(
    hostile: Hostile,
) -> None:
    server = hostile()
    server.lies = {
        FXP_REALPATH: lambda session, asked, number: session.answer(FXP_NAME, number, UInt32(0))
    }
    error = await error_of(server, lambda connection: connection.realpath("."))
    assert "Cannot resolve" in error.message


@pytest.mark.asyncio
async def test_a_read_that_gives_more_than_was_asked_for_is_an_error_of_ours(
    hostile: Hostile,
) -> None:
    server = hostile()
    (server.root / "there").write_bytes(b"there")

    def plenty(session: HostileSession, asked: Kind, number: int) -> None:
        session.answer(FXP_DATA, number, String(bytes(1_000_000)))

    async def read(connection: Connection) -> None:
        file = await connection.open_read("/there")
        await file.read(5, 0)

    server.lies = {FXP_READ: plenty}
    error = await error_of(server, read)
    assert "Cannot read" in error.message


@pytest.mark.asyncio
async def test_a_server_that_takes_a_byte_at_a_time_does_not_get_a_request_for_each(
    hostile: Hostile,
) -> None:
    server = hostile()

    def tiny(session: HostileSession, asked: Kind, number: int) -> None:
        body = UInt64(1) * 3 + UInt64(0)  # largest packet, read and write; number of handles
        session.answer(FXP_EXTENDED_REPLY, number, body)

    server.lies = {b"limits@openssh.com": tiny}

    async with connected(server.options()) as connection:
        offered = connection.capabilities
        assert min(offered.max_read, offered.max_write) >= 1024


# What never ends, and what lies too deep


@pytest.mark.asyncio
@pytest.mark.parametrize("name", [b"%d.txt", b"../%d"], ids=["files", "no names"])
async def test_a_listing_that_never_ends_is_given_up(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    monkeypatch.setattr(connection, "LARGEST_LISTING", 1000, raising=False)

    class Endless(FolderServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for number in range(20_000):  # it ends all the same, for the sake of the test
                yield entry(name % number)

    error = await error_of(hostile(Endless), lambda connection: connection.listdir("/"))
    assert "Cannot list" in error.message


@pytest.mark.asyncio
async def test_a_listing_of_ever_more_nothing_is_given_up(hostile: Hostile) -> None:
    server = hostile()
    server.lies = {
        FXP_READDIR: lambda session, asked, number: session.answer(FXP_NAME, number, UInt32(0))
    }
    with impatient_with("list"):
        error = await error_of(server, lambda connection: connection.listdir("/"))
    assert isinstance(error, StalledError)


@pytest.mark.parametrize(
    "document", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b"1" * 10_000]
)
def test_an_intent_that_is_not_of_this_package_does_not_stop_a_job(
    hostile: Hostile, document: bytes
) -> None:
    server = hostile()
    staging = server.root / "out" / "_temporary"
    staging.mkdir(parents=True)
    (staging / f"{'a' * 32}.intent.json").write_bytes(document)
    job = real_job(server.options(), "/out").prepare()
    job.commit(upload(job, ["one"]))
    assert lines_in(server.root / "out") == ["one"]
