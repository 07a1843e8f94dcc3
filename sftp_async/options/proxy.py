"""Defines the options of bastions and proxies between the driver and the server."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sftp_async.humanize import counted
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    JumpHostKeyPath,
    JumpHostKeys,
    JumpHostKeyText,
    JumpHosts,
    OptionalText,
    ProxyURL,
    Secret,
)
from sftp_async.options.proxy_syntax import Proxy


class FirewallOptions(OptionsModel):
    """The bastions and the proxy that a connection goes through."""

    proxy_jump: JumpHosts = Field(
        (),
        description="Bastion to connect through, `[user@]host[:port]` as in OpenSSH's ProxyJump. "
        "Several are separated by commas, the first one to connect to first. The host key of each "
        "is verified like the server's.",
        examples=["jump@bastion.example.com:2222"],
    )
    proxy_jump_username: OptionalText = Field(
        None,
        description="User name for the bastions that `proxy_jump` names no user for. If not set, "
        "it is `username`.",
        examples=["jump"],
    )
    proxy_jump_password: Secret = Field(
        None,
        description="Password for every bastion, or a reference to it: `env:NAME`, `file:/path` or "
        "`keyring:NAME`. The server's `password` is never sent to a bastion.",
        examples=["env:BASTION_PASSWORD"],
    )
    proxy_jump_private_key_content: JumpHostKeyText = Field(
        None,
        description="Private key for the bastions as text, or a reference to it: `env:NAME`, "
        "`file:/path` or `keyring:NAME`. If no key, key path or password for the bastions is "
        "given, the server's private key is used.",
        examples=["env:BASTION_KEY"],
    )
    proxy_jump_private_key_path: JumpHostKeyPath = Field(
        None,
        description="Path of a private key file for the bastions. The driver reads it.",
        examples=["~/.ssh/id_bastion"],
    )
    proxy_jump_private_key_passphrase: Secret = Field(
        None,
        description="Passphrase of the bastions' private key, or a reference to it: `env:NAME`, "
        "`file:/path` or `keyring:NAME`.",
        examples=["env:BASTION_KEY_PASSPHRASE"],
    )
    proxy_jump_host_key_fingerprint: JumpHostKeys = Field(
        (),
        description="Host key to accept from each bastion, in the order of `proxy_jump` and in the "
        "notation of `host_key_fingerprint`. For a single bastion, several keys can be given. "
        "If not set, the bastions are verified by `known_hosts`.",
        examples=["SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"],
    )
    proxy_url: ProxyURL = Field(
        None,
        description="Proxy to connect through, before any bastion. `socks5://[user@]host:port` "
        "resolves host names itself (as `socks5h` in other tools) and needs the extra `proxy`. "
        "`http://[user@]host:port` must allow CONNECT to the server's port.",
        examples=["socks5://proxy.example.com:1080"],
    )
    proxy_password: Secret = Field(
        None,
        description="Password for the user in `proxy_url`, or a reference to it: `env:NAME`, "
        "`file:/path` or `keyring:NAME`. It is sent to the proxy unencrypted.",
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
                f"proxy_jump_host_key_fingerprint has {counted((known, 'key'))} for {hops} "
                "bastions: give one for each, in the order of proxy_jump."
            )
            yield ("proxy_jump", "proxy_jump_host_key_fingerprint"), sentence
        user = Proxy.read(self.proxy_url).username if self.proxy_url else None
        if self.proxy_url and (user is None) != (self.proxy_password is None):
            one, other = ("a user", "not given") if user else ("no user", "given")
            sentence = (
                f"proxy_url has {one}, but proxy_password is {other}: a proxy that asks for a "
                "login needs both."
            )
            yield ("proxy_url", "proxy_password"), sentence
