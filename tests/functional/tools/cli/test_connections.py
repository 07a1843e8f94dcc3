"""`sftp-async connections` keeps the file of connections."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sftp_async.tools.cli.output import Output
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import Ended, sftp_async

pytestmark = pytest.mark.one_python

SECRET = "s3cret-of-test"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the file, which does not exist."""
    path = tmp_path / "conf" / "sftp-async" / "connections.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    monkeypatch.delenv("SFTP_ASYNC_CONNECTIONS", raising=False)
    return path


def connections(*arguments: object, answers: str = "", env: dict[str, str] | None = None) -> Ended:
    ended = sftp_async("connections", *arguments, answers=answers, env=env)
    assert SECRET not in ended.out + ended.err
    return ended


def tables(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- add


def test_a_connection_is_added_to_a_new_file_for_this_user_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["-o", "password=keyring:partner", "-o", "header=TRUE", "-o", "Chunk-Size=1MiB"]
    ended = connections("add", "partner", "me@h:2222:/out", "-i", "id", *options)
    assert ended.code == 0, ended.err
    assert tables(file) == {
        "partner": {
            "host": "h",
            "username": "me",
            "port": 2222,
            "path": "/out",
            "private_key_path": str(tmp_path / "id"),
            "password": "keyring:partner",
            "header": True,
            "chunk_size": "1MiB",
        }
    }
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert [path.name for path in file.parent.iterdir()] == ["connections.toml"]


def test_the_environment_is_not_added(file: Path) -> None:
    connections("add", "a", "me@h", env={"SFTP_ASYNC_PASSWORD": SECRET, "SFTP_ASYNC_PORT": "3"})
    assert tables(file) == {"a": {"host": "h", "username": "me"}}


def test_a_password_is_asked_for_and_kept_with_a_warning(file: Path) -> None:
    ended = connections("add", "a", "me@h", "--ask-password", answers=f"{SECRET}\n")
    assert tables(file)["a"]["password"] == SECRET
    assert "password: kept as text" in ended.err


def test_comments_order_and_links_stay(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir(parents=True)
    real = tmp_path / "dotfiles.toml"
    real.write_text('# mine\n[z]\nhost = "z" # last\n')
    real.chmod(0o600)
    file.symlink_to(real)
    connections("add", "sftp.example.com", "me@h")
    assert real.read_text() == (
        '# mine\n[z]\nhost = "z" # last\n\n["sftp.example.com"]\nhost = "h"\nusername = "me"\n'
    )
    assert file.is_symlink()
    assert connections("remove", "z").code == 0
    assert list(tables(file)) == ["sftp.example.com"]


def test_a_name_is_replaced_only_on_request(file: Path) -> None:
    connections("add", "a", "me@h:/x")
    ended = connections("add", "a", "you@h")
    assert (ended.code, "--replace" in ended.err) == (1, True)
    assert connections("add", "a", "you@h", "--replace").code == 0
    assert tables(file)["a"] == {"host": "h", "username": "you"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "me@h", "-o", "hots=x"], "'hots' is not an option; did you mean host?"),
        (["a", "me@h", "-o", f"password={SECRET}"], "password is a secret"),
        (["a b", "me@h"], "NAME must consist of letters"),
        (["a", "me@h:22", "-p", "23"], "port is given twice"),
    ],
)
def test_mistakes_add_nothing(file: Path, arguments: list[str], message: str) -> None:
    ended = connections("add", *arguments)
    assert (ended.code, message in ended.err) == (2, True)
    assert not file.exists()


def test_a_confirmed_host_key_is_kept(
    file: Path, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"{embedded_server.username}@{embedded_server.host}:{embedded_server.port}"
    add = ("add", "a", target, "--pin-host-key")
    ended = connections(*add)
    assert (ended.code, embedded_server.fingerprint in ended.err) == (1, True)
    monkeypatch.setattr(Output, "interactive", True)
    assert connections(*add, answers="n\n").code == 1
    assert not file.exists()
    assert connections(*add, answers="y\n").code == 0
    assert tables(file)["a"]["host_key_fingerprint"] == embedded_server.fingerprint
    listed = sftp_async("ls", "a:/", env={"SFTP_ASYNC_PASSWORD": str(embedded_server.password)})
    assert listed.code == 0


# --- list and show


def test_the_list_has_names_servers_and_ways_to_log_in(file: Path) -> None:
    assert "has no connections" in connections("list").out
    connections("add", "partner", "me@h:2222", "-o", "password=env:PW")
    connections("add", "b", "sftp://[::1]/", "-i", "~/.ssh/id")
    connections("add", "c", "me@h", "--ask-password", answers=f"{SECRET}\n")
    file.write_text(file.read_text() + "\n[d]\nhots = 1\n")
    assert [line.split() for line in connections("list").out.splitlines()][:4] == [
        ["partner", "me@h:2222", "password", "env:PW"],
        ["b", "-@[::1]:22", "private", "key", "~/.ssh/id"],
        ["c", "me@h:22", "password", "in", "the", "file"],
        ["d", "-", "-"],
    ]
    document = connections("list", "--json").document
    assert document["file"] == str(file)
    assert document["connections"][0] == {
        "name": "partner",
        "address": "me@h:2222",
        "login": "password env:PW",
        "problems": [],
    }
    assert "did you mean host" in document["connections"][3]["problems"][0]


def test_secrets_are_masked_also_under_a_misspelled_name(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(f'[a]\nhost = "h"\npass = "{SECRET}"\npasword = "{SECRET}"\nport = 23')
    shown = connections("show", "a", "--json").document
    masked = "*" * 10
    assert shown["options"] == {"host": "h", "pass": masked, "pasword": masked, "port": 23}
    assert f"pass     {masked}" in connections("show", "a").out


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f'url = "sftp://demo:{SECRET}@h/q"', "sftp://demo:**********@h/q"),
        (f'proxy_url = "socks5://pu:{SECRET}@p:1"', "socks5://pu:**********@p:1"),
        (f'proxy_jump = "me:{SECRET}@b"', "me:**********@b"),
        (f'bastion = ["a@b", "me:{SECRET}@c"]', ["a@b", "me:**********@c"]),
        ('proxy_jump = "b:22,me@c:23"', "b:22,me@c:23"),
        (f'host = "demo:{SECRET}@h"', "demo:**********@h"),
        (f'host = "demo:{SECRET}%40h"', "demo:**********%40h"),
        (f'host = {{ password = "{SECRET}" }}', "**********"),
        (f'host = [[ "demo:{SECRET}@h" ]]', ["**********"]),
        (f'user = "demo:{SECRET}@h"', "demo:**********@h"),
        (f'path = "/e?token={SECRET}"', "/e?token=**********"),
        (f'private_key_path = "-----BEGIN PRIVATE KEY-----{SECRET}"', "**********"),
        (f'server_url = "sftp://h/{SECRET}"', "**********"),
        (f'pasword = "{SECRET}"', "**********"),
    ],
)
def test_a_password_within_a_value_is_masked(file: Path, written: str, shown: object) -> None:
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(f"[a]\n{written}\n")
    assert [*connections("show", "a", "--json").document["options"].values()] == [shown]
    connections("show", "a")  # which ensures that the secret is not there
    connections("list")
    connections("list", "--json")
    connections("remove", f"x:{SECRET}@h")


