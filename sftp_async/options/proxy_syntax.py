"""Parses bastions, written as OpenSSH's ProxyJump, and proxies, written as URLs.

Messages never repeat any part of the text: it may contain a password by mistake.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self
from urllib.parse import unquote

from sftp_async.options import parsing as p
from sftp_async.options.address import authority, parse_host, port_number

_JUMP_HOST: Final = re.compile(r"(?:ssh://)?(?:(.+)@)?(\[[^\]]*\]|[^:@]+)(?::(\d+))?/?", re.DOTALL)
_PROXY: Final = re.compile(
    r"(socks5h?|http)://(?:([^/]*)@)?(\[[^\]/]*\]|[^/:@]+):(\d+)/?", re.IGNORECASE
)
#: The port of a bastion without one: ssh_config(5), ProxyJump.
SSH_PORT: Final = 22


class JumpHost(NamedTuple):
    """One bastion of `proxy_jump`; `username` is None if it is not written there."""

    username: str | None
    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `[user@]host[:port]`, with or without `ssh://`; `ValueError` as in `parsing`."""
        form = "must be [user@]host[:port], or several of these separated by commas"
        match = _JUMP_HOST.fullmatch(text)
        if match is None:
            raise ValueError(form)
        user, host, port = match.groups()
        if user is not None and ":" in user:
            raise ValueError(
                "must not contain a password; the option for it is proxy_jump_password"
            )
        try:
            return cls(
                user and p.parse_name(user),
                parse_host(host),
                port_number(int(port or SSH_PORT)),
            )
        except ValueError:
            raise ValueError(form) from None

    def __str__(self) -> str:
        start = f"{self.username}@" if self.username else ""
        return start + authority(self.host, self.port)


class Proxy(NamedTuple):
    """The proxy of `proxy_url`; `scheme` is `socks5` or `http`."""

    scheme: str
    username: str | None
    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `socks5://[user@]host:port` or `http://…`; `ValueError` as in `parsing`."""
        form = "must have the form socks5://user@host:port or http://user@host:port"
        match = _PROXY.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{form}, without a password; the option for it is proxy_password")
        scheme, user, host, port = match.groups()
        user = user and unquote(user)
        # A user name cannot contain a colon either: RFC 7617, section 2.
        if user and ":" in user:
            raise ValueError(
                "must not contain a password, which logs and plans would show; the option for it "
                "is proxy_password"
            )
        try:
            return cls(
                scheme.lower().removesuffix("h"),
                (user and p.parse_name(user)) or None,
                parse_host(host),
                port_number(int(port)),
            )
        except ValueError:
            raise ValueError(form) from None

    def __str__(self) -> str:
        return f"{self.scheme}://{authority(self.host, self.port)}"


def parse_jump_hosts(value: object) -> tuple[str, ...]:
    """Read OpenSSH's ProxyJump: one bastion, or several in the order of the connection."""
    form = "must be [user@]host[:port], or several of these separated by commas"
    if isinstance(value, str) and re.match(r"\[['\"]", value):
        value = p.parse_columns(value)  # `text_of` writes a list with an IPv6 address so
    hops = tuple(str(JumpHost.read(text)) for text in p.split(value, form))
    if not hops:
        raise ValueError(form)
    return hops


def parse_proxy_url(value: object) -> str:
    """Take the URL of a SOCKS5 or HTTP proxy."""
    text = p.parse_text(value).strip()
    Proxy.read(text)
    return text
