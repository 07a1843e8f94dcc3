"""Bastions and proxies in the options: their notation, and the options of each bastion."""

from __future__ import annotations

from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import ConnectionOptions, SFTPOptions
from sftp_async.options.connection import connection_identity
from sftp_async.options.jump_hosts import JumpHostOptions, jump_hosts_of, route_to

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me", "private_key_content": "KEY"}
FIRST, SECOND = (f"SHA256:{letter * 43}" for letter in "AB")


def jump_hosts(**options: Any) -> tuple[JumpHostOptions, ...]:
    return jump_hosts_of(ConnectionOptions(**NEEDED, **options))


def clear(options: ConnectionOptions, name: str) -> str | None:
    secret = getattr(options, name)
    return None if secret is None else str(secret.get_secret_value())


def problem(**options: Any) -> str:
    with pytest.raises(OptionsError) as caught:
        ConnectionOptions(**NEEDED | options)
    [sentence] = caught.value.problems
    return sentence


# Notation


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("b.example", ["me@b.example:22"]),
        ("jump@b.example:2222", ["jump@b.example:2222"]),
        ("ssh://jump@b.example:2222/", ["jump@b.example:2222"]),
        ("a, you@b:23 ,c:24", ["me@a:22", "you@b:23", "me@c:24"]),
        ("[2001:db8::1]:23,[::1]", ["me@[2001:db8::1]:23", "me@[::1]:22"]),
        ("account.user@company@b", ["account.user@company@b:22"]),
        (["a", "b"], ["me@a:22", "me@b:22"]),
    ],
)
def test_bastions_are_written_as_in_openssh(written: object, addresses: list[str]) -> None:
    options = SFTPOptions(**NEEDED, proxy_jump=written)
    assert [hop.address for hop in jump_hosts_of(options)] == addresses
    assert SFTPOptions.from_spark(options.to_spark()) == options


@pytest.mark.parametrize("wrong", ["a b", "@b", "b:", "b:0", "b:x", "b:22:23", "::1", "b/x", ","])
def test_an_invalid_bastion_is_refused(wrong: str) -> None:
    assert problem(proxy_jump=wrong).startswith("proxy_jump must be [user@]host[:port]")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("socks5://p.example:1080", "socks5://p.example:1080"),
        ("SOCKS5H://p.example:1080/", "socks5://p.example:1080"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_a_proxy_is_written_as_a_url(written: str, read: str) -> None:
    options = ConnectionOptions(**NEEDED, proxy_url=written, proxy_jump="b")
    assert route_to(options) == (read, "me@b:22")


@pytest.mark.parametrize(
    "wrong",
    ["p.example:1080", "https://p:1", "socks4://p:1", "http://p", "http://p:0", "http://:1"],
)
def test_an_invalid_proxy_is_refused(wrong: str) -> None:
    assert "must have the form socks5://user@host:port or http://" in problem(proxy_url=wrong)


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({"proxy_url": "http://me:hunter2@p:1"}, "proxy_password"),
        ({"proxy_url": "http://me%3Ahunter2@p:1"}, "proxy_password"),
        ({"proxy_url": "socks5://me:hunter2"}, "proxy_password"),
        ({"proxy_url": "socks5://me:hunt/er2@p:1"}, "proxy_password"),
        ({"proxy_jump": "me:hunter2@b"}, "proxy_jump_password"),
        ({"proxy_jump": "me:hunter2@b:22"}, "proxy_jump_password"),
    ],
)
def test_a_password_in_a_url_is_refused_with_the_option_for_it(
    options: dict[str, str], right: str
) -> None:
    sentence = problem(**options)
    assert right in sentence
    assert "hunt" not in sentence


# Contradicting options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"private_key_content": None, "password": "pw", "proxy_jump": "b"},
            "The password of the server is never sent to a bastion",
        ),
        (
            {"proxy_jump_private_key_content": "K", "proxy_jump_private_key_path": "/k"},
            "are both given: keep one of them",
        ),
        (
            {"proxy_jump": "a,b", "proxy_jump_host_key_fingerprint": FIRST},
            "has 1 key for 2 bastions: give one for each",
        ),
        ({"proxy_url": "http://me@p:1"}, "has a user, but proxy_password is not given"),
        ({"proxy_url": "http://p:1", "proxy_password": "x"}, "has no user, but proxy_password"),
        (
            {"proxy_jump_private_key_content": "~/.ssh/id"},
            "the option for a path is proxy_jump_private_key_path",
        ),
    ],
)
def test_contradicting_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    assert sentence in problem(**options)


# The options of a bastion


