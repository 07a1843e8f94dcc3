"""The transport against OpenSSH: keys, host keys, limits, full disks and what its answers mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    HostKeyError,
    RemoteExistsError,
    RemotePermissionError,
    RemoteSpaceError,
    ServerBusyError,
)
from sftp_async.options import SFTPOptions
from sftp_async.transport import Connection, connect
from tests.functional.transport.scenes import SCENES
from tests.functional.transport.wire import login, using
from tests.support.keys import PASSPHRASE, KeySet
from tests.support.missing import missing
from tests.support.sshd import SSHD

Start = Callable[..., SSHD]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything in it."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_on_openssh(sshd: SSHD, remote_dir: Path, scene: Any) -> None:
    using(sshd.options(), lambda connection: scene(connection, str(remote_dir)))


# Keys


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ed25519", "openssh"),
        ("ed25519", "pkcs8-pem"),
        ("ecdsa", "openssh"),
        ("ecdsa", "pkcs1-pem"),
        ("ecdsa", "pkcs8-pem"),
        ("rsa", "openssh"),
        ("rsa", "pkcs1-pem"),
        ("rsa", "pkcs8-pem"),
    ],
)
def test_every_kind_and_form_of_key_logs_in(
    sshd: SSHD, user_keys: KeySet, kind: str, form: str, encrypted: bool
) -> None:
    if form == "openssh":
        text = user_keys.private(kind, encrypted=encrypted)
    else:
        text = user_keys.export(kind, form, encrypted=encrypted)
    options = {**sshd.options(), "private_key_content": text.replace("\n", r"\n")}
    if encrypted:
        options["private_key_passphrase"] = PASSPHRASE
    before = sshd.logins()
    login(options)
    assert sshd.logins() == before + 1


def refused(options: dict[str, Any], kind: type[ConnectError], words: str) -> ConnectError:
    with pytest.raises(ConnectError, match=words) as caught:
        login(options)
    assert type(caught.value) is kind
    assert caught.value.hint
    return caught.value


def test_a_wrong_key_is_tried_once(start_sshd: Start, tmp_path: Path) -> None:
    server = start_sshd()
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    refused(
        {**server.options(), "private_key_content": stranger},
        AuthenticationError,
        r"refused the login \(private key tried\)",
    )
    server.stop()
    assert server.log_text().count("Connection from") == 1
    assert server.logins() == 0


def test_a_wrong_password_is_tried_once_though_the_server_asks_in_two_ways(
    start_sshd: Start,
) -> None:
    server = start_sshd(PasswordAuthentication="yes", KbdInteractiveAuthentication="yes")
    options = {**server.options(), "password": "hunter2"}
    del options["private_key_content"]
    error = refused(options, AuthenticationError, "password tried")
    assert "hunter2" not in f"{error} {error.__cause__}"
    server.stop()
    assert server.log_text().count("Failed password") == 1
    assert server.log_text().count("Connection from") == 1


@pytest.fixture
def account() -> Iterator[dict[str, str]]:
    """A user of this machine with a password, for as long as the test runs."""
    if os.geteuid() != 0:
        missing("root, to make a user with a password")
    name, password = f"sftpasync{os.getpid()}", "open sesame, 1001 nights"
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    subprocess.run(
        ["useradd", "--no-create-home", "--home-dir", "/tmp", "--password", hashed, name],
        check=True,
    )
    try:
        yield {"username": name, "password": password}
    finally:
        subprocess.run(["userdel", "--force", name], check=True)


def test_a_server_may_ask_for_both_key_and_password(
    start_sshd: Start, account: dict[str, str]
) -> None:
    server = start_sshd(PasswordAuthentication="yes", AuthenticationMethods="publickey,password")
    # sshd reads the keys as the user who logs in.
    _open_to_all(server)
    both = {**server.options(), **account}
    login(both)
    only_key = {**both, "password": ""}
    refused(only_key, AuthenticationError, "some servers ask for both")
    refused({**both, "password": "wrong"}, AuthenticationError, "private key and password tried")


def _open_to_all(server: SSHD) -> None:
    for folder in [server._directory, *server._directory.parents]:
        if folder.owner() == "root" and folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o755)


# Host keys


def without_host_key(server: SSHD) -> dict[str, str]:
    options = server.options()
    del options["known_hosts"]
    return options


def test_the_fingerprint_in_the_error_is_the_one_that_openssh_prints(
    start_sshd: Start, host_keys: KeySet
) -> None:
    server = start_sshd()
    error = refused(without_host_key(server), HostKeyError, "host key is unknown")
    assert isinstance(error, HostKeyError)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(host_keys.path("ed25519"))],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert error.fingerprint == listed.split()[1]
    assert f"set host_key_fingerprint to {error.fingerprint}" in str(error)
    server.stop()
    assert server.log_text().count("Connection from") == 1
    assert server.logins() == 0


def test_the_users_own_known_hosts_file_counts(sshd: SSHD, home: Path) -> None:
    (home / ".ssh" / "known_hosts").write_text(
        "# a comment\n\nnot a line\n|1|bad\n@odd * x y\n" + sshd.known_hosts
    )
    login(without_host_key(sshd))


def test_a_hashed_known_hosts_file_counts(sshd: SSHD, home: Path) -> None:
    file = home / ".ssh" / "known_hosts"
    file.write_text(sshd.known_hosts)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "127.0.0.1" not in file.read_text()
    login(without_host_key(sshd))
    login({**without_host_key(sshd), "known_hosts": file.read_text()})


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_one_known_key_of_several_is_enough_whatever_its_type(
    sshd: SSHD, host_keys: KeySet, kind: str
) -> None:
    line = f"[127.0.0.1]:{sshd.port} {host_keys.public(kind)}"
    assert login({**sshd.options(), "known_hosts": line}) == line
    options = {**without_host_key(sshd), "host_key_fingerprint": host_keys.public(kind)}
    assert login(options) == line


def test_the_fingerprint_that_ssh_shows_is_the_one_that_counts(sshd: SSHD) -> None:
    shown = subprocess.run(
        ["ssh", "-v", "-F", "none", "-o", "BatchMode=yes", "-p", str(sshd.port), "127.0.0.1"],
        check=False,
        capture_output=True,
        text=True,
    ).stderr
    found = re.search(r"Server host key: \S+ (SHA256:\S+)", shown)
    assert found
    login({**without_host_key(sshd), "host_key_fingerprint": found[1]})


def test_a_known_key_of_a_type_the_server_no_longer_has_ends_in_its_fingerprint(
    start_sshd: Start, host_keys: KeySet
) -> None:
    server = start_sshd(HostKey=host_keys.path("ecdsa"))
    line = f"[127.0.0.1]:{server.port} {host_keys.public('rsa')}"
    error = refused({**server.options(), "known_hosts": line}, HostKeyError, "not the expected one")
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == host_keys.fingerprint("ecdsa")


def test_a_revoked_key_is_refused_though_it_is_known(sshd: SSHD, host_keys: KeySet) -> None:
    revoked = "".join(
        f"@revoked [127.0.0.1]:{sshd.port} {host_keys.public(kind)}\n"
        for kind in ("ed25519", "ecdsa", "rsa")
    )
    error = refused(
        {**sshd.options(), "known_hosts": sshd.known_hosts + revoked}, HostKeyError, "revoked"
    )
    assert "Check known_hosts for a revoked key" in str(error)


def test_the_verified_key_verifies_the_host_for_the_next_connection(sshd: SSHD) -> None:
    line = login(sshd.options())
    assert line is not None
    assert login({**sshd.options(), "known_hosts": line}) == line


@pytest.fixture
def certified(start_sshd: Start, host_keys: KeySet, tmp_path: Path) -> Callable[..., SSHD]:
    """Start an sshd whose host key is signed by `tmp_path/ca`."""

    def start(principal: str) -> SSHD:
        key = tmp_path / "host"
        key.write_text(host_keys.private("ed25519"))
        key.chmod(0o600)
        key.with_suffix(".pub").write_text(host_keys.public("ed25519"))
        for command in (
            ["-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca")],
            ["-s", str(tmp_path / "ca"), "-I", "x", "-h", "-n", principal, str(key)],
        ):
            subprocess.run(["ssh-keygen", "-q", *command], check=True, capture_output=True)
        return start_sshd(HostKey=key, HostCertificate=tmp_path / "host-cert.pub")

    return start


def authority(tmp_path: Path) -> str:
    return f"@cert-authority * {(tmp_path / 'ca.pub').read_text()}"


def test_a_host_certificate_of_a_known_authority_counts_and_pins_its_key(
    certified: Callable[..., SSHD], tmp_path: Path
) -> None:
    server = certified("127.0.0.1")
    line = login({**server.options(), "known_hosts": authority(tmp_path)})
    assert line == f"[127.0.0.1]:{server.port} {server.host_keys.public('ed25519')}"
    login({**server.options(), "known_hosts": line})


def test_a_host_certificate_for_another_host_is_refused(
    certified: Callable[..., SSHD], tmp_path: Path
) -> None:
    server = certified("elsewhere.example.com")
    refused({**server.options(), "known_hosts": authority(tmp_path)}, HostKeyError, "refused")


def test_a_fingerprint_counts_though_the_server_has_a_certificate_too(
    certified: Callable[..., SSHD],
) -> None:
    server = certified("127.0.0.1")
    login({**without_host_key(server), "host_key_fingerprint": server.fingerprints["ed25519"]})


# Limits


def test_a_server_without_the_sftp_subsystem_is_said_to_have_none(start_sshd: Start) -> None:
    server = start_sshd(Subsystem="other internal-sftp")
    error = refused(server.options(), ConnectError, "refused to start SFTP")
    assert "enable SFTP" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("command", ["/bin/false", "echo This account is for SFTP only, sorry"])
def test_a_shell_in_place_of_sftp_is_said_to_be_none(start_sshd: Start, command: str) -> None:
    server = start_sshd(ForceCommand=command)
    error = refused(server.options(), ConnectError, "nothing that speaks SFTP")
    assert not error.retryable


def test_a_server_that_takes_no_sessions_is_busy(start_sshd: Start) -> None:
    error = refused(start_sshd(MaxSessions=0).options(), ServerBusyError, "refused another session")
    assert error.retryable


def test_a_login_above_max_startups_is_turned_away_as_busy(start_sshd: Start, proxy: Any) -> None:
    server = start_sshd(MaxStartups="1:100:1")
    waiting = proxy(server)
    # One login hangs half-way: it takes the only place.
    waiting.freeze_after(25)
    with pytest.raises(ConnectError):
        login({**_pinned(server, waiting.port), "connect_timeout": "0.5"})
    waiting.wait_for_freeze()
    error = refused(server.options(), ServerBusyError, "closed the connection before the login")
    assert "lower max_connections" in str(error)
    assert error.retryable


def _pinned(server: SSHD, port: int) -> dict[str, Any]:
    return {
        **without_host_key(server),
        "port": port,
        "host_key_fingerprint": server.fingerprints["ed25519"],
    }


def test_a_read_only_server_denies_permission(start_sshd: Start, remote_dir: Path) -> None:
    (remote_dir / "a").write_text("x")

    async def scene(connection: Connection) -> None:
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

    using(start_sshd(ForceCommand="internal-sftp -R").options(), scene)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MiB."""
    if os.geteuid() != 0:
        missing("root, to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=16", "tmpfs", str(disk)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        missing(f"the right to mount a small file system ({done.stderr.strip()})")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_with_the_free_bytes(sshd: SSHD, small_disk: Path) -> None:
    async def scene(connection: Connection) -> None:
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

    using(sshd.options(), scene)


# Loss


def test_a_killed_session_is_a_lost_connection(start_sshd: Start, remote_dir: Path) -> None:
    server = start_sshd()

    async def scene(connection: Connection) -> None:
        await connection.write_file(f"{remote_dir}/a", b"x")
        server.kill_sessions()
        with pytest.raises(ConnectionLostError):
            await connection.stat(f"{remote_dir}/a")
        assert not connection.usable
        await connection.close()

    using(server.options(), scene)


async def _connect(options: dict[str, Any]) -> Connection:
    return await connect(SFTPOptions(**options))


def test_several_connections_share_nothing(sshd: SSHD, remote_dir: Path) -> None:
    async def scene(first: Connection) -> None:
        second = await _connect(sshd.options())
        first.abort()
        await second.write_file(f"{remote_dir}/a", b"still here")
        assert second.usable
        await second.close()

    using(sshd.options(), scene)
