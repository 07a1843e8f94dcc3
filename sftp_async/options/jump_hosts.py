"""Derives the connection options of each bastion from those of the server."""

from __future__ import annotations

from typing import ClassVar, Final

from sftp_async.options.connection import ConnectionOptions, Wording, proxies_of
from sftp_async.options.limits import LimitOptions
from sftp_async.options.proxy import FirewallOptions
from sftp_async.options.proxy_syntax import JumpHost

#: Of the options that are for bastions alone.
_PREFIX: Final = "proxy_jump_"


class JumpHostOptions(ConnectionOptions):
    """How to connect to a bastion and log in there."""

    _wording: ClassVar[Wording] = Wording("bastion", "proxy_jump", _PREFIX)


def jump_hosts_of(options: ConnectionOptions) -> tuple[JumpHostOptions, ...]:
    """Return the bastions of `proxy_jump`, in the order of the connection.

    A bastion gets credentials of its own or, if there are none, the server's private key. It never
    gets the server's password: a signature is useless to any other host, but a password is not.

    Args:
        options: of the server; resolved, if the result is used to connect.

    """
    own = {
        name.removeprefix(_PREFIX): getattr(options, name)
        for name in FirewallOptions.model_fields
        if name.startswith(_PREFIX)
    }
    known = own.pop("host_key_fingerprint")
    user = own.pop("username") or options.username
    credentials = ("password", "private_key_content", "private_key_path")
    if all(own[name] is None for name in credentials):
        own = {name: getattr(options, name) for name in own} | {"password": None}
    shared = {
        name: getattr(options, name)
        for name in ConnectionOptions.model_fields
        if name not in FirewallOptions.model_fields and name not in LimitOptions.model_fields
    }
    hops = [JumpHost.read(text) for text in options.proxy_jump]
    keys: list[tuple[str, ...]] = [(key,) for key in known] or [()] * len(hops)
    if len(hops) == 1:
        keys = [known]
    return tuple(
        JumpHostOptions(
            **shared
            | own
            | {"host": hop.host, "port": hop.port, "username": hop.username or user}
            | {"host_key_fingerprint": accepted}
        )
        for hop, accepted in zip(hops, keys, strict=True)
    )


def route_to(options: ConnectionOptions) -> tuple[str, ...]:
    """Return the addresses of the proxy and the bastions before the server, for messages."""
    return (*map(str, proxies_of(options)), *(hop.address for hop in jump_hosts_of(options)))