@pytest.mark.parametrize(
    "content",
    [
        f'["demo:{SECRET}@h"]\nhost = "h"',
        f'"demo:{SECRET}@h" = 1',
        f'[a]\npassword = "{SECRET}',
        f'[a]\n"demo:{SECRET}@h" = 1',
        f'[a]\n"demo:{SECRET}@h" = {{ x = 1 }}',
    ],
)
def test_errors_of_the_file_show_no_password(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(content)
    for arguments in (["list"], ["show", "a"], ["show", "a", "--json"], ["add", "b", "me@h"]):
        connections(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [f"sftp://demo:{SECRET}@h/q"],
        [f"demo:{SECRET}@h:/q"],
        ["me@h", "-o", f"proxy_url=socks5://pu:{SECRET}@p:1"],
        ["me@h", "-o", f"proxy_jump=me:{SECRET}@b"],
        ["me@h", "-o", f"host=demo:{SECRET}@h"],
        ["me@h", "-o", f"url=sftp://demo:{SECRET}@h"],
        ["me@h", "-o", f"pasword={SECRET}"],
        ["me@h", "-o", f"demo:{SECRET}@h"],
        ["me@h", "-o", f"user=me:{SECRET}@h", "--replace"],
    ],
)
def test_no_password_is_added_from_arguments_or_shown(file: Path, arguments: list[str]) -> None:
    connections("add", "a", *arguments)
    ended = connections("add", "b", *arguments, "--json")
    assert ended.code == 2 or "user=" in arguments[-2]
    connections("list")


def test_an_import_shows_no_password(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host demo:{SECRET}@h\nHost x:{SECRET}@*\nHost a\n HostName demo:{SECRET}@h\n"
        f"Host b\n User me\n ProxyJump me:{SECRET}@b\nHost c\n User me:{SECRET}@h\n"
        f"Host d\n User me\n IdentityFile sftp://u:{SECRET}@h/%C\n"
        f"Match exec 'curl https://u:{SECRET}@h'\n Include https://u:{SECRET}@h\n"
    )
    connections("import", config, "--host", f"you:{SECRET}@h")
    connections("import", config, "--json")
    connections("import", config, "--replace")
    assert set(tables(file)) == {"c", "d"}
    connections("list")


@pytest.mark.parametrize("command", ["show", "remove"])
def test_a_connection_that_does_not_exist_is_an_error(file: Path, command: str) -> None:
    connections("add", "partner", "me@h")
    ended = connections(command, "partnr")
    assert (ended.code, "did you mean partner?" in ended.err) == (2, True)


# --- import


def test_hosts_of_openssh_are_imported(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host a a/b\n User me\n IdentityFile ~/id\nHost port\n Port x\n"
        "Host *.corp\n User you\nHost b\n User me\n"
    )
    connections("add", "b", "me@other")
    document = connections("import", config, "--json").document
    assert document["imported"] == [{"name": "a", "notes": []}]
    reasons = {each["name"]: each["reason"] for each in document["left_out"]}
    assert list(reasons) == ["*.corp", "a/b", "port", "b"]
    assert "--replace" in reasons["b"]
    assert reasons["port"].startswith("port must be a whole number")
    assert tables(file)["a"] == {"host": "a", "username": "me", "private_key_path": "~/id"}
    assert tables(file)["b"]["host"] == "other"
    ended = connections("import", config, "--host", "b", "--host", "c", "--replace")
    assert ended.code == 0
    assert "b: imported" in ended.out
    assert f"c: left out: {config} has no such host" in ended.out
    assert tables(file)["b"]["host"] == "b"
    assert connections("import", config, "--host", "c").code == 1
