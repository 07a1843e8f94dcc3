"""Defines the options of a connection: the server, the login, host keys and timeouts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.address import authority
from sftp_async.options.field_types import (
    Ciphers,
    Count,
    FieldType,
    Host,
    HostKeys,
    KeyPath,
    KeyText,
    KnownHosts,
    Limit,
    Name,
    OptionalText,
    Pause,
    Port,
    Seconds,
    Secret,
    Switch,
    text_of,
)
from sftp_async.options.limits import LimitOptions
from sftp_async.options.proxy import FirewallOptions
from sftp_async.options.proxy_syntax import Proxy
from sftp_async.options.resolve import with_secrets


class Wording(NamedTuple):
    """The words of messages about a connection.

    Args:
        role: what messages call the machine to log in to.
        named_by: the option that names it.
        prefix: of the options that are for it alone.

    """

    role: str = "server"
    named_by: str = "host"
    prefix: str = ""


class ConnectionOptions(LimitOptions, FirewallOptions):
    """How to reach the server and how to log in; the identity of a connection."""

    _wording: ClassVar[Wording] = Wording()

    profile: OptionalText = Field(
        None,
        description="Name of a connection in `connections.toml` of the driver, whose options apply "
        "where no other is given ([profiles](how-to/connections.md)).",
        examples=["partner"],
    )
    host: Host = Field(
        description="Host name or IP address of the server.", examples=["sftp.example.com"]
    )
    port: Port = Field(22, description="TCP port of the server.", examples=["2222"])
    username: Name = Field(description="User name to log in with.", examples=["partner"])
    password: Secret = Field(
        None,
        description="Password, or a reference to it: `env:NAME`, `file:/path` or "
        "`keyring:NAME`. It can be combined with a private key, since some servers ask for both.",
        examples=["env:SFTP_PASSWORD"],
    )
    private_key_content: KeyText = Field(
        None,
        description="Private key as text (OpenSSH, PKCS#1 or PKCS#8), or a reference to it: "
        "`env:NAME`, `file:/path` or `keyring:NAME`.",
        examples=["env:SFTP_KEY"],
    )
    private_key_path: KeyPath = Field(
        None,
        description="Path of a private key file. The driver reads it; executors do not need the "
        "file.",
        examples=["~/.ssh/id_ed25519"],
    )
    private_key_passphrase: Secret = Field(
        None,
        description="Passphrase of the private key, or a reference to it: `env:NAME`, "
        "`file:/path` or `keyring:NAME`.",
        examples=["env:SFTP_KEY_PASSPHRASE"],
    )
    known_hosts: KnownHosts = Field(
        None,
        description="Text or path of an OpenSSH known_hosts file, or a reference to it. Without "
        "it and without `host_key_fingerprint`, the driver uses `~/.ssh/known_hosts` of its own "
        "user.",
        examples=["/etc/ssh/ssh_known_hosts"],
    )
    host_key_fingerprint: HostKeys = Field(
        (),
        description="Host keys to accept, separated by commas. Each is a fingerprint `SHA256:…`, "
        "as `ssh-keygen -l` prints it, or a public key line `ssh-ed25519 AAAA…`.",
        examples=["SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"],
    )
    host_key_policy: Annotated[
        Literal["strict", "insecure"],
        BeforeValidator(p.one_of(("strict", "insecure"))),
        FieldType(),
    ] = Field(
        "strict",
        description="`strict` accepts only a known host key. `insecure` accepts any host key, with "
        "a warning: an attacker between the driver and the server can then read the password and "
        "the data.",
        examples=["strict"],
    )
    connect_timeout: Seconds = Field(
        30.0,
        description="Time limit for connecting and logging in.",
        examples=["10s"],
    )
    login_timeout: Seconds = Field(
        30.0, description="Time limit for the login alone.", examples=["15s"]
    )
    operation_timeout: Seconds = Field(
        60.0,
        description="How long the server may stay silent while a request such as a stat or a "
        "rename waits for its answer.",
        examples=["2min"],
    )
    stall_timeout: Seconds = Field(
        60.0,
        description="How long the server may stay silent while an upload waits for "
        "acknowledgements.",
        examples=["5min"],
    )
    keepalive_interval: Pause = Field(
        15.0,
        description="How long the server may stay silent before a keepalive request is sent; 0 "
        "sends none.",
        examples=["30s"],
    )
    idle_timeout: Seconds = Field(
        60.0,
        description="How long an unused connection stays open for the next task.",
        examples=["2min"],
    )
    max_connections: Count = Field(
        4,
        description="Most connections that one Python worker opens to this server. With 1, an "
        "unused connection is closed after a second unless `idle_timeout` is set, for servers that "
        "allow one in all.",
        examples=["2"],
    )
    max_retries: Limit = Field(
        4,
        description="Number of retries after a failure that may be temporary; 0 for none.",
        examples=["8"],
    )
    retry_delay: Pause = Field(
        0.5,
        description="Delay before the first retry. It doubles with each retry, with jitter.",
        examples=["1s"],
    )
    ciphers: Ciphers = Field(
        (),
        description="Ciphers to offer, in this order, separated by commas. If empty, the built-in "
        "order is used, the fastest cipher first.",
        examples=["aes256-gcm@openssh.com,aes256-ctr"],
    )
    legacy_algorithms: Switch = Field(
        False,
        description="Also offer outdated algorithms, after all others and with a warning: SHA-1 "
        "in signatures (`ssh-rsa`), key exchange and MACs, and CBC ciphers. Use it for servers "
        "that support nothing better.",
        examples=["true"],
    )

    @property
    def address(self) -> str:
        """`user@host:port` for messages; IPv6 addresses in brackets."""
        return f"{self.username}@{authority(self.host, self.port)}"

    def resolve(self) -> Self:
        """Return a copy with all references and files resolved; call it once, on the driver.

        `private_key_path` becomes `private_key_content`, and the path of `known_hosts` its text.

        Raises:
            OptionsError: lists all variables that are not set, all files that cannot be read, and
                all entries that the keyring does not have.

        """
        return with_secrets(self)

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        credentials = ("password", "private_key_content", "private_key_path")
        if all(getattr(self, name) is None for name in credentials):
            yield (
                credentials,
                "No credentials are given: set password, private_key_path or private_key_content.",
            )
        if self.private_key_content is not None and self.private_key_path is not None:
            yield (
                credentials,
                "private_key_content and private_key_path are both given: keep one of them.",
            )
        keys = ("private_key_content", "private_key_path")
        others = [f"proxy_jump_{name}" for name in credentials]
        if self.proxy_jump and all(getattr(self, name) is None for name in (*keys, *others)):
            sentence = (
                f"proxy_jump needs credentials: set {others[0]}, {others[2]} or {others[1]}. The "
                "password of the server is never sent to a bastion."
            )
            yield ("proxy_jump", *keys, *others), sentence
        outdated = [name for name in self.ciphers if "-cbc" in name or name.startswith("arcfour")]
        if outdated and not self.legacy_algorithms:
            sentence = (
                f"ciphers contains {outdated[0]}, which is no longer secure: remove it, or set "
                "legacy_algorithms=true as well."
            )
            yield ("ciphers", "legacy_algorithms"), sentence


def wording_of(options: ConnectionOptions) -> Wording:
    """Return the words of messages about a connection to a server, or to a bastion."""
    return options._wording  # noqa: SLF001 - no user's name


def proxies_of(options: FirewallOptions) -> tuple[Proxy, ...]:
    """Return the proxy of `proxy_url`, or an empty tuple."""
    return (Proxy.read(options.proxy_url),) if options.proxy_url else ()


def connection_identity(options: ConnectionOptions) -> str:
    """Return a SHA-256 digest, in hex, of all connection options with their secrets.

    Two sets of options share a connection only if their digests are equal. References count by
    their text, so call it on resolved options. Never log the digest: a short secret can be
    guessed from it.
    """
    identity = {name: text_of(getattr(options, name)) for name in ConnectionOptions.model_fields}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
