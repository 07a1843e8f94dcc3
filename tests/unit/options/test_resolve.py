"""References and files are resolved on the driver, and all problems reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import ConnectionOptions, SFTPOptions

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me"}
KNOWN_HOST = "h.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"


def clear(options: ConnectionOptions, name: str) -> str:
    secret = getattr(options, name)
    text: str = secret.get_secret_value()
    return text


def test_values_stay_what_they_are() -> None:
    options = SFTPOptions(**NEEDED, password="pw", path="/out")
    assert options.resolve() == options


def test_a_secret_may_be_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_TEST_PASSWORD", "from env")
    options = ConnectionOptions(**NEEDED, password="env:SFTP_TEST_PASSWORD")
    assert clear(options.resolve(), "password") == "from env"
    assert clear(options, "password") == "env:SFTP_TEST_PASSWORD"


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_a_secret_may_be_a_file_whose_last_line_break_is_not_part_of_it(
    tmp_path: Path, form: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(" pass word \r\n")
    options = SFTPOptions(**NEEDED, password=form.format(file)).resolve()
    assert clear(options, "password") == " pass word "


def test_a_key_file_becomes_key_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "id").write_text("KEY\nTEXT\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    options = SFTPOptions(**NEEDED, private_key_path="~/id").resolve()
    assert clear(options, "private_key_content") == "KEY\nTEXT\n"
    assert options.private_key_path is None
    assert options.resolve() == options


def test_known_hosts_become_their_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(KNOWN_HOST)
    monkeypatch.setenv("SFTP_TEST_HOSTS", KNOWN_HOST)
    for given in (str(file), f"file:{file}", "env:SFTP_TEST_HOSTS", KNOWN_HOST, KNOWN_HOST + "\n"):
        options = SFTPOptions(**NEEDED, password="pw", known_hosts=given).resolve()
        assert options.known_hosts == KNOWN_HOST + "\n"
        assert options.resolve() == options


def test_all_unresolved_references_are_in_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SFTP_TEST_NOWHERE", raising=False)
    monkeypatch.setenv("SFTP_TEST_EMPTY", "")
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")
    options = SFTPOptions(
        **NEEDED,
        password="env:SFTP_TEST_NOWHERE",
        private_key_passphrase="env:SFTP_TEST_EMPTY",
        private_key_path=str(binary),
        known_hosts=str(empty),
    )
    with pytest.raises(OptionsError) as caught:
        options.resolve()
    variable = "refers to the environment variable"
    unusable = "which the driver cannot read"
    reasons = [
        f"password {variable} 'SFTP_TEST_NOWHERE', which is not set on the driver.",
        f"private_key_passphrase {variable} 'SFTP_TEST_EMPTY', which is empty on the driver.",
        f"private_key_path refers to the file '{binary}', {unusable}: not a text file.",
        f"known_hosts refers to the file '{empty}', {unusable}: the file is empty.",
    ]
    assert caught.value.problems == reasons


def test_a_missing_file_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(
        OptionsError, match=r"password refers to the file .*no such file or directory"
    ):
        SFTPOptions(**NEEDED, password=f"file:{tmp_path}/nothing").resolve()
