"""Getting connected: hosts that are not there, servers that are none, and who is let in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async import server as server_module
from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    HostKeyError,
    OptionsError,
    ServerBusyError,
    SFTPAsyncWarning,
    StalledError,
)
from sftp_async.options import SFTPOptions
from sftp_async.server import EmbeddedServer
from sftp_async.transport import Connection, connect
from tests.functional.transport.wire import login, using
from tests.support.keys import KeySet

NOBODY = {
    "username": "me",
    "password": "hunter2-secret",
    "host_key_fingerprint": "SHA256:" + "A" * 43,
}

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no known_hosts, keys or configuration but what it puts there."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@contextlib.contextmanager
def listener(talk: Talk) -> Iterator[dict[str, Any]]:
    """Options for a server that is none: `talk` answers each connection."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await talk(reader, writer)
        writer.close()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(serve, "127.0.0.1", 0), loop
    ).result()
    try:
        port = server.sockets[0].getsockname()[1]
        yield {"host": "127.0.0.1", "port": port, **NOBODY}
    finally:

        async def end() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def refused(options: dict[str, Any], kind: type[ConnectError], words: str) -> ConnectError:
    with pytest.raises(ConnectError, match=words) as caught:
        login(options)
    assert type(caught.value) is kind
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.host == SFTPOptions(**options).address
    assert caught.value.hint
    return caught.value


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody can listen on: bound, never listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port_is_a_refused_connection(closed_port: int, host: str) -> None:
    error = refused(
        {"host": host, "port": closed_port, **NOBODY}, ConnectError, "refused|cannot be reached"
    )
    assert error.retryable


@pytest.mark.parametrize("host", ["nonexistent.invalid", "a..b", "x" * 70])
def test_an_unknown_name_is_told_from_an_unreachable_host(host: str) -> None:
    error = refused({"host": host, **NOBODY}, ConnectError, "host name cannot be resolved")
    assert "Check the option host" in str(error)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


def test_a_server_that_never_answers_is_given_up_after_connect_timeout() -> None:
    with listener(silent) as options:
        error = refused(
            {**options, "connect_timeout": "0.5"}, ConnectError, "did not finish the login"
        )
    assert "within 0.5 seconds" in str(error)
    assert error.retryable


