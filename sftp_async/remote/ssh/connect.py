"""`connect`: opens a verified, authenticated connection, through its proxy and its bastions."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

from sftp_async.errors import SFTPAsyncWarning
from sftp_async.options.jump_hosts import jump_hosts_of
from sftp_async.remote.ssh.algorithms import agreed
from sftp_async.remote.ssh.connection import Connection
from sftp_async.remote.ssh.host_keys import fingerprint_of, known_hosts_line
from sftp_async.remote.ssh.login import FAULTS, Login
from sftp_async.remote.ssh.proxies import tunnel_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.ssh.proxies import ProxyTunnel


async def connect(options: ConnectionOptions) -> Connection:
    """Open one SSH connection with an SFTP channel; one attempt, no retry.

    A proxy and bastions are connected to first; each connection has bastions of its own, which end
    with it (docs/decisions/0019).

    Args:
        options: resolved options (`SFTPOptions.resolve`): secrets by value.

    Returns:
        A connection that the caller must `close` or `abort`.

    Raises:
        OptionsError: the private key, known_hosts or ciphers cannot be used.
        HostKeyError: the server's key is not trusted.
        AuthenticationError: the server refused the credentials.
        ServerBusyError: the server turned the login or the channel away.
        ConnectError: anything else, within `connect_timeout` seconds. Errors about a bastion or
            the proxy are of the same kinds, and name it.

    """
    deadline = asyncio.get_running_loop().time() + options.connect_timeout
    jump_hosts, proxy = jump_hosts_of(options), tunnel_of(options)
    # The server first: an error about a key that a bastion uses as well then names the server.
    login = Login(options, direct=not (jump_hosts or proxy))
    bastions = [
        Login(jump_host, direct=not (number or proxy))
        for number, jump_host in enumerate(jump_hosts)
    ]
    steps = [*bastions, login]
    passed: list[Login | ProxyTunnel | None] = [proxy, *bastions]
    _warn(options, jump_hosts)
    at = 0
    try:
        async with asyncio.timeout_at(deadline):
            for at, (before, step) in enumerate(zip(passed, steps, strict=True)):  # noqa: B007
                ssh = await step.run(before)
            try:
                sftp = await ssh.start_sftp_client(path_errors="surrogateescape")
            except FAULTS as error:
                raise await login.explain_session(error) from error
    except BaseException as error:
        for step in reversed(steps):
            step.abort()
        if isinstance(error, TimeoutError):
            raise steps[at].too_late(passed[at]) from None
        raise
    key = ssh.get_server_host_key()
    return Connection(
        ssh,
        sftp,
        options,
        known_hosts_line(options.host, options.port, key) if key else None,
        fingerprint_of(key) if key else None,
        [bastion.ssh for bastion in bastions if bastion.ssh is not None],
        agreed(login.algorithms, ssh),
    )


def check_usable(options: ConnectionOptions) -> None:
    """Ensure that private keys, known_hosts, ciphers and the proxy can be used, without connecting.

    Raises:
        OptionsError: one of them cannot.

    """
    tunnel_of(options)
    for one in (options, *jump_hosts_of(options)):
        Login(one, direct=True)


def _warn(options: ConnectionOptions, jump_hosts: Sequence[ConnectionOptions]) -> None:
    if options.host_key_policy == "insecure":
        whose = " and of ".join(one.address for one in (*jump_hosts, options))
        warnings.warn(
            f"host_key_policy=insecure: the host key of {whose} is not checked, so "
            "an attacker in between can read and change the data. Set host_key_fingerprint instead",
            SFTPAsyncWarning,
            stacklevel=3,
        )
    if options.legacy_algorithms:
        warnings.warn(
            f"legacy_algorithms=true: with {options.address}, SHA-1 and CBC may be agreed on, "
            "which no longer protect as they should. Leave it out once the server is up to date",
            SFTPAsyncWarning,
            stacklevel=3,
        )
