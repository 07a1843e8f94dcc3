"""`sftp-async doctor` against servers with a fault: it reports the cause and the remedy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer, Ended
from tests.support.disk import fill_up, small_disk
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

#: In the order in which they are shown.
STEPS = (
    "Options",
    "Name",
    "TCP",
    "SSH",
    "Algorithms",
    "Host key",
    "Login",
    "SFTP",
    "Round trip",
    "Sessions",
    "Connections",
    "Target",
    "Free space",
    "Write",
    "Read",
    "Rename",
    "Replace",
    "Remove",
    "Rights",
    "Throughput",
)


#: Without it, a busy machine may measure a throughput for which `compression` is recommended.
SETTLED = ("-o", "compression=none")


def steps_of(ended: Ended) -> dict[str, dict[str, str]]:
    return {step["name"]: step for step in ended.document["steps"]}


def step_of(ended: Ended, name: str) -> tuple[str, str, str]:
    """Return status, detail and advice of one step."""
    step = steps_of(ended)[name]
    return step["status"], step["detail"], step["advice"]


def failed_at(ended: Ended, name: str) -> bool:
    """Whether all steps before one succeeded, and all after it were skipped."""
    assert ended.code == 1
    at = list(steps_of(ended)).index(name)
    statuses = [step["status"] for step in ended.document["steps"]]
    return statuses == ["ok"] * at + ["failed"] + ["skipped"] * (len(statuses) - at - 1)


def recommended(ended: Ended) -> dict[str, str]:
    return {each["option"]: each["value"] for each in ended.document["recommended"]}


@pytest.fixture
def at(sshd: SSHD, tmp_path: Path) -> AtServer:
    return AtServer(sshd, tmp_path)


def test_a_healthy_openssh_passes_every_step(at: AtServer, sshd: SSHD, remote_dir: Path) -> None:
    ended = at("doctor", remote_dir, "--json", *SETTLED)
    found = ended.document
    assert ended.code == 0
    assert [(s["name"], s["status"]) for s in found["steps"]] == [(name, "ok") for name in STEPS]
    assert found["host_key_fingerprint"] == sshd.fingerprints["ed25519"]
    assert found["server"] == "OpenSSH"
    assert (found["sessions"], found["connections"]) == (4, 4)
    assert found["capabilities"]["max_write"] == 261_120
    assert set(found["algorithms"]) == {"key exchange", "host key", "cipher"}
    assert found["recommended"] == []
    assert list(remote_dir.iterdir()) == []


def test_the_report_of_a_healthy_openssh_is_readable(at: AtServer, remote_dir: Path) -> None:
    ended = at("doctor", remote_dir, *SETTLED)
    lines = ended.out.splitlines()
    assert lines[0] == f"A job can write there: {at.address}, path {remote_dir}."
    assert [line[10:22].rstrip() for line in lines[1:]] == list(STEPS)
    assert (ended.code, ended.err) == (0, "")


def test_a_wrong_port(at: AtServer) -> None:
    with socket.socket() as taken:  # bound but not listening: no other program answers there
        taken.bind(("127.0.0.1", 0))
        at.address = f"me@127.0.0.1:{taken.getsockname()[1]}"
        ended = at("doctor", "/", "--json")
    assert failed_at(ended, "TCP")
    assert step_of(ended, "TCP")[1:] == (
        "The connection was refused: nothing listens on that port",
        "Check host and port, and that the server is running",
    )


def test_an_unknown_host_name(at: AtServer) -> None:
    at.address = "me@sftp.invalid"
    ended = at("doctor", "/", "--json")
    assert failed_at(ended, "Name")
    _, cause, remedy = step_of(ended, "Name")
    assert cause.startswith("The host name cannot be resolved (")
    assert remedy == "Check the option host for a typing error"


@contextmanager
def greeter(greeting: bytes | None) -> Iterator[int]:
    """Accept a connection and send what no SSH server sends; None closes it at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                if greeting is not None:
                    client.sendall(greeting)
                    client.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [
        (
            b"220 ftp.example.com ready\r\n",
            "an FTP or mail server; SFTP is a different protocol and needs an SSH server",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server"),
        (b"\x1b[2Jwho knows\r\n", "it sends '\\x1b[2Jwho knows'"),
        (b"", "it accepts connections, but sends nothing"),
    ],
    ids=["FTP", "HTTP", "unknown", "silent"],
)
def test_a_port_of_another_server(at: AtServer, greeting: bytes, cause: str) -> None:
    with greeter(greeting) as port:
        at.address = f"me@127.0.0.1:{port}"
        ended = at("doctor", "/", "--json", "-o", "connect_timeout=500ms")
    assert failed_at(ended, "SSH")
    assert step_of(ended, "SSH")[1:] == (
        f"What answers on port {port} is not an SSH server: {cause}",
        "Check host and port: an SFTP server is an SSH server, most often on port 22",
    )


