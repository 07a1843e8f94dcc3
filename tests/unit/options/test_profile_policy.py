"""An administrator's policy for references holds for profiles and the keyring as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.reference_policy import VARIABLE

LOGIN: dict[str, Any] = {"host": "h", "username": "me"}


class Entries(KeyringBackend):
    """A keyring of the tests' own."""

    priority = 1.0  # type: ignore[assignment]
    entries: ClassVar = {("sftp-async", "partner"): "default", ("https://h/x", "me"): "own"}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@pytest.fixture
def entries() -> Any:
    before = keyring.get_keyring()
    keyring.set_keyring(Entries())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "connections.toml"
    path.touch(0o600)
    path.write_text(
        '[partner]\nhost = "h"\nuser = "me"\npassword = "env:OF_PARTNER"\nheader = true\n'
        '[part]\nhost = "h"\npassword = "env:OF_PARTNER"'
    )
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(path))
    monkeypatch.setenv("OF_PARTNER", "s3cret")
    return path


def secret_of(options: SFTPOptions) -> str:
    assert options.password is not None
    return options.password.get_secret_value()


def refusal(**options: Any) -> str:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions(**options).resolve()
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


# --- the keyring


@pytest.mark.parametrize(("entry", "secret"), [("partner", "default"), ("https://h/x/me", "own")])
def test_a_secret_may_be_in_the_keyring(entries: None, entry: str, secret: str) -> None:
    options = SFTPOptions(**LOGIN, password=f"keyring:{entry}")
    assert secret_of(options) == f"keyring:{entry}"
    assert secret_of(options.resolve()) == secret


def test_a_missing_entry_is_an_error_with_the_command_that_makes_it(entries: None) -> None:
    message = refusal(**LOGIN, password="keyring:my svc/you")
    assert "keyring set 'my svc' you" in message


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    assert "pip install 'sftp-async[keyring]'" in refusal(**LOGIN, password="keyring:partner")


def test_a_policy_allows_entries_of_the_keyring_by_pattern(
    entries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "env:X,keyring:sftp-async/p*")
    assert secret_of(SFTPOptions(**LOGIN, password="keyring:partner").resolve()) == "default"
    assert "which is not allowed" in refusal(**LOGIN, password="keyring:https://h/x/me")


# --- profiles


@pytest.mark.parametrize("policy", ["none", "env:*,file:/", "profile:other*"])
def test_a_profile_that_is_not_allowed_is_refused_unread(
    profile: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setenv(VARIABLE, policy)
    known, unknown = refusal(profile="partner"), refusal(profile="absent")
    assert "profile names the connection 'partner', which is not allowed" in known
    assert known.replace("partner", "absent") == unknown


def test_an_allowed_profile_brings_what_its_references_refer_to(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "profile:part*")
    options = SFTPOptions(profile="partner", connect_timeout="5s", header=False)
    assert secret_of(options) == secret_of(options.resolve()) == "s3cret"
    assert (options.connect_timeout, options.header) == (5.0, False)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("host", "evil"),
        ("url", "sftp://evil/x"),
        ("user", "evil"),
        ("port", "23"),
        ("proxy_url", "http://evil:80"),
        ("proxy_jump", "evil"),
        ("host_key_fingerprint", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"),
        ("known_hosts", "evil ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"),
        ("skipHostKeyValidation", "true"),
        ("legacy_algorithms", "true"),
    ],
)
def test_no_option_sends_the_secrets_of_an_allowed_profile_elsewhere(
    profile: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, "profile:*")
    message = refusal(profile="partner", **{option: value})
    assert "cannot be given together with profile=partner" in message


def test_an_incomplete_profile_cannot_be_completed_under_a_policy(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "profile:*")
    assert f"{profile}, [part]: username is missing" in refusal(profile="part")
