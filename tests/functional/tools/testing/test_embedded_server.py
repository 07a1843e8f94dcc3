"""The embedded server keeps its promises to those who test against it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import pytest

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.keys import KeySet
from tests.support.requirements import skip_without

T = TypeVar("T")


@asynccontextmanager
async def session(server: Any, **login: object) -> AsyncIterator[asyncssh.SFTPClient]:
    """One SFTP session, with the server's host key checked."""
    how = {"username": server.username, "password": server.password, "client_keys": []} | login
    async with (
        asyncssh.connect(
            server.host,
            server.port,
            known_hosts=asyncssh.import_known_hosts(server.host_key),
            config=None,
            agent_path=None,
            **how,
        ) as connection,
        connection.start_sftp_client() as client,
    ):
        yield client


async def visit(
    server: Any, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], **login: object
) -> T:
    """Do some work in one session."""
    async with session(server, **login) as client:
        return await work(client)


async def list_root(client: asyncssh.SFTPClient) -> set[str]:
    return set(await client.listdir("/")) - {".", ".."}


async def write_one_file(client: asyncssh.SFTPClient) -> None:
    async with client.open("/one", "wb") as file:
        await file.write(b"1" * 100_000)


@pytest.mark.asyncio
async def test_uploaded_content_is_in_the_folder_byte_for_byte(
    embedded_server: EmbeddedServer,
) -> None:
    content = os.urandom(3_000_000)

    async with session(embedded_server) as client:
        await client.mkdir("/out")
        async with client.open("/out/data.bin", "wb") as file:
            # Last half first: offsets count, not the order of arrival.
            await file.write(content[1_500_000:], 1_500_000)
            await file.write(content[:1_500_000], 0)
            await file.fsync()
    assert (embedded_server.root / "out" / "data.bin").read_bytes() == content


@pytest.mark.asyncio
async def test_it_supports_the_extensions_of_a_modern_openssh(
    embedded_server: EmbeddedServer,
) -> None:
    async with session(embedded_server) as client:
        for name, text in (("a", b"first "), ("b", b"second")):
            async with client.open(name, "wb") as file:
                await file.write(text)
        await client.remote_copy("b", "c")
        await client.posix_rename("c", "a")
        assert (await client.statvfs("/")).bavail > 0
        assert client.limits.max_write_len > 32768
        assert client.supports_remote_copy
    assert (embedded_server.root / "a").read_bytes() == b"second"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["../outside", "/../outside", "leak/outside", "leak"])
async def test_a_path_that_leads_out_of_the_folder_is_refused(
    embedded_server: EmbeddedServer, tmp_path: Path, path: str
) -> None:
    (tmp_path / "outside").write_text("not for you")
    (embedded_server.root / "leak").symlink_to(tmp_path)

    with pytest.raises((asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied)):
        async with session(embedded_server) as client, client.open(path, "rb") as file:
            await file.read()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "login", [{"password": "guess"}, {"password": ""}, {"username": "root"}, {"password": None}]
)
async def test_only_the_user_with_the_password_can_log_in(
    embedded_server: EmbeddedServer, login: dict[str, object]
) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await visit(embedded_server, list_root, **login)
    assert embedded_server.logins == 0


def test_each_server_generates_a_password_of_its_own(tmp_path: Path) -> None:
    one, two = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    assert one.password
    assert one.password != two.password


@pytest.mark.asyncio
async def test_a_server_with_authorized_keys_accepts_those_and_no_password(
    tmp_path: Path, user_keys: KeySet
) -> None:
    allowed = [user_keys.public("ed25519"), user_keys.public("rsa")]
    with EmbeddedServer(tmp_path, authorized_keys=allowed) as server:
        for kind in ("ed25519", "rsa"):
            assert await visit(server, list_root, client_keys=[str(user_keys.path(kind))]) == set()
        with pytest.raises(asyncssh.PermissionDenied):
            await visit(server, list_root, client_keys=[str(user_keys.path("ecdsa"))])
        with pytest.raises(asyncssh.PermissionDenied):
            await visit(server, list_root, password="guess")
        assert "password" not in server.options()
        assert server.logins == 2