def test_a_server_that_closes_the_connection_at_once(at: AtServer) -> None:
    with greeter(None) as port:
        at.address = f"me@127.0.0.1:{port}"
        ended = at("doctor", "/", "--json")
    assert failed_at(ended, "SSH")
    _, cause, remedy = step_of(ended, "SSH")
    assert cause == "The server closed the connection before sending an SSH banner"
    assert "MaxStartups" in remedy


def test_a_wrong_host_key(at: AtServer, sshd: SSHD) -> None:
    at.login[2:] = ["--host-key-fingerprint", "SHA256:" + "a" * 43]
    ended = at("doctor", "/", "--json")
    shown = sshd.fingerprints["ed25519"]
    assert failed_at(ended, "Host key")
    _, cause, remedy = step_of(ended, "Host key")
    presented = f"it presented ssh-ed25519 {shown}"
    assert cause == f"The server's host key is not the expected one: {presented}"
    assert f"set host_key_fingerprint to {shown}" in remedy
    assert f"add: --host-key-fingerprint {shown}" in at("doctor", "/").out


def test_a_wrong_user_key(at: AtServer, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "other").write_bytes(key.export_private_key())
    at.login[:2] = ["-i", str(tmp_path / "other")]
    ended = at("doctor", "/", "--json")
    assert failed_at(ended, "Login")
    assert step_of(ended, "Login")[1:] == (
        "The server refused the login (private key tried)",
        (
            "Check the username, and that the key or password is the one the server has for it; "
            "some servers ask for both"
        ),
    )


def test_no_algorithm_in_common(start_sshd: Callable[..., SSHD], tmp_path: Path) -> None:
    at = AtServer(start_sshd(Ciphers="aes256-cbc"), tmp_path)
    ended = at("doctor", "/", "--json")
    assert failed_at(ended, "Algorithms")
    _, cause, remedy = step_of(ended, "Algorithms")
    assert cause == ("Client and server share no algorithm (cipher: the server offers aes256-cbc)")
    assert "set legacy_algorithms=true" in remedy


def test_a_login_without_sftp(start_sshd: Callable[..., SSHD], tmp_path: Path) -> None:
    at = AtServer(start_sshd(Subsystem="none /bin/true"), tmp_path)
    ended = at("doctor", "/", "--json")
    assert failed_at(ended, "SFTP")
    assert step_of(ended, "SFTP")[2] == ("Ask the server's operator to enable SFTP for the account")


def test_a_full_disk(at: AtServer, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 1) as disk:
        filler = fill_up(disk)
        ended = at("doctor", disk, "--json")
        assert list(disk.iterdir()) == [filler]
    assert failed_at(ended, "Free space")
    assert step_of(ended, "Free space")[1:] == (
        f"The remote disk or quota is full: 0 bytes are free ({disk})",
        "Free some space on the server",
    )


def test_a_directory_of_another_account(tmp_path: Path) -> None:
    class ReadOnly(FolderServer):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            raise asyncssh.SFTPPermissionDenied("no")

    with EmbeddedServer(tmp_path / "served", sftp_factory=ReadOnly) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
    assert failed_at(ended, "Write")
    assert step_of(ended, "Write")[2] == (
        "Ask the server's operator for permission, or choose another path"
    )


