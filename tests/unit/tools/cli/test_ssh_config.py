"""Hosts of OpenSSH's client configuration become options of connections."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.ssh_config import SSHHost, read_ssh_config


def hosts(path: Path, text: str) -> dict[str, SSHHost]:
    path.write_text(text)
    return {host.name: host for host in read_ssh_config(path).hosts}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def test_settings_become_options_and_the_first_one_counts(config: Path) -> None:
    found = hosts(
        config,
        """
        Host partner other   # two names
          HostName sftp.%h.example
          user = upload
          Port=2222
          IdentityFile "~/keys/id %r"
          IdentityFile ~/second
          UserKnownHostsFile ~/kh1 ~/kh2
          User late
        Host *
          User default
          Port 23
        Host plain
        """,
    )
    assert found["partner"].options == {
        "host": "sftp.partner.example",
        "username": "upload",
        "port": 2222,
        "private_key_path": "~/keys/id upload",
        "known_hosts": "~/kh1",
    }
    assert found["other"].options["host"] == "sftp.other.example"
    assert found["plain"].options == {"host": "plain", "username": "default", "port": 23}
    assert found["partner"].notes == ()
    assert found["plain"].notes == ("it has no IdentityFile: add private_key_path or password",)


def test_without_a_user_it_is_the_local_one_as_for_ssh(config: Path) -> None:
    assert hosts(config, "Host h")["h"].options["username"] == getpass.getuser()


def test_patterns_name_no_host_but_their_settings_apply(config: Path) -> None:
    text = "Host *.corp !bad.corp\n User corporate\nHost a.corp bad.corp\n IdentityFile none"
    found = hosts(config, text)
    assert found["a.corp"].options["username"] == "corporate"
    assert found["bad.corp"].options["username"] == getpass.getuser()
    assert [name for name, _ in read_ssh_config(config).left_out] == ["*.corp"]


def test_jump_hosts_are_looked_up_by_their_names(config: Path) -> None:
    found = hosts(
        config,
        """
        Host bastion
          HostName 10.0.0.1
          User jump
          Port 23
          IdentityFile ~/.ssh/jump
        Host partner
          User me
          ProxyJump bastion
        Host two
          User me
          ProxyJump you@bastion:24,v6
        Host v6
          HostName ::1
          User me
        Host none
          ProxyJump none
        """,
    )
    assert found["partner"].options["proxy_jump"] == "jump@10.0.0.1:23"
    assert found["partner"].options["proxy_jump_private_key_path"] == "~/.ssh/jump"
    assert found["two"].options["proxy_jump"] == "you@10.0.0.1:24,me@[::1]"
    assert "proxy_jump_private_key_path" not in found["two"].options
    assert "proxy_jump" not in found["none"].options


def test_what_has_no_counterpart_is_reported(config: Path) -> None:
    text = (
        "Match exec 'touch /tmp/x'\n User evil\nMatch all\n Port 24\n"
        "Host a\n ProxyCommand nc %h\n IdentityFile ~/%C\n UserKnownHostsFile /dev/null\n"
    )
    found = hosts(config, text)["a"]
    assert found.options["port"] == 24
    assert found.options["username"] == getpass.getuser()
    assert [note.split()[0] for note in found.notes] == [
        "proxycommand",
        "identityfile",
        "userknownhostsfile",
        "it",
    ]
    [(what, _)] = read_ssh_config(config).left_out
    assert what.startswith("Match exec")


def test_included_files_are_read_relative_to_the_configuration(config: Path) -> None:
    folder = config.parent / "conf.d"
    folder.mkdir()
    (folder / "b").write_text("Host b\n User from_b\nHost *\n Port 25\n")
    (folder / "a").write_text("Host a\n User from_a\n")
    found = hosts(config, "Include conf.d/*\nUser default\nHost c\n Include conf.d/a\n")
    assert {name: host.options["username"] for name, host in found.items()} == {
        "a": "from_a",
        "b": "from_b",
        "c": "default",
    }
    assert found["c"].options["port"] == 25
    reason = "it is within a block of Host c"
    assert read_ssh_config(config).left_out == [("Include conf.d/a", reason)]


def test_what_is_included_for_a_match_is_left_out_with_the_reason(config: Path) -> None:
    config.write_text("Match user me\n Include other\n")
    assert read_ssh_config(config).left_out == [
        ("Match user me", "it is not evaluated"),
        ("Include other", "it is within a block of Match"),
    ]


def test_a_configuration_that_includes_itself_ends(config: Path) -> None:
    assert list(hosts(config, "Include config\nHost a\n")) == ["a"]


def test_a_file_that_cannot_be_read_is_an_error(config: Path) -> None:
    with pytest.raises(OptionsError, match="cannot be read: no such file"):
        read_ssh_config(config)
