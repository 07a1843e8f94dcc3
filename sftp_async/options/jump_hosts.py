"""The bastions on the way, each with connection options of its own, made of those of the server."""

from __future__ import annotations

from typing import ClassVar

from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.proxy import FirewallOptions
from sftp_async.options.proxy_syntax import Hop


class HopOptions(ConnectionOptions):
    """How to reach a bastion and log in there."""

    role: ClassVar[str] = "bastion"
    named_by: ClassVar[str] = "proxy_jump"
    prefix: ClassVar[str] = "proxy_jump_"


def hops_of(options: ConnectionOptions) -> tuple[HopOptions, ...]:
    """Return the bastions of `proxy_jump`, in the order in which they are passed.

    A bastion gets credentials of its own or, with none, the server's key: a signature is of no use
    to whom it was not made for, while a password belongs to whoever hears it.

    Args:
        options: of the server; resolved, if they are to be used.

    """
    own = {
        name.removeprefix(HopOptions.prefix): getattr(options, name)
        for name in FirewallOptions.model_fields
        if name.startswith(HopOptions.prefix)
    }
    known = own.pop("host_key_fingerprint")
    user = own.pop("username") or options.username
    credentials = ("password", "private_key_content", "private_key_path")
    if all(own[name] is None for name in credentials):
        own = {name: getattr(options, name) for name in own} | {"password": None}
    shared = {
        name: getattr(options, name)
        for name in ConnectionOptions.model_fields
        if name not in FirewallOptions.model_fields
    }
    hops = [Hop.read(text) for text in options.proxy_jump]
    keys: list[tuple[str, ...]] = [(key,) for key in known] or [()] * len(hops)
    if len(hops) == 1:
        keys = [known]
    return tuple(
        HopOptions(
            **shared
            | own
            | {"host": hop.host, "port": hop.port, "username": hop.username or user}
            | {"host_key_fingerprint": accepted}
        )
        for hop, accepted in zip(hops, keys, strict=True)
    )


def way_to(options: ConnectionOptions) -> tuple[str, ...]:
    """Return the addresses of the proxy and the bastions on the way, for messages."""
    return (*map(str, options.proxies), *(hop.address for hop in hops_of(options)))
