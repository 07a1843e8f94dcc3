"""The servers and the faulty network of these tests behave as the tests assume."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.container import SMALL_MIB, ContainerServer
from tests.support.keys import KINDS
from tests.support.proxy import FaultProxy
from tests.support.requirements import skip_without
from tests.support.sshd import SSHD


@pytest.fixture
def sftp(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a batch of commands in OpenSSH's own client against an sshd, maybe through a proxy."""
    if shutil.which("sftp") is None:
        skip_without("OpenSSH's sftp (Debian package openssh-client)")

    def run(
        server: Any, batch: str, *, kind: str = "ed25519", through: FaultProxy | None = None
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "known_hosts").write_text(server.known_hosts)
        (tmp_path / "batch").write_text(batch)
        command = ["sftp", "-F", "none", "-b", str(tmp_path / "batch")]
        command += ["-P", str((through or server).port), "-i", str(server.user_keys.path(kind))]
        command += ["-o", f"UserKnownHostsFile={tmp_path / 'known_hosts'}"]
        command += ["-o", "IdentitiesOnly=yes", "-o", f"HostKeyAlias=[{server.host}]:{server.port}"]
        command.append(f"{server.username}@{server.host}")
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    return run


def test_sshd_lets_each_kind_of_key_in_and_counts_the_logins(
    sshd: SSHD, sftp: Callable[..., Any], remote_dir: Path
) -> None:
    (remote_dir / "seen").touch()
    before = sshd.logins()
    for kind in KINDS:
        done = sftp(sshd, f"ls -1 {remote_dir}", kind=kind)
        assert done.returncode == 0, done.stderr
        assert f"{remote_dir}/seen" in done.stdout
    assert sshd.logins() == before + len(KINDS)


def test_sshd_comes_back_on_its_port_with_its_keys(
    start_sshd: Callable[..., SSHD], sftp: Callable[..., Any]
) -> None:
    server = start_sshd(MaxSessions=1)
    assert sftp(server, "pwd").returncode == 0
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))
    server.start()
    assert sftp(server, "pwd").returncode == 0
    assert server.logins() == 2


def test_stopping_sshd_ends_the_sessions_it_serves(start_sshd: Callable[..., SSHD]) -> None:
    server = start_sshd()
    with socket.create_connection((server.host, server.port), timeout=30) as client:
        assert client.recv(8).startswith(b"SSH-2.0-")
        server.stop()
        with contextlib.suppress(ConnectionResetError):  # one way to end; the other is orderly
            drain(client)


def test_the_proxy_cuts_an_upload_once_and_lets_the_next_pass(
    sshd: SSHD,
    proxy: Callable[..., FaultProxy],
    sftp: Callable[..., Any],
    remote_dir: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "local").write_bytes(b"x" * 5_000_000)
    upload = f"put {tmp_path / 'local'} {remote_dir / 'file'}"
    link = proxy(sshd)
    link.cut_after(1_000_000)
    assert sftp(sshd, upload, through=link).returncode != 0
    assert (remote_dir / "file").stat().st_size < 1_000_000
    assert (link.connections, link.cuts) == (1, 1)
    assert sftp(sshd, upload, through=link).returncode == 0
    assert (remote_dir / "file").stat().st_size == 5_000_000
    assert (link.connections, link.cuts) == (2, 1)


def test_the_proxy_cuts_every_connection_until_restored(proxy: Callable[..., FaultProxy]) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        link.cut_after(3, times=None)
        for count in (1, 2, 3):
            with connect(link) as client:
                client.sendall(b"four")
                link.wait_for_cut(count)
                with pytest.raises(ConnectionResetError):
                    drain(client)
        link.restore()
        with connect(link) as client:
            client.sendall(b"four")
            assert client.recv(16) == b"four"


