"""From options to a verified, authenticated connection."""

from __future__ import annotations

import asyncio
import logging
import warnings
from typing import TYPE_CHECKING, Any

import asyncssh

from sftp_async.errors import ConnectError, SFTPAsyncError, SFTPAsyncWarning
from sftp_async.transport.credentials import load_private_key
from sftp_async.transport.faults import LOST, connect_error
from sftp_async.transport.host_keys import HostKeyPolicy, fingerprint_of, known_hosts_line
from sftp_async.transport.session import Connection

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions

log = logging.getLogger("sftp_async.transport")

#: AES-GCM first: on CPUs with AES instructions it moves 250 MiB/s where asyncssh's own first
#: choice, chacha20-poly1305, moves 150 (measured on loopback).
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
#: Keepalives that may go unanswered before the connection counts as dead.
KEEPALIVE_COUNT = 3


class _Client(asyncssh.SSHClient):
    """asyncssh's callbacks: asks our policy about a host key that known_hosts does not vouch for."""

    def __init__(self, policy: HostKeyPolicy) -> None:
        self._policy = policy

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return self._policy.accepts(key)


async def connect(options: ConnectionOptions) -> Connection:
    """Open one SSH connection with an SFTP channel; one attempt, no retry.

    Args:
        options: resolved options (`SFTPOptions.resolve`): secrets by value.

    Returns:
        A connection that the caller must `close` or `abort`.

    Raises:
        OptionsError: the private key or known_hosts cannot be used.
        HostKeyError: the server's key is not trusted.
        AuthenticationError: the server refused the credentials.
        ServerBusyError: the server turned the login or the channel away.
        ConnectError: anything else, within `connect_timeout` seconds.

    """
    policy = HostKeyPolicy(options)
    arguments, methods = _credentials(options)
    if options.host_key_policy == "insecure":
        warnings.warn(
            f"host_key_policy=insecure: the host key of {options.address} is not checked, so anyone on "
            "the way can read and change the data. Set host_key_fingerprint instead",
            SFTPAsyncWarning,
            stacklevel=2,
        )
    ssh: asyncssh.SSHClientConnection | None = None
    try:
        async with asyncio.timeout(options.connect_timeout):
            ssh = await asyncssh.connect(
                options.host,
                options.port,
                username=options.username,
                client_factory=lambda: _Client(policy),
                # Nothing of this machine's user leaks in: no ssh_config, no agent, no default keys.
                config=None,
                agent_path=None,
                gss_kex=False,
                gss_auth=False,
                x509_trusted_certs=None,
                encryption_algs=list(options.ciphers or CIPHERS),
                compression_algs=["none"],
                login_timeout=options.login_timeout,
                keepalive_interval=options.keepalive_interval,
                keepalive_count_max=KEEPALIVE_COUNT,
                **policy.connect_arguments(),
                **arguments,
            )
            sftp = await ssh.start_sftp_client(path_errors="surrogateescape")
    except TimeoutError:
        _abort(ssh)
        raise ConnectError(
            f"The server did not answer within {options.connect_timeout:g} seconds",
            host=options.address,
            hint="Check host, port and firewall, or raise connect_timeout",
        ) from None
    except asyncssh.HostKeyNotVerifiable as error:
        raise policy.refusal(error.reason) from None
    except (asyncssh.SFTPError, *LOST) as error:
        _abort(ssh)
        raise connect_error(error, options.address, methods=methods) from error
    except ValueError as error:
        # asyncssh refuses algorithm names it does not know with a bare ValueError.
        raise ConnectError(
            f"SSH settings: {error}", host=options.address, retryable=False
        ) from None
    except BaseException:
        _abort(ssh)
        raise
    key = ssh.get_server_host_key()
    return Connection(
        ssh,
        sftp,
        options,
        known_hosts_line(options.host, options.port, key) if key else None,
        fingerprint_of(key) if key else None,
    )


def check_credentials(options: ConnectionOptions) -> None:
    """Look at keys and known_hosts without connecting.

    Raises:
        OptionsError: they cannot be used.

    """
    HostKeyPolicy(options)
    _credentials(options)


def _credentials(options: ConnectionOptions) -> tuple[dict[str, Any], str]:
    arguments: dict[str, Any] = {"client_keys": None}
    methods = []
    if options.private_key_content is not None:
        passphrase = options.private_key_passphrase
        key = load_private_key(
            options.private_key_content.get_secret_value(),
            passphrase.get_secret_value() if passphrase else None,
        )
        arguments["client_keys"] = [key]
        methods.append("private key")
    if options.password is not None:
        arguments["password"] = options.password.get_secret_value()
        methods.append("password")
    return arguments, " and ".join(methods) or "no credentials"


def _abort(ssh: asyncssh.SSHClientConnection | None) -> None:
    if ssh is not None:
        ssh.abort()


__all__ = ["CIPHERS", "SFTPAsyncError", "check_credentials", "connect"]
