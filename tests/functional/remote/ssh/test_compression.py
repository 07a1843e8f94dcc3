"""`compression_on_the_wire`: agreed on with sshd, and done without where the server has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sftp_async import SFTPOptions
from sftp_async.remote.ssh import connect
from sftp_async.remote.ssh.connection import Connection
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

CONTENT = bytes(range(256)) * 4096


def compression_of(connection: Connection) -> tuple[Any, Any]:
    ssh = connection._guard._ssh
    return tuple(ssh.get_extra_info(f"{way}_compression") for way in ("send", "recv"))


async def round_trip(connection: Connection, path: str) -> bytes:
    file = await connection.open_new(path)
    await file.write(CONTENT, 0)
    await file.close()
    file = await connection.open_read(path)
    content = await file.read(len(CONTENT), 0)
    await file.close()
    return content


@pytest.mark.asyncio
async def test_sshd_compresses_both_ways_and_every_byte_is_right(
    sshd: SSHD, remote_dir: Path
) -> None:
    given: dict[str, Any] = sshd.options()
    connection = await connect(SFTPOptions(**given, compression_on_the_wire=True))
    assert compression_of(connection) == ("zlib@openssh.com", "zlib@openssh.com")
    assert await round_trip(connection, f"{remote_dir}/file") == CONTENT
    await connection.close()


@pytest.mark.asyncio
async def test_a_server_without_compression_is_no_error(embedded_server: EmbeddedServer) -> None:
    given: dict[str, Any] = embedded_server.options()
    connection = await connect(SFTPOptions(**given, compression_on_the_wire=True))
    assert {*compression_of(connection)} <= {None, "none"}
    assert await round_trip(connection, "/file") == CONTENT
    await connection.close()


@pytest.mark.asyncio
async def test_nothing_is_compressed_unless_it_is_asked_for(sshd: SSHD) -> None:
    given: dict[str, Any] = sshd.options()
    connection = await connect(SFTPOptions(**given))
    assert {*compression_of(connection)} <= {None, "none"}
    await connection.close()
