"""Logging in: passwords, keys, both, and nothing of this machine's user."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import (
    AuthenticationError,
)
from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import login, refused
from tests.support.keys import KeySet


@pytest.mark.asyncio
async def test_a_wrong_password_is_tried_once_and_never_shown(
    embedded_server: EmbeddedServer, attempts: list[str]
) -> None:
    error = await refused(
        {**embedded_server.options(), "password": "hunter2"},
        AuthenticationError,
        r"refused the login \(password tried\)",
    )
    assert attempts == ["hunter2"]
    assert not error.retryable


@pytest.mark.asyncio
async def test_a_server_that_asks_by_keyboard_gets_the_password(
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
    await login(embedded_server.options())
    assert attempts == [embedded_server.password]
    await refused(
        {**embedded_server.options(), "password": "hunter2"}, AuthenticationError, "refused"
    )
    assert attempts == [embedded_server.password, "hunter2"]


@pytest.fixture
def both_server(tmp_path: Path, user_keys: KeySet) -> Iterator[EmbeddedServer]:
    """A server that has a password and a key for its user."""
    with EmbeddedServer(
        tmp_path / "both", password="open sesame", authorized_keys=[user_keys.public("ed25519")]
    ) as server:
        yield server


@pytest.mark.asyncio
async def test_a_key_is_enough_where_the_server_takes_either(
    both_server: EmbeddedServer, user_keys: KeySet, attempts: list[str]
) -> None:
    key = {"private_key_content": user_keys.private("ed25519")}
    await login({**both_server.options(), **key, "password": "hunter2"})
    assert attempts == []


@pytest.mark.asyncio
async def test_the_password_is_tried_after_a_key_that_was_refused(
    both_server: EmbeddedServer, user_keys: KeySet, attempts: list[str]
) -> None:
    await login({**both_server.options(), "private_key_content": user_keys.private("rsa")})
    assert attempts == ["open sesame"]


@pytest.mark.asyncio
async def test_the_agent_the_config_and_default_keys_of_this_machine_are_never_used(
    both_server: EmbeddedServer,
    user_keys: KeySet,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # A default key that would be accepted, a configuration that leads elsewhere, and an agent
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
        await refused(
            {**both_server.options(), "password": "hunter2"}, AuthenticationError, "password tried"
        )
        await login(both_server.options())
        with pytest.raises(BlockingIOError):
            agent.accept()
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the server asks by keyboard, in order: instructions and a prompt each."""
    asked: list[tuple[str, str]] = []
    account: Any = server_module._Account

    def challenge(self: Any, *_: Any) -> Any:
        self.waiting = list(asked)
        return next_question(self)

    def next_question(self: Any) -> Any:
        instructions, prompt = self.waiting.pop(0)
        return "", instructions, "", [(prompt, False)]

    def answered(self: Any, user: str, answers: list[str]) -> Any:
        if not self.validate_password(user, answers[0]) or not self.waiting:
            return False
        return next_question(self)

    monkeypatch.setattr(account, "password_auth_supported", lambda self: False)
    monkeypatch.setattr(account, "kbdint_auth_supported", lambda self: True)
    monkeypatch.setattr(account, "get_kbdint_challenge", challenge)
    monkeypatch.setattr(account, "validate_kbdint_response", answered)
    return asked


@pytest.mark.asyncio
async def test_a_question_for_a_one_time_code_is_in_the_servers_own_words(
    embedded_server: EmbeddedServer, attempts: list[str], questions: list[tuple[str, str]]
) -> None:
    questions += [("", "Password: "), ("Sent to +49\x1b[1m 170", "Code from\nyour phone: ")]
    error = await refused(
        embedded_server.options(), AuthenticationError, "Sent to .* Code from your phone:"
    )
    assert '"Sent to +49?[1m 170 Code from your phone:"' in str(error)
    assert "ask its operator for a login by key" in str(error)
    assert attempts == [embedded_server.password]


@pytest.mark.asyncio
async def test_the_words_of_a_server_that_repeats_the_password_are_not_shown(
    embedded_server: EmbeddedServer, attempts: list[str], questions: list[tuple[str, str]]
) -> None:
    questions += [("", "Password: "), ("hunter2 is not your code", "Code: ")]
    monkeyed = {**embedded_server.options(), "password": "hunter2"}
    embedded_server.password = "hunter2"
    error = await refused(monkeyed, AuthenticationError, "refused the login")
    assert "is not your code" not in str(error)


@pytest.mark.asyncio
async def test_long_words_of_a_server_are_cut(
    embedded_server: EmbeddedServer, questions: list[tuple[str, str]]
) -> None:
    questions += [("", "Password: "), ("x" * 10_000, "Code: ")]
    error = await refused(embedded_server.options(), AuthenticationError, "x{200}")
    assert len(str(error)) < 1000