@pytest.mark.parametrize("method", ["open", "write"])
def test_a_plain_failure_comes_with_advice(method: str, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise asyncssh.SFTPFailure("no")

    failing = type("Failing", (FolderServer,), {method: fail})
    with EmbeddedServer(tmp_path / "served", sftp_factory=failing) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
        assert list(server.root.iterdir()) == []
    assert failed_at(ended, "Write")
    assert "Ask the server's operator to look into its log" in step_of(ended, "Write")[2]


def test_an_unreadable_home_directory_fails_no_check_of_another_path(tmp_path: Path) -> None:
    class Chrooted(FolderServer):
        def stat(self, path: bytes) -> Any:
            if path in (b".", b"/"):
                raise asyncssh.SFTPPermissionDenied("no")
            return super().stat(path)

    with EmbeddedServer(tmp_path / "served", sftp_factory=Chrooted) as server:
        (server.root / "out").mkdir()
        at = AtServer(server, tmp_path)
        assert at("doctor", "/out", "--json").code == 0
        ended = at("doctor", "/", "--json")
    assert failed_at(ended, "Target")
    assert step_of(ended, "Target")[2] == (
        "Ask the server's operator for permission, or choose another path"
    )


def test_a_path_that_cannot_be_the_target(at: AtServer, remote_dir: Path) -> None:
    (remote_dir / "orders.csv").mkdir()
    ended = at("doctor", remote_dir / "orders.csv", "--json")
    assert failed_at(ended, "Target")
    assert "is a directory, but an exact file is to be written there" in step_of(ended, "Target")[1]
    (remote_dir / "link").symlink_to("nowhere")
    ended = at("doctor", remote_dir / "link/orders", "--json")
    assert failed_at(ended, "Target")
    assert step_of(ended, "Target")[1].startswith("A symbolic link with a missing target")


def test_a_rename_that_does_nothing(tmp_path: Path) -> None:
    class Liar(FolderServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            pass

    with EmbeddedServer(tmp_path / "served", sftp_factory=Liar) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
        assert list(server.root.iterdir()) == []
    assert step_of(ended, "Rename")[0] == "failed"
    assert "there is no file with the new name" in step_of(ended, "Rename")[1]


def test_a_failing_posix_rename_is_only_a_warning(tmp_path: Path) -> None:
    class Failing(FolderServer):
        def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
            raise asyncssh.SFTPFailure("no")

    with EmbeddedServer(tmp_path / "served", sftp_factory=Failing) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
        assert list(server.root.iterdir()) == []
    assert ended.code == 0
    assert step_of(ended, "Replace")[0] == "warning"


def test_a_file_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    class Keeper(FolderServer):
        def remove(self, path: bytes) -> None:
            raise asyncssh.SFTPFailure("no")

    with EmbeddedServer(tmp_path / "served", sftp_factory=Keeper) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
        left = sorted(server.root.iterdir())
    assert ended.code == 0
    status, _, remedy = step_of(ended, "Remove")
    assert status == "warning"
    assert any(f"Remove /{file.name}." in remedy for file in left)
    # In the directory that this step made, what it could not remove is named.
    status, detail, remedy = step_of(ended, "Rights")
    assert status == "warning"
    assert "the server refuses REMOVE, which the job needs to remove the files" in detail
    assert "Append" in remedy


def test_a_server_without_rename(tmp_path: Path) -> None:
    class Fixed(FolderServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            raise asyncssh.SFTPOpUnsupported("no")

    with EmbeddedServer(
        tmp_path / "served", sftp_factory=Fixed, without=["posix-rename@openssh.com"]
    ) as server:
        at = AtServer(server, tmp_path)
        ended = at("doctor", "/", "--json")
        direct = at("doctor", "/", "--json", "-o", "commit_mode=direct")
        assert list(server.root.iterdir()) == []
    assert ended.code == 1
    assert step_of(ended, "Rename")[1:] == (
        "Cannot rename: The server does not offer this operation",
        (
            "Set commit_mode=direct: files then have their final names from the start, and readers "
            "may see incomplete files"
        ),
    )
    assert step_of(ended, "Replace")[0] == "skipped"
    assert step_of(ended, "Throughput")[0] == "ok"
    assert recommended(ended) == {"commit_mode": "direct"}
    assert direct.code == 0
    assert recommended(direct) == {}


def test_a_server_that_cannot_replace_atomically(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", without=["posix-rename@openssh.com"]) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
        assert list(server.root.iterdir()) == []
    assert ended.code == 0
    assert step_of(ended, "Replace") == (
        "warning",
        "A plain rename refuses an existing name, and the server does not support posix-rename",
        (
            "You need not change any option. While an exact file is replaced, there is no file of "
            "that name for a moment"
        ),
    )


def test_a_server_with_one_session_per_connection(
    start_sshd: Callable[..., SSHD], tmp_path: Path, remote_dir: Path
) -> None:
    ended = AtServer(start_sshd(MaxSessions=1), tmp_path)("doctor", remote_dir, "--json")
    assert ended.code == 0
    assert step_of(ended, "Sessions") == (
        "warning",
        "The server allows 1 SFTP session per connection",
        (
            "Jobs work, but on a high-latency server each file is slower. Ask the server's "
            "operator to allow 4 or more (OpenSSH: MaxSessions)"
        ),
    )
    assert ended.document["connections"] == 4
    assert recommended(ended) == {"channels_per_file": "1"}


def test_a_server_with_one_connection_at_a_time(tmp_path: Path) -> None:
    class OnlyOne(FolderServer):
        def __init__(self, chan: Any, root: bytes) -> None:
            super().__init__(chan, root)
            if len(server.connections) > 1:
                chan.get_connection().abort()

    with EmbeddedServer(tmp_path / "served", sftp_factory=OnlyOne) as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--json")
    assert ended.code == 0
    status, cause, remedy = step_of(ended, "Connections")
    assert status == "warning"
    assert cause.startswith(
        "The server allows 1 connection at the same time, and refused the next: "
    )
    assert remedy == (
        "Set max_connections=1. Each of Spark's Python workers has its own connections: run at "
        "most 1 task at the same time (df.coalesce(1)), or ask the server's operator to allow more"
    )
    assert recommended(ended) == {"max_connections": "1"}
    assert step_of(ended, "Throughput")[0] == "ok"
