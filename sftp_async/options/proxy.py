"""How to get through a firewall: `FirewallOptions`, bastions and proxies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    HopKeyPath,
    HopKeys,
    HopKeyText,
    Hops,
    OptionalText,
    ProxyURL,
    Secret,
)
from sftp_async.options.proxy_syntax import Proxy


class FirewallOptions(OptionsModel):
    """What stands between here and the server."""

    group: ClassVar[str] = "Ways through firewalls"

    proxy_jump: Hops = Field(
        (),
        description="Bastion to go through, `[user@]host[:port]` as in OpenSSH's ProxyJump; "
        "several in the order of the way, separated by commas. Each one's host key is checked as "
        "the server's.",
        examples=["jump@bastion.example.com:2222"],
    )
    proxy_jump_username: OptionalText = Field(
        None,
        description="User at the bastions that `proxy_jump` names none for; else `username`.",
        examples=["jump"],
    )
    proxy_jump_password: Secret = Field(
        None,
        description="Password at every bastion, or a reference to it: `env:NAME` or `file:/path`. "
        "The server's `password` is never sent to a bastion.",
        examples=["env:BASTION_PASSWORD"],
    )
    proxy_jump_private_key_content: HopKeyText = Field(
        None,
        description="Private key for the bastions as text, or a reference to it: `env:NAME` or "
        "`file:/path`. With neither it, its path nor a password, the server's key is used.",
        examples=["env:BASTION_KEY"],
    )
    proxy_jump_private_key_path: HopKeyPath = Field(
        None,
        description="Private key file for the bastions, read on the driver.",
        examples=["~/.ssh/id_bastion"],
    )
    proxy_jump_private_key_passphrase: Secret = Field(
        None,
        description="Passphrase of that key, or a reference to it: `env:NAME` or `file:/path`.",
        examples=["env:BASTION_KEY_PASSPHRASE"],
    )
    proxy_jump_host_key_fingerprint: HopKeys = Field(
        (),
        description="Host key of each bastion, in the order of `proxy_jump`, written as in "
        "`host_key_fingerprint`; for a single bastion several that it may show. Without it, "
        "`known_hosts` counts.",
        examples=["SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"],
    )
    proxy_url: ProxyURL = Field(
        None,
        description="Proxy to go through, before any bastion: `socks5://[user@]host:port`, which "
        "resolves host names itself (as `socks5h` elsewhere; needs the extra `proxy`), or "
        "`http://[user@]host:port`, which must allow CONNECT to the server's port.",
        examples=["socks5://proxy.example.com:1080"],
    )
    proxy_password: Secret = Field(
        None,
        description="Password at the proxy, for the user in `proxy_url`, or a reference to it: "
        "`env:NAME` or `file:/path`. It travels to the proxy unencrypted.",
        examples=["env:PROXY_PASSWORD"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        keys = ("proxy_jump_private_key_content", "proxy_jump_private_key_path")
        if all(getattr(self, name) is not None for name in keys):
            yield (keys, f"{keys[0]} and {keys[1]} are both given: keep one of them.")
        hops, known = len(self.proxy_jump), len(self.proxy_jump_host_key_fingerprint)
        if hops > 1 and known not in (0, hops):
            sentence = (
                f"proxy_jump_host_key_fingerprint names {known} for {hops} bastions: give one for "
                "each, in the order of proxy_jump."
            )
            yield ("proxy_jump", "proxy_jump_host_key_fingerprint"), sentence
        user = Proxy.read(self.proxy_url).username if self.proxy_url else None
        if self.proxy_url and (user is None) != (self.proxy_password is None):
            one, other = ("a user", "not given") if user else ("no user", "given")
            sentence = (
                f"proxy_url names {one}, but proxy_password is {other}: a proxy that asks for a "
                "login takes both."
            )
            yield ("proxy_url", "proxy_password"), sentence
