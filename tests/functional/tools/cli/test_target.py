"""How TARGET and the options of a connection are parsed."""

from __future__ import annotations

from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.target import HOST_PARAMETERS, SERVER_PARAMETERS, Host, Server


def server(target: str, **given: Any) -> Server:
    nothing = dict.fromkeys(parameter.name for parameter in SERVER_PARAMETERS)
    return Server.of(**{**nothing, "password_env": "PW", "target": target, **given})


@pytest.mark.parametrize(
    ("target", "address", "path"),
    [
        ("me@host", "me@host:22", None),
        ("me@host:2222", "me@host:2222", None),
        ("me@host:/out", "me@host:22", "/out"),
        ("me@host:2222:/out/a b.csv", "me@host:2222", "/out/a b.csv"),
        ("me@host:out/orders", "me@host:22", "out/orders"),
        ("me@host:./2222/out", "me@host:22", "./2222/out"),
        ("me@host:/out/c@d:e", "me@host:22", "/out/c@d:e"),
        ("store.me@store.example.com:/", "store.me@store.example.com:22", "/"),
        ("me@realm@host:/", "me@realm@host:22", "/"),
        ("me@[::1]:2222:/out", "me@[::1]:2222", "/out"),
        ("sftp://me@host:2222/out", "me@host:2222", "/out"),
        ("SFTP://me@host/~/out", "me@host:22", "out"),
    ],
)
def test_a_target_names_user_host_port_and_path(
    target: str, address: str, path: str | None
) -> None:
    found = server(target)
    assert (found.options.address, found.path) == (address, path)


@pytest.mark.parametrize(
    "target", ["me:S3cret@host", "me:S3cret@host:/out", "sftp://me:S3cret@host/out"]
)
def test_a_password_in_the_target_is_refused_and_not_repeated(target: str) -> None:
    with pytest.raises(OptionsError, match="password") as caught:
        server(target)
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize("target", ["", "me@", "me@host/out", "@host", "me@::1"])
def test_an_invalid_target_is_refused(target: str) -> None:
    with pytest.raises(OptionsError, match="TARGET must be"):
        server(target)


def test_a_port_and_a_path_as_in_a_url_are_refused_with_the_missing_colon() -> None:
    with pytest.raises(OptionsError, match=r":2222:/out \(or :\./2222/out for a path"):
        server("me@host:2222/out")


def test_flags_and_other_options_are_combined() -> None:
    found = server(
        "host",
        username="me",
        port=2222,
        private_key="/key",
        password_env=None,
        option=["maxConnections=2", "password=env:PW"],
    ).options
    assert found.address == "me@host:2222"
    assert found.private_key_path == "/key"
    assert found.max_connections == 2
    assert found.password is not None
    assert found.password.get_secret_value() == "env:PW"


@pytest.mark.parametrize("port", ["-o port=23", "--port 23"])
def test_a_port_given_twice_with_different_values_is_refused(port: str) -> None:
    flag, value = port.split()
    given: dict[str, Any] = {"port": value} if flag == "--port" else {"option": [value]}
    with pytest.raises(OptionsError, match="port is given twice with different values"):
        server("me@host:22", **given)
    with pytest.raises(OptionsError, match="port is given twice with different values"):
        server("sftp://me@host:22/", **given)


def test_all_mistakes_in_the_arguments_are_in_one_error() -> None:
    with pytest.raises(OptionsError) as caught:
        server("me@", option=["password=S3cret", "nonsense"])
    target, secret, pair = caught.value.problems
    assert target.startswith("TARGET must be")
    assert secret.startswith("password is a secret")
    assert pair.startswith("-o must be followed by name=value")
    with pytest.raises(OptionsError) as caught:
        server("me@host:22", option=["port=23", "retry_delay=soon"])
    twice, delay = caught.value.problems
    assert twice == "port is given twice with different values."
    assert delay.startswith("retry_delay must be a number of seconds")


def test_a_host_needs_neither_user_nor_credentials() -> None:
    nothing = dict.fromkeys(parameter.name for parameter in HOST_PARAMETERS)
    assert Host.of(**{**nothing, "target": "host:2222"}).options.port == 2222