def test_the_proxy_refuses_new_connections_and_keeps_old_ones(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        with connect(link) as client:
            client.sendall(b"one")
            assert client.recv(16) == b"one"
            link.refuse()
            with pytest.raises(ConnectionRefusedError):
                connect(link)
            client.sendall(b"two")
            assert client.recv(16) == b"two"
            link.restore()
            connect(link).close()


def test_the_proxy_freezes_without_closing_and_thaws_without_loss(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        with connect(link) as client:
            link.freeze_after(3)
            client.sendall(b"abcdef")
            link.wait_for_freeze()
            with connect(link) as silent:  # accepted, and never answered
                silent.sendall(b"hello")
                assert link.frozen
                link.restore()
                assert silent.recv(16) == b"hello"
            received = b""
            while len(received) < 6:
                received += client.recv(16)
            assert received == b"abcdef"
            link.cut()
            with pytest.raises(ConnectionResetError):
                drain(client)


def test_the_proxy_cuts_instead_of_a_reply_once_the_server_has_done_something(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        link.cut_before_reply(lambda: b"two" in echo.received)
        with connect(link) as client:
            client.sendall(b"one")
            assert client.recv(16) == b"one"
            client.sendall(b"two")
            with pytest.raises(ConnectionResetError):
                assert client.recv(16) == b""  # no byte of the reply comes
        assert (echo.received, link.cuts) == (b"onetwo", 1)
        with connect(link) as client:  # it was for one connection
            client.sendall(b"three")
            assert client.recv(16) == b"three"


def test_the_proxy_cuts_instead_of_a_request_once_something_has_happened(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        link.cut_before_request(lambda: b"one" in echo.received)
        with connect(link) as client:
            client.sendall(b"one")
            assert client.recv(16) == b"one"
            client.sendall(b"two")
            with pytest.raises(ConnectionResetError):
                drain(client)
        with connect(link) as client:
            client.sendall(b"three")
            assert client.recv(16) == b"three"
        assert (echo.received, link.cuts, link.forwarded) == (b"onethree", 1, 8)


def test_the_proxy_leaves_connections_half_open_until_restored(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        with connect(link) as client:
            client.sendall(b"one")
            assert client.recv(16) == b"one"
            link.vanish()
            assert echo.ended.acquire(timeout=30)  # the server has seen the end
            client.sendall(b"two")
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):  # the client has not
                client.recv(16)
            link.restore()
            client.settimeout(30)
            with pytest.raises(ConnectionResetError):
                drain(client)
        assert echo.received == b"one"


def test_the_proxy_lets_only_so_many_bytes_a_second_through(
    proxy: Callable[..., FaultProxy],
) -> None:
    with Echo() as echo:
        link = proxy(echo.host, echo.port)
        link.throttle(100_000)
        with connect(link) as client:
            started = time.monotonic()
            client.sendall(bytes(50_000))
            left = 50_000
            while left:
                left -= len(client.recv(1 << 16))
            assert time.monotonic() - started >= 0.45
            link.restore()
            client.sendall(b"fast")
            assert client.recv(16) == b"fast"


def test_the_container_serves_its_user_and_has_a_small_disk(
    container_server: ContainerServer, sftp: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "local").write_bytes(b"x" * (SMALL_MIB + 1) * 1024 * 1024)
    home = container_server.make_dir()
    done = sftp(container_server, f"put {tmp_path / 'local'} {home}/file\nls -1 {home}")
    assert done.returncode == 0, done.stderr
    assert container_server.names(home) == ["file"]
    assert container_server.read(f"{home}/file") == (tmp_path / "local").read_bytes()
    full = sftp(container_server, f"put {tmp_path / 'local'} {container_server.small}/file")
    assert full.returncode != 0
    assert "Accepted publickey for tester" in container_server.log_text()


@pytest.mark.parametrize("came", [b"", b"a\nb\n=mark=", b"=mark=", b"=mark=a\nb\n"])
def test_output_that_docker_loses_is_asked_for_again(
    container_server: ContainerServer, monkeypatch: pytest.MonkeyPatch, came: bytes
) -> None:
    directory = container_server.make_dir()
    for name in ("a", "b"):
        container_server.execute("touch", f"{directory}/{name}")
    execute, lost = container_server._container.exec, iter([True, True])

    def lose(command: list[str]) -> Any:
        done = execute(command)
        return done._replace(output=came) if next(lost, False) else done

    monkeypatch.setattr(container_server._container, "exec", lose)
    assert container_server.names(directory) == ["a", "b"]


class Echo:
    """A server that sends back what it gets, one thread a connection.

    Attributes:
        received: all that it got, in the order of its coming.
        ended: released whenever a connection ends.

    """

    def __enter__(self) -> Echo:
        echo = self
        self.received = b""
        self.ended = threading.Semaphore(0)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionResetError):
                    while data := self.request.recv(1024):
                        echo.received += data
                        self.request.sendall(data)
                echo.ended.release()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host, self.port = self._server.server_address
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def connect(link: FaultProxy) -> socket.socket:
    return socket.create_connection((link.host, link.port), timeout=30)


def drain(client: socket.socket) -> None:
    """Read until the connection ends; a connection that lives on is a TimeoutError."""
    while client.recv(1024):
        pass
