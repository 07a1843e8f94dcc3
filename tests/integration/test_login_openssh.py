"""Logins to OpenSSH: keys of every kind, passwords, both, and logins that it turns away."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from sftp_async.errors import (
    AuthenticationError,
    NoSFTPError,
    ServerBusyError,
    SessionRefusedError,
)
from tests.functional.remote.ssh.connections import login, refused
from tests.support.keys import PASSPHRASE, KeySet
from tests.support.requirements import skip_without
from tests.support.sshd import SSHD

pytestmark = pytest.mark.usefixtures("home")

Start = Callable[..., SSHD]


@pytest.mark.asyncio
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
async def test_every_kind_and_form_of_key_logs_in(
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
    await login(options)
    assert sshd.logins() == before + 1


@pytest.mark.asyncio
async def test_a_wrong_key_is_tried_once(start_sshd: Start, tmp_path: Path) -> None:
    server = start_sshd()
    unknown = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    await refused(
        {**server.options(), "private_key_content": unknown},
        AuthenticationError,
        r"refused the login \(private key tried\)",
    )
    server.stop()
    assert server.log_text().count("Connection from") == 1
    assert server.logins() == 0


@pytest.mark.asyncio
async def test_a_wrong_password_is_tried_once_though_the_server_asks_in_two_ways(
    start_sshd: Start,
) -> None:
    server = start_sshd(PasswordAuthentication="yes", KbdInteractiveAuthentication="yes")
    options = {**server.options(), "password": "hunter2"}
    del options["private_key_content"]
    error = await refused(options, AuthenticationError, "password tried")
    assert "hunter2" not in f"{error} {error.__cause__}"
    server.stop()
    assert server.log_text().count("Failed password") == 1
    assert server.log_text().count("Connection from") == 1


@pytest.fixture
def account() -> Iterator[dict[str, str]]:
    """A user of this machine with a password, for as long as the test runs."""
    if os.geteuid() != 0:
        skip_without("root, to make a user with a password")
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


@pytest.mark.asyncio
async def test_a_server_may_ask_for_both_key_and_password(
    start_sshd: Start, account: dict[str, str]
) -> None:
    server = start_sshd(PasswordAuthentication="yes", AuthenticationMethods="publickey,password")
    # sshd reads the keys as the user who logs in.
    _open_to_all(server)
    both = {**server.options(), **account}
    await login(both)
    only_key = {**both, "password": ""}
    await refused(only_key, AuthenticationError, "some servers ask for both")
    await refused(
        {**both, "password": "wrong"}, AuthenticationError, "private key and password tried"
    )


def _open_to_all(server: SSHD) -> None:
    for folder in [server._directory, *server._directory.parents]:
        if folder.owner() == "root" and folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o755)


# Turned away


@pytest.mark.asyncio
async def test_a_server_without_the_sftp_subsystem_is_reported_as_such(start_sshd: Start) -> None:
    server = start_sshd(Subsystem="other internal-sftp")
    error = await refused(server.options(), NoSFTPError, "refused to start SFTP")
    assert "enable SFTP" in str(error)
    assert not error.retryable


@pytest.mark.asyncio
async def test_a_program_that_ends_in_place_of_sftp_is_no_sftp(start_sshd: Start) -> None:
    server = start_sshd(ForceCommand="/bin/false")
    error = await refused(server.options(), NoSFTPError, "nothing that speaks SFTP")
    assert "instead came" not in str(error)
    assert not error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "command",
    [
        "echo This account is for SFTP only, sorry",
        "printf 'Welcome\\033[2J to\\n  SFTP\\n'; exec {sftp_server}",
    ],
)
async def test_the_text_that_a_login_prints_instead_of_sftp_is_in_the_error(
    start_sshd: Start, command: str
) -> None:
    server = start_sshd(ForceCommand=command.format(sftp_server="/usr/lib/openssh/sftp-server"))
    error = await refused(server.options(), NoSFTPError, "nothing that speaks SFTP")
    shown = {
        "echo T": '"This account is for SFTP only, sorry"',
        "printf": '"Welcome?[2J to SFTP"',
    }
    assert f"instead came: {shown[command[:6]]}" in str(error)
    assert "which must print nothing" in str(error)
    assert not error.retryable


@pytest.mark.asyncio
async def test_an_expired_password_is_in_the_servers_own_words(
    start_sshd: Start, account: dict[str, str]
) -> None:
    subprocess.run(["chage", "-d", "0", account["username"]], check=True)
    server = start_sshd(UsePAM="yes", KbdInteractiveAuthentication="yes")
    options = {**server.options(), **account}
    del options["private_key_content"]
    error = await refused(options, AuthenticationError, "You are required to change your password")
    assert "ask its operator for a login by key" in str(error)
    assert account["password"] not in str(error)


@pytest.mark.asyncio
async def test_a_server_that_takes_no_sessions_refused_the_first_one(start_sshd: Start) -> None:
    error = await refused(
        start_sshd(MaxSessions=0).options(), SessionRefusedError, "refused the first session"
    )
    assert "Ask the server's operator" in str(error)
    assert error.retryable


@pytest.mark.asyncio
async def test_a_login_that_is_closed_after_it_worked_names_the_operator(
    start_sshd: Start, account: dict[str, str], tmp_path: Path
) -> None:
    jail = tmp_path / "jail"
    jail.mkdir(mode=0o777)
    subprocess.run(["chown", account["username"], str(jail)], check=True)
    server = start_sshd(ChrootDirectory=jail, PasswordAuthentication="yes")
    error = await refused(
        {**server.options(), **account, "private_key_content": ""},
        SessionRefusedError,
        "accepted the login, and closed the connection before its first session",
    )
    assert "a ChrootDirectory must belong to root" in str(error)
    server.stop()
    assert server.log_text().count("Accepted password") == 1


@pytest.mark.asyncio
async def test_a_login_above_max_startups_is_turned_away_as_busy(start_sshd: Start) -> None:
    server = start_sshd(MaxStartups="1:100:1")
    # One login hangs half-way: it takes the only place.
    with socket.create_connection((server.host, server.port)) as waiting:
        assert waiting.recv(4) == b"SSH-"
        error = await refused(
            server.options(), ServerBusyError, "closed the connection before the login"
        )
    assert "lower max_connections" in str(error)
    assert error.retryable