def test_options_contain_everything_that_a_writer_needs(embedded_server: EmbeddedServer) -> None:
    options = embedded_server.options()
    assert options == {
        "host": "127.0.0.1",
        "port": str(embedded_server.port),
        "username": "demo",
        "password": embedded_server.password,
        "host_key_fingerprint": embedded_server.fingerprint,
    }


def test_the_password_is_not_in_the_repr(embedded_server: EmbeddedServer) -> None:
    assert str(embedded_server.password) not in repr(embedded_server)


@pytest.mark.asyncio
async def test_port_and_host_key_survive_a_restart(embedded_server: EmbeddedServer) -> None:
    before = embedded_server.host_key
    await visit(embedded_server, write_one_file)
    embedded_server.stop()
    with pytest.raises(ConnectionRefusedError):
        await visit(embedded_server, list_root)
    embedded_server.start()
    assert embedded_server.host_key == before
    assert await visit(embedded_server, list_root) == {"one"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(OptionsError, match="allow_remote"):
        EmbeddedServer(tmp_path, host=host)
    assert EmbeddedServer(tmp_path, host=host, allow_remote=True).host == host


@pytest.mark.asyncio
async def test_a_taken_port_is_an_error_and_the_server_can_start_later(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = EmbeddedServer(tmp_path, port=other.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            server.start()
    with server:
        assert await visit(server, list_root) == set()


@pytest.mark.asyncio
async def test_an_extension_left_out_is_neither_advertised_nor_served(tmp_path: Path) -> None:
    without = ["posix-rename@openssh.com", "copy-data", "limits@openssh.com"]

    with EmbeddedServer(tmp_path, without=without) as server:
        async with session(server) as client:
            await write_one_file(client)
            assert not client.supports_remote_copy
            assert (
                client.limits.max_write_len == 16384
            )  # what asyncssh assumes without the extension
            with pytest.raises(asyncssh.SFTPOpUnsupported):
                await client.posix_rename("/one", "/two")
            await client.rename("/one", "/two")
        assert await visit(server, list_root) == {"two"}
    # Others in this process are not touched.
    with EmbeddedServer(tmp_path) as server:
        async with session(server) as client:
            await client.posix_rename("/two", "/three")


@pytest.mark.asyncio
async def test_a_subclass_can_run_out_of_space(tmp_path: Path) -> None:
    class Full(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with (
        EmbeddedServer(tmp_path, sftp_factory=Full) as server,
        pytest.raises(asyncssh.SFTPError, match="No space left on device"),
    ):
        await visit(server, write_one_file)


@pytest.mark.asyncio
async def test_a_subclass_can_drop_the_connection_and_clean_up_after_it(tmp_path: Path) -> None:
    class Forgetful(FolderServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            self.connection.abort()
            return len(data)

        def exit(self) -> None:
            (tmp_path / "one").unlink(missing_ok=True)

    server = EmbeddedServer(tmp_path, sftp_factory=Forgetful)
    with server, pytest.raises((asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost)):
        await visit(server, write_one_file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.asyncio
async def test_dropped_connections_fail_and_new_ones_work(embedded_server: EmbeddedServer) -> None:
    async with session(embedded_server) as client:
        await asyncio.to_thread(embedded_server.drop_connections)
        with pytest.raises((asyncssh.ConnectionLost, asyncssh.SFTPError)):
            await client.listdir("/")
    assert await visit(embedded_server, list_root) == set()
    assert embedded_server.logins == 2


@pytest.mark.asyncio
async def test_a_session_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    entered = asyncio.Event()

    class Hanging(FolderServer):
        async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
            entered.set()
            await asyncio.Event().wait()
            raise AssertionError

    server = EmbeddedServer(tmp_path, sftp_factory=Hanging).start()
    async with session(server) as client:
        hanging = asyncio.ensure_future(client.stat("/"))
        await asyncio.to_thread(_wait_for, entered, server)
        await asyncio.to_thread(server.stop)
        with pytest.raises((asyncssh.ConnectionLost, asyncssh.SFTPError)):
            await hanging


def _wait_for(event: asyncio.Event, server: EmbeddedServer) -> None:
    assert server._loop is not None
    asyncio.run_coroutine_threadsafe(event.wait(), server._loop).result(timeout=10)


@pytest.mark.asyncio
async def test_many_clients_write_at_once(embedded_server: EmbeddedServer) -> None:
    async with session(embedded_server) as client:

        async def write(number: int) -> None:
            async with client.open(f"/{number}", "wb") as file:
                await file.write(str(number).encode() * 50_000)

        await asyncio.gather(*(write(number) for number in range(20)))
    for number in range(20):
        written = (embedded_server.root / str(number)).read_bytes()
        assert written == str(number).encode() * 50_000


def test_opensshs_own_client_lists_and_fetches(tmp_path: Path, user_keys: KeySet) -> None:
    if shutil.which("sftp") is None:
        skip_without("OpenSSH's sftp (Debian package openssh-client)")
    known_hosts = tmp_path / "known_hosts"
    batch = tmp_path / "batch"
    batch.write_text(f"ls -1\nget one {tmp_path / 'fetched'}\n")
    with EmbeddedServer(tmp_path / "served", authorized_keys=[user_keys.public("ecdsa")]) as server:
        (server.root / "one").write_bytes(b"1" * 100_000)
        known_hosts.write_text(server.host_key + "\n")
        command = ["sftp", "-F", "none", "-b", str(batch), "-P", str(server.port)]
        command += ["-i", str(user_keys.path("ecdsa")), "-o", f"UserKnownHostsFile={known_hosts}"]
        done = subprocess.run(
            [*command, f"demo@{server.host}"], check=True, capture_output=True, text=True
        )
    assert "one" in done.stdout.splitlines()
    assert (tmp_path / "fetched").read_bytes() == b"1" * 100_000


@pytest.mark.asyncio
async def test_a_spawned_server_serves_from_another_process_and_ends_on_stop(
    tmp_path: Path,
) -> None:
    with EmbeddedServer.spawn(tmp_path / "served", username="ada") as server:
        await visit(server, write_one_file)
        assert server.options()["username"] == "ada"
        assert (server.root / "one").stat().st_size == 100_000
    with pytest.raises(ConnectionRefusedError):
        await visit(server, list_root)


@pytest.mark.asyncio
async def test_a_given_password_is_not_on_the_command_line_of_the_process(tmp_path: Path) -> None:
    with EmbeddedServer.spawn(tmp_path, password="hunter2-hunter2") as server:
        assert await visit(server, list_root) == set()
        assert server.password == "hunter2-hunter2"
        assert "hunter2" not in " ".join(server._process.args)


def test_a_spawned_server_does_not_outlive_a_parent_that_crashes(tmp_path: Path) -> None:
    crash = (
        "import os, sys; from sftp_async.tools.testing.embedded_server import EmbeddedServer; "
        "server = EmbeddedServer.spawn(sys.argv[1]); print(server.port, flush=True); os._exit(3)"
    )
    # The server inherits the pipe of standard error: its end comes when both have ended.
    done = subprocess.run(
        [sys.executable, "-c", crash, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 3, done.stderr
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(done.stdout)))


def test_a_spawned_server_that_cannot_start_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(SFTPAsyncError, match="ended at once, with status 1"),
    ):
        EmbeddedServer.spawn(tmp_path, port=other.getsockname()[1])
    assert "address already in use" in capfd.readouterr().err


def test_the_command_prints_address_and_login_as_one_json_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*(sys.executable, "-m", "sftp_async.testing"), *("--root", tmp_path, "--username", "ada")],
        check=True,
        input="",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    (line,) = done.stdout.splitlines()
    coordinates = json.loads(line)
    assert coordinates["username"] == "ada"
    assert coordinates["root"] == str(tmp_path)
    assert coordinates["fingerprint"].startswith("SHA256:")
    assert coordinates["host_key"].startswith(f"[127.0.0.1]:{coordinates['port']} ssh-ed25519 ")