def test_without_credentials_of_its_own_a_bastion_gets_the_key_and_never_the_password() -> None:
    [hop] = jump_hosts(proxy_jump="b", password="pw", private_key_passphrase="phrase")
    assert clear(hop, "private_key_content") == "KEY"
    assert clear(hop, "private_key_passphrase") == "phrase"
    assert hop.password is None


@pytest.mark.parametrize("own", ["password", "private_key_content", "private_key_path"])
def test_with_credentials_of_its_own_a_bastion_gets_nothing_else(own: str) -> None:
    [hop] = jump_hosts(proxy_jump="b", password="pw", **{f"proxy_jump_{own}": "its own"})
    given = {name: getattr(hop, name) for name in hop.model_fields_set}
    shown = {
        name: clear(hop, name) if own != "private_key_path" else given[name]
        for name in ("password", "private_key_content", "private_key_path")
        if given.get(name) is not None
    }
    assert shown == {own: "its own"}


def test_the_user_of_a_bastion_is_the_one_in_proxy_jump_or_its_own_or_the_servers() -> None:
    first, second = jump_hosts(proxy_jump="you@a,b", proxy_jump_username="jump")
    assert (first.username, second.username) == ("you", "jump")
    assert jump_hosts(proxy_jump="b")[0].username == "me"


def test_each_bastion_has_its_own_host_key_though_two_may_have_the_same() -> None:
    for keys in ((FIRST, SECOND), (FIRST, FIRST)):
        found = jump_hosts(proxy_jump="a,b", proxy_jump_host_key_fingerprint=",".join(keys))
        assert [hop.host_key_fingerprint for hop in found] == [(key,) for key in keys]
    [hop] = jump_hosts(proxy_jump="a", proxy_jump_host_key_fingerprint=f"{FIRST},{SECOND}")
    assert hop.host_key_fingerprint == (FIRST, SECOND)


def test_the_servers_own_fingerprint_is_not_the_bastions() -> None:
    [hop] = jump_hosts(
        proxy_jump="a", host_key_fingerprint=FIRST, known_hosts="x ssh-ed25519 AAAA\n"
    )
    assert hop.host_key_fingerprint == ()
    assert hop.known_hosts == "x ssh-ed25519 AAAA\n"


def test_a_bastion_has_the_other_connection_options_of_the_server() -> None:
    shared = {"host_key_policy": "insecure", "login_timeout": 3.0, "ciphers": ("aes256-ctr",)}
    [hop] = jump_hosts(proxy_jump="a", **shared)
    assert {name: getattr(hop, name) for name in shared} == shared


# As all options


def test_references_of_bastion_and_proxy_are_resolved(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP_TEST_SECRET", "from env")
    (tmp_path / "id").write_text("KEY TEXT")
    options = ConnectionOptions(
        **NEEDED,
        proxy_jump="b",
        proxy_jump_password="env:SFTP_TEST_SECRET",
        proxy_jump_private_key_path=tmp_path / "id",
        proxy_jump_private_key_passphrase="env:SFTP_TEST_SECRET",
        proxy_url="http://me@p:1",
        proxy_password="env:SFTP_TEST_SECRET",
    ).resolve()
    for name in ("proxy_jump_password", "proxy_jump_private_key_passphrase", "proxy_password"):
        assert clear(options, name) == "from env"
    assert clear(options, "proxy_jump_private_key_content") == "KEY TEXT"
    assert options.proxy_jump_private_key_path is None


@pytest.mark.parametrize(
    "other",
    [
        {"proxy_jump": "c"},
        {"proxy_jump": "b,b"},
        {"proxy_jump_password": "other"},
        {"proxy_jump_host_key_fingerprint": FIRST},
        {"proxy_url": "http://me@q:1"},
        {"proxy_password": "other"},
    ],
)
def test_connections_through_different_hosts_are_never_shared(other: dict[str, str]) -> None:
    way = {"proxy_jump": "b", "proxy_url": "http://me@p:1", "proxy_password": "pw"}
    one = connection_identity(ConnectionOptions(**NEEDED, **way))
    assert one == connection_identity(ConnectionOptions(**NEEDED, **way))
    assert one != connection_identity(ConnectionOptions(**NEEDED, **way | other))


def test_no_secret_of_bastion_or_proxy_is_shown() -> None:
    options = SFTPOptions(
        **NEEDED,
        proxy_jump="b",
        proxy_jump_password="hunter2",
        proxy_jump_private_key_content="hunter2",
        proxy_jump_private_key_passphrase="hunter2",
        proxy_url="http://me@p:1",
        proxy_password="hunter2",
    )
    shown = f"{options!r} {options} {options.model_dump_json()} {jump_hosts_of(options)!r}"
    assert "hunter2" not in shown
