"""Requests against OpenSSH: what its answers mean, its limits, and sessions that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import (
    ConnectionLostError,
    RemoteExistsError,
    RemotePermissionError,
    RemoteSpaceError,
)
from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import Connection, connect
from tests.functional.remote.ssh.connection_contract import CONTRACT
from tests.functional.remote.ssh.connections import connected
from tests.support import disk
from tests.support.sshd import SSHD

pytestmark = pytest.mark.usefixtures("home")

Start = Callable[..., SSHD]


@pytest.mark.asyncio
@pytest.mark.parametrize("requirement", CONTRACT, ids=lambda requirement: requirement.__name__)
async def test_on_openssh(sshd: SSHD, remote_dir: Path, requirement: Any) -> None:
    async with connected(sshd.options()) as connection:
        await requirement(connection, str(remote_dir))


# Limits


@pytest.mark.asyncio
async def test_a_read_only_server_denies_permission(start_sshd: Start, remote_dir: Path) -> None:
    (remote_dir / "a").write_text("x")

    async with connected(start_sshd(ForceCommand="internal-sftp -R").options()) as connection:
        for attempt in (
            connection.open_new(f"{remote_dir}/b"),
            connection.mkdir(f"{remote_dir}/b"),
            connection.makedirs(f"{remote_dir}/b/c"),
            connection.remove(f"{remote_dir}/a"),
            connection.rename(f"{remote_dir}/a", f"{remote_dir}/b"),
        ):
            with pytest.raises(RemotePermissionError):
                await attempt
        await connection.makedirs(str(remote_dir))
        assert await connection.read_file(f"{remote_dir}/a", 10) == b"x"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk.small_disk(tmp_path / "disk", mib=2) as mounted:
        yield mounted


@pytest.mark.asyncio
async def test_a_full_disk_is_reported_with_the_free_bytes(sshd: SSHD, small_disk: Path) -> None:
    async with connected(sshd.options()) as connection:
        file = await connection.open_new(f"{small_disk}/a.csv")
        with pytest.raises(RemoteSpaceError, match="remote disk or quota is full: ") as caught:
            await file.write(bytes(8 << 20), 0)
        await file.close()
        assert caught.value.free_bytes is not None
        assert caught.value.free_bytes < 1 << 20
        assert caught.value.path == f"{small_disk}/a.csv"
        assert not caught.value.retryable
        assert connection.usable
        # An error of another kind on the same full disk is not blamed on the space.
        with pytest.raises(RemoteExistsError, match="It exists already"):
            await connection.open_new(f"{small_disk}/a.csv")


# Loss


@pytest.mark.asyncio
async def test_a_killed_session_is_a_lost_connection(start_sshd: Start, remote_dir: Path) -> None:
    server = start_sshd()

    async with connected(server.options()) as connection:
        await connection.write_file(f"{remote_dir}/a", b"x")
        server.kill_sessions()
        with pytest.raises(ConnectionLostError):
            await connection.stat(f"{remote_dir}/a")
        assert not connection.usable
        await connection.close()


async def _connect(options: dict[str, Any]) -> Connection:
    return await connect(SFTPOptions(**options))


@pytest.mark.asyncio
async def test_several_connections_share_nothing(sshd: SSHD, remote_dir: Path) -> None:
    async with connected(sshd.options()) as first:
        second = await _connect(sshd.options())
        first.abort()
        await second.write_file(f"{remote_dir}/a", b"still here")
        assert second.usable
        await second.close()
