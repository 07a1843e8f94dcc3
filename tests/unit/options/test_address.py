"""Host names, ports and addresses as options take them and messages show them."""

from __future__ import annotations

import pytest

from sftp_async.options.address import authority, parse_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (" sftp.example.com ", "sftp.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
    ],
)
def test_hosts_are_names_or_addresses(text: str, host: str) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text", ["a b", "a/b", "user@host", "[name]", "a\n", "ftp://host", "[]", 5]
)
def test_an_invalid_host_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_host(text)


def test_a_port_in_the_host_is_refused_with_the_name_of_its_option() -> None:
    with pytest.raises(ValueError, match="the option for the port is port"):
        parse_host("example.com:2222")


def test_an_address_has_brackets_around_ipv6_alone() -> None:
    assert authority("sftp.example.com", 22) == "sftp.example.com:22"
    assert authority("::1", 2222) == "[::1]:2222"