def test_a_login_that_drags_on_is_given_up_after_login_timeout() -> None:
    with listener(silent) as options:
        error = refused({**options, "login_timeout": "0.5"}, ConnectError, "not done in time")
    assert "Raise login_timeout" in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"Exceeded MaxStartups\r\n",
        b"",
    ],
)
def test_a_server_that_hangs_up_at_once_may_be_busy_or_no_ssh_server(greeting: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    with listener(talk) as options:
        error = refused(options, ServerBusyError, "closed the connection before the login")
    assert "lower max_connections" in str(error)
    assert "no SSH server" in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    "words", [b"x" * 20_000, b"hello\r\n" * 5000, b"SSH-1.5-ancient\r\n", b"SSH-9\r\n"]
)
def test_what_does_not_speak_ssh_is_called_no_ssh_server(words: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read(-1)

    with listener(talk) as options:
        error = refused(options, ConnectError, "no SSH server")
    assert not error.retryable


@pytest.mark.parametrize("noise", [bytes(300), b"\x00\x00\x00\x0c\x01" + bytes(11), os.urandom(64)])
def test_noise_after_a_proper_greeting_is_an_error_of_ours(noise: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-noise\r\n" + noise)
        writer.write_eof()
        await reader.read(-1)

    with listener(talk) as options, pytest.raises(ConnectError):
        login(options)


def test_an_unknown_cipher_is_an_option_mistake_and_makes_no_connection(
    embedded_server: EmbeddedServer,
) -> None:
    with pytest.raises(OptionsError, match="ciphers: rot13 is not a valid encryption algorithm"):
        login({**embedded_server.options(), "ciphers": "rot13"})
    assert embedded_server.logins == 0


def test_no_common_cipher_is_said_in_so_many_words(embedded_server: EmbeddedServer) -> None:
    error = refused(
        {**embedded_server.options(), "ciphers": "aes192-cbc"}, ConnectError, "share no algorithm"
    )
    assert not error.retryable


def test_the_fastest_cipher_is_chosen(embedded_server: EmbeddedServer) -> None:
    async def scene(connection: Connection) -> None:
        (seen,) = embedded_server.connections
        assert seen.get_extra_info("recv_cipher") == "aes128-gcm@openssh.com"

    using(embedded_server.options(), scene)


# Logging in


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that the embedded server was shown."""
    shown: list[str] = []
    validate = server_module._Account.validate_password

    def watch(self: Any, username: str, password: str) -> bool:
        shown.append(password)
        return validate(self, username, password)

    monkeypatch.setattr(server_module._Account, "validate_password", watch)
    return shown


def test_a_wrong_password_is_tried_once_and_never_shown(
    embedded_server: EmbeddedServer, attempts: list[str]
) -> None:
    error = refused(
        {**embedded_server.options(), "password": "hunter2"},
        AuthenticationError,
        r"refused the login \(password tried\)",
    )
    assert attempts == ["hunter2"]
    assert not error.retryable


def test_a_server_that_asks_by_keyboard_gets_the_password(
    embedded_server: EmbeddedServer, attempts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account: Any = server_module._Account
    monkeypatch.setattr(account, "password_auth_supported", lambda self: False)
    monkeypatch.setattr(account, "kbdint_auth_supported", lambda self: True)
    monkeypatch.setattr(
        account,
        "get_kbdint_challenge",
        lambda self, *_: ("", "", "", [("Password: ", False)]),
    )
    monkeypatch.setattr(
        account,
        "validate_kbdint_response",
        lambda self, user, answers: self.validate_password(user, answers[0]),
    )
    login(embedded_server.options())
    assert attempts == [embedded_server.password]
    refused({**embedded_server.options(), "password": "hunter2"}, AuthenticationError, "refused")
    assert attempts == [embedded_server.password, "hunter2"]


@pytest.fixture
def both_server(tmp_path: Path, user_keys: KeySet) -> Iterator[EmbeddedServer]:
    """A server that has a password and a key for its user."""
    with EmbeddedServer(
        tmp_path / "both", password="open sesame", authorized_keys=[user_keys.public("ed25519")]
    ) as server:
        yield server


def test_a_key_is_enough_where_the_server_takes_either(
    both_server: EmbeddedServer, user_keys: KeySet, attempts: list[str]
) -> None:
    key = {"private_key_content": user_keys.private("ed25519")}
    login({**both_server.options(), **key, "password": "hunter2"})
    assert attempts == []


def test_the_password_is_tried_after_a_key_that_was_refused(
    both_server: EmbeddedServer, user_keys: KeySet, attempts: list[str]
) -> None:
    login({**both_server.options(), "private_key_content": user_keys.private("rsa")})
    assert attempts == ["open sesame"]


def test_the_agent_the_config_and_default_keys_of_this_machine_are_never_used(
    both_server: EmbeddedServer,
    user_keys: KeySet,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # A default key that would open the door, a configuration that leads elsewhere, and an agent
    # that notices visitors.
    (home / ".ssh" / "id_ed25519").write_text(user_keys.private("ed25519"))
    (home / ".ssh" / "config").write_text(
        f"Host *\n  User {both_server.username}\n  Port 1\n  HostName nonexistent.invalid\n"
        f"  IdentityFile {user_keys.path('ed25519')}\n  ProxyCommand touch {tmp_path}/ran\n"
    )
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.setblocking(False)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        refused(
            {**both_server.options(), "password": "hunter2"}, AuthenticationError, "password tried"
        )
        login(both_server.options())
        with pytest.raises(BlockingIOError):
            agent.accept()
    assert not (tmp_path / "ran").exists()


# Host keys


def test_an_unknown_host_is_an_error_that_shows_its_fingerprint(
    embedded_server: EmbeddedServer, proxy: Any, attempts: list[str]
) -> None:
    link = proxy(embedded_server)
    options = {**embedded_server.options(), "port": link.port}
    del options["host_key_fingerprint"]
    error = refused(options, HostKeyError, "host key is unknown: it presented ssh-ed25519 SHA256:")
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == embedded_server.fingerprint
    assert f"set host_key_fingerprint to {embedded_server.fingerprint}" in str(error)
    assert link.connections == 1
    assert attempts == []
    # Doing as the message says helps.
    login({**options, "host_key_fingerprint": error.fingerprint})


def test_a_changed_key_is_said_to_be_changed(embedded_server: EmbeddedServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    line = other.export_public_key("openssh").decode()
    where = f"[127.0.0.1]:{embedded_server.port}"
    for trusted in (
        {"host_key_fingerprint": other.get_fingerprint()},
        {"host_key_fingerprint": line},
        {"host_key_fingerprint": "", "known_hosts": f"{where} {line}"},
    ):
        error = refused(
            {**embedded_server.options(), **trusted}, HostKeyError, "is not the expected one"
        )
        assert isinstance(error, HostKeyError)
        assert error.fingerprint == embedded_server.fingerprint
        assert "The key was changed" in str(error)


def test_a_fingerprint_counts_in_every_spelling(embedded_server: EmbeddedServer) -> None:
    good = embedded_server.fingerprint
    line = embedded_server.host_key.split(" ", 1)[1]
    for text in (good, f"{good}=", f"SHA256:{'A' * 43}, {good}", line, f"{line} comment"):
        login({**embedded_server.options(), "host_key_fingerprint": text})


def test_insecure_takes_any_key_and_warns(embedded_server: EmbeddedServer) -> None:
    options = {**embedded_server.options(), "host_key_policy": "insecure"}
    del options["host_key_fingerprint"]
    with pytest.warns(SFTPAsyncWarning, match="host_key_policy=insecure"):
        login(options)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_the_verified_key_of_an_ipv6_host_verifies_it_again(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "six", host="::1")
    try:
        server.start()
    except OSError as error:
        pytest.skip(f"needs the IPv6 loopback address ({error})")
    with server:
        line = login(server.options())
        assert line is not None
        assert line.startswith(f"[::1]:{server.port} ssh-ed25519 ")
        login({**server.options(), "host_key_fingerprint": "", "known_hosts": line})


def test_the_verified_key_of_a_name_in_capitals_verifies_it_again(
    embedded_server: EmbeddedServer,
) -> None:
    options = {**embedded_server.options(), "host": "LocalHost"}
    line = login(options)
    assert line is not None
    assert line.startswith(f"[localhost]:{embedded_server.port} ")
    login({**options, "host_key_fingerprint": "", "known_hosts": line})


# A line that falls silent


def test_a_frozen_request_is_given_up_after_operation_timeout(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async def scene(connection: Connection) -> None:
        link.freeze()
        outcomes = await asyncio.gather(
            connection.stat("/"), connection.listdir("/"), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [StalledError, StalledError]
        assert "no answer from the server for 0.5" in str(outcomes[0])
        assert not connection.usable

    using({**embedded_server.options(), "port": link.port, "operation_timeout": "0.5"}, scene)


def test_a_frozen_upload_is_given_up_after_stall_timeout(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async def scene(connection: Connection) -> None:
        file = await connection.open_new("/a")
        link.freeze_after(1_000_000)
        with pytest.raises(StalledError, match="Cannot write: no answer from the server"):
            await file.write(bytes(8_000_000), 0)
        assert not connection.usable

    using({**embedded_server.options(), "port": link.port, "stall_timeout": "0.5"}, scene)


def test_a_slow_line_that_moves_is_not_taken_for_a_frozen_one(tmp_path: Path) -> None:
    class Slow(server_module.FolderServer):
        async def write(self, file_obj: object, offset: int, data: bytes) -> int:  # type: ignore[override]
            await asyncio.sleep(0.1)
            return super().write(file_obj, offset, data)

    async def scene(connection: Connection) -> None:
        file = await connection.open_new("/a")
        # Eight answers, one every tenth of a second: the last comes after more than stall_timeout.
        size = connection.capabilities.max_write * 8
        await file.write(bytes(size), 0)
        await file.close()
        assert (await connection.stat("/a")).size == size

    with EmbeddedServer(tmp_path / "slow", sftp_factory=Slow) as server:
        using({**server.options(), "stall_timeout": "0.6"}, scene)


def test_a_line_cut_in_the_middle_of_an_upload_is_a_lost_connection(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)

    async def scene(connection: Connection) -> None:
        file = await connection.open_new("/a")
        link.cut_after(1_000_000)
        with pytest.raises(ConnectionLostError, match="connection was lost"):
            await file.write(bytes(8_000_000), 0)
        assert not connection.usable

    using({**embedded_server.options(), "port": link.port}, scene)


def test_a_line_cut_during_the_login_may_be_tried_again(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)
    options = {**embedded_server.options(), "port": link.port}
    errors = []
    # Wherever in the login it is cut: greeting, key exchange, authentication, start of SFTP.
    for count in (1, 30, 1000, 1300, 1600, 1900):
        link.cut_after(count)
        try:
            login(options)
        except ConnectError as error:
            errors.append(error)
        link.restore()
    assert len(errors) >= 4
    assert [error for error in errors if not error.retryable] == []


def test_a_cancelled_connect_leaves_no_connection_behind(
    embedded_server: EmbeddedServer, proxy: Any
) -> None:
    link = proxy(embedded_server)
    link.freeze()

    async def main() -> None:
        options = SFTPOptions(**{**embedded_server.options(), "port": link.port})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connect(options)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
