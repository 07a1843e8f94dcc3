"""A profile is a table of `connections.toml`; what is given comes before it."""

from __future__ import annotations

import os
import pickle
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.profiles import connections_file

PARTNER = """
[partner]
host = "sftp.example.com"
user = "upload"
port = 2222
password = "env:PARTNER_PASSWORD"
private_key = "~/.ssh/id"
header = true
partition_by = ["day", "a,b"]
modified_after = 2026-01-02T03:04:05Z
chunk_size = "1MiB"
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "connections.toml"
    path.touch(0o600)
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(path))
    return path


def problems(**options: Any) -> list[str]:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions(**options)
    return caught.value.problems


# --- what a profile sets


def test_a_profile_sets_options_by_any_name_and_in_toml_s_types(file: Path) -> None:
    file.write_text(PARTNER)
    options = SFTPOptions.from_profile("partner")
    assert options.address == "upload@sftp.example.com:2222"
    assert options.private_key_path == "~/.ssh/id"
    assert options.header is True
    assert options.partition_by == ("day", "a,b")
    assert options.modified_after == "2026-01-02 03:04:05+00:00"
    assert options == SFTPOptions(profile="partner") == SFTPOptions(Profile="partner")
    assert options == SFTPOptions.from_spark({"profile": "partner"})


def test_nothing_of_the_name_remains(file: Path) -> None:
    file.write_text(PARTNER)
    options = SFTPOptions.from_profile("partner")
    file.unlink()
    assert options.profile is None
    assert "profile" not in options.to_spark()
    assert pickle.loads(pickle.dumps(options)) == options.model_copy() == options


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"PORT": "22"}, "upload@sftp.example.com:22"),
        ({"login": "me", "port": ""}, "me@sftp.example.com:2222"),
        ({"path": "sftp://me@other:23/x"}, "me@other:23"),
        ({"host": None}, "upload@sftp.example.com:2222"),
    ],
)
def test_given_options_in_any_spelling_override_the_profile(
    file: Path, given: dict[str, Any], address: str
) -> None:
    file.write_text(PARTNER)
    assert SFTPOptions.from_profile("partner", **given).address == address


def test_a_given_key_takes_the_place_of_the_profile_s_key_and_passphrase(file: Path) -> None:
    file.write_text(PARTNER + 'passphrase = "env:PHRASE"')
    options = SFTPOptions.from_profile("partner", private_key="env:KEY")
    assert options.private_key_path is None
    assert options.private_key_passphrase is None
    kept = SFTPOptions.from_profile("partner", private_key_passphrase="file:/phrase")
    assert kept.private_key_path == "~/.ssh/id"


# --- mistakes


def test_all_mistakes_of_a_profile_are_reported_with_file_and_table(file: Path) -> None:
    file.write_text('[bad]\nhots = "x"\nport = "abc"\nprofile = "x"\npassword = 7\ntable = {a = 1}')
    found = problems(profile="bad", prot=3)
    assert found.pop() == "'prot' is not an option; did you mean port?"
    assert {each.partition(": ")[0] for each in found} == {f"{file}, [bad]"}
    assert [each.partition(": ")[2] for each in found] == [
        "table must be text, a number, true or false, or a list of texts.",
        "profile cannot be set in a profile.",
        "'hots' is not an option; did you mean host?",
        "port must be a whole number, not 'abc'.",
        "password must be text.",
    ]


def test_a_profile_that_does_not_exist_is_an_error_with_the_near_names(file: Path) -> None:
    file.write_text(PARTNER)
    [near] = problems(profile="Partnr")
    assert near == f"There is no connection 'Partnr' in {file}; did you mean partner?"
    [other] = problems(profile="x")
    assert other.endswith("which has partner.")
    file.unlink()
    assert problems(profile="x") == [f"There is no connection 'x' in {file}, which has none."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('host = "x"', "'host' stands outside a table"),
        ('["a b"]', r"\[a b\] cannot be the name"),
        ('[a]\npassword = "s3cret', r"is not TOML \(at"),
        ("[a]\n[a]", "is not TOML"),
    ],
)
def test_a_file_that_is_no_file_of_connections_is_an_error(
    file: Path, text: str, message: str
) -> None:
    file.write_text(text)
    with pytest.raises(OptionsError, match=message) as caught:
        SFTPOptions(profile="a")
    assert "s3cret" not in str(caught.value)


def test_a_profile_may_be_incomplete(file: Path) -> None:
    file.write_text('[part]\nhost = "h"')
    assert SFTPOptions.from_profile("part", user="me", password="pw").address == "me@h:22"
    assert problems(profile="part")[0].startswith("username is missing")


def test_two_profiles_are_a_contradiction(file: Path) -> None:
    assert problems(profile="a", Profile="b") == ["profile is given twice with different values."]


# --- where the file is, and who may change and read it


def test_the_file_is_in_the_directory_for_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SFTP_ASYNC_CONNECTIONS")
    monkeypatch.setenv("HOME", "/home/me")
    for base, place in (
        ("/conf", "/conf"),
        ("", "/home/me/.config"),
        ("relative", "/home/me/.config"),
    ):
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
        assert str(connections_file()) == f"{place}/sftp-async/connections.toml"
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", "~/other.toml")
    assert str(connections_file()) == "/home/me/other.toml"


@pytest.mark.parametrize("mode", [0o660, 0o602])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    file.write_text(PARTNER)
    file.chmod(mode)
    [problem] = problems(profile="partner")
    assert f"chmod go-w {file}" in problem


def test_a_file_that_others_can_read_is_refused_if_it_holds_a_secret(file: Path) -> None:
    file.write_text(PARTNER + '[other]\nPass = "s3cret"')
    file.chmod(0o640)
    [problem] = problems(profile="partner")
    assert f"with it Pass of [other]. Run chmod 600 {file}" in problem
    assert "s3cret" not in problem
    file.chmod(0o600)
    assert SFTPOptions.from_profile("partner").port == 2222
    file.write_text(PARTNER)
    file.chmod(0o644)
    assert SFTPOptions.from_profile("partner").port == 2222


def test_a_link_of_one_s_own_is_followed_and_its_file_checked(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(PARTNER)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(link))
    assert SFTPOptions.from_profile("partner").port == 2222
    file.chmod(0o606)
    assert "other users can write it" in problems(profile="partner")[0]


@pytest.mark.parametrize("whose", ["file", "link"])
def test_a_file_or_link_of_another_user_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    file.write_text(PARTNER)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    path = link if whose == "link" else file
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(path))
    if (user := os.geteuid()) == 0:  # a file of root is right for all users
        os.chown(path, 12345, 12345, follow_symlinks=False)
    else:
        monkeypatch.setattr("os.geteuid", lambda: user + 1)
    start = "the link" if whose == "link" else "it"
    assert f"{start} belongs to another user" in problems(profile="partner")[0]


def test_a_directory_in_place_of_the_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(stat.S_IRWXU)
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(tmp_path))
    assert problems(profile="a") == [
        f"The file of connections {tmp_path} is not used: it cannot be read: is a directory."
    ]


# --- the environment


def test_the_environment_is_between_what_is_given_and_the_profile(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(PARTNER)
    monkeypatch.setenv("SFTP_ASYNC_PROFILE", "partner")
    monkeypatch.setenv("SFTP_ASYNC_PORT", "23")
    monkeypatch.setenv("SFTP_ASYNC_USER", "me")
    monkeypatch.setenv("SFTP_ASYNC_MAX_RETRIES", " ")
    options = SFTPOptions.from_env(Port=24)
    assert options.address == "me@sftp.example.com:24"
    assert SFTPOptions.from_env().port == 23
    assert SFTPOptions.from_profile("partner").port == 2222


def test_the_environment_sets_options_of_a_connection_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HOST", "USERNAME", "PASSWORD", "FORMAT", "NONSENSE", "SERVER_PASSWORD"):
        monkeypatch.setenv(f"SFTP_ASYNC_{name}", name.lower())
    monkeypatch.setenv("SFTP_ASYNC_PRIVATE_KEY", "/key")
    options = SFTPOptions.from_env(private_key_content="env:KEY")
    assert options.model_fields_set == {"host", "username", "password", "private_key_content"}


def test_the_file_in_the_documents_is_right(file: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "connections.md"
    [shown] = re.findall(r"(?ms)^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"))
    file.write_text(shown)
    assert SFTPOptions.from_profile("partner").address == "upload@sftp.example.com:2222"
    assert SFTPOptions.from_profile("archive").path == "/inbox"
