"""From options to a verified, authenticated connection."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import asyncssh

from sftp_async.errors import AuthenticationError, ConnectError, OptionsError, SFTPAsyncWarning
from sftp_async.transport.algorithms import (
    CIPHERS,
    agreed,
    nothing_in_common,
    offered,
    takes_sha2_of_rsa,
)
from sftp_async.transport.credentials import load_private_key
from sftp_async.transport.fast import speed_up
from sftp_async.transport.faults import LOST, connect_error
from sftp_async.transport.host_keys import HostKeyPolicy, fingerprint_of, known_hosts_line
from sftp_async.transport.session import Connection

if TYPE_CHECKING:
    from sftp_async.errors import SFTPAsyncError
    from sftp_async.options import ConnectionOptions

#: Keepalives that may go unanswered before the connection counts as dead.
KEEPALIVE_COUNT = 3


class _Client(asyncssh.SSHClient):
    """asyncssh's callbacks: asks our policy about a key that known_hosts does not vouch for."""

    def __init__(self, policy: HostKeyPolicy) -> None:
        self._policy = policy
        #: The connection, from the moment that TCP stands.
        self.ssh: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.ssh = conn

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return self._policy.accepts(key)

    def abort(self) -> None:
        """Cut the connection, if there is one."""
        if self.ssh is not None:
            self.ssh.abort()


async def connect(options: ConnectionOptions) -> Connection:
    """Open one SSH connection with an SFTP channel; one attempt, no retry.

    Args:
        options: resolved options (`SFTPOptions.resolve`): secrets by value.

    Returns:
        A connection that the caller must `close` or `abort`.

    Raises:
        OptionsError: the private key, known_hosts or ciphers cannot be used.
        HostKeyError: the server's key is not trusted.
        AuthenticationError: the server refused the credentials.
        ServerBusyError: the server turned the login or the channel away.
        ConnectError: anything else, within `connect_timeout` seconds.

    """
    policy = HostKeyPolicy(options)
    client = _Client(policy)
    arguments, methods = _credentials(options)
    arguments |= policy.connect_arguments()
    algorithms = offered(options, arguments["server_host_key_algs"])
    settings = _settings(options, client, arguments | algorithms)
    _warn(options)
    try:
        async with asyncio.timeout(options.connect_timeout):
            ssh = await asyncssh.connect(options.host, options.port, options=settings, config=None)
            speed_up(ssh)
            sftp = await ssh.start_sftp_client(path_errors="surrogateescape")
    except asyncssh.HostKeyNotVerifiable as error:
        raise policy.refusal(error.reason) from None
    except TimeoutError:
        client.abort()
        raise _too_late(options, accepted=client.ssh is not None) from None
    except (asyncssh.SFTPError, ValueError, *LOST) as error:
        # ValueError: a host name that is none, or packets that make no sense.
        mapped = connect_error(error, options.address, methods=methods, ssh=client.ssh)
        _explain_untried_key(mapped, options, arguments["client_keys"], client.ssh)
        mismatch = nothing_in_common(options, algorithms, client.ssh)
        client.abort()
        raise mismatch or mapped from error
    except BaseException:
        client.abort()
        raise
    key = ssh.get_server_host_key()
    return Connection(
        ssh,
        sftp,
        options,
        known_hosts_line(options.host, options.port, key) if key else None,
        fingerprint_of(key) if key else None,
        agreed(algorithms, ssh),
    )


def check_usable(options: ConnectionOptions) -> None:
    """See that private key, known_hosts and ciphers can be used; no connection is made.

    Raises:
        OptionsError: one of them cannot.

    """
    policy = HostKeyPolicy(options)
    arguments = _credentials(options)[0] | policy.connect_arguments()
    algorithms = offered(options, arguments["server_host_key_algs"])
    _settings(options, _Client(policy), arguments | algorithms)


def _warn(options: ConnectionOptions) -> None:
    if options.host_key_policy == "insecure":
        warnings.warn(
            f"host_key_policy=insecure: the host key of {options.address} is not checked, so "
            "anyone on the way can read and change the data. Set host_key_fingerprint instead",
            SFTPAsyncWarning,
            stacklevel=3,
        )
    if options.legacy_algorithms:
        warnings.warn(
            f"legacy_algorithms=true: with {options.address}, SHA-1 and CBC may be agreed on, "
            "which no longer protect as they should. Leave it out once the server knows better",
            SFTPAsyncWarning,
            stacklevel=3,
        )


def _settings(
    options: ConnectionOptions, client: _Client, arguments: dict[str, Any]
) -> asyncssh.SSHClientConnectionOptions:
    try:
        return asyncssh.SSHClientConnectionOptions(
            username=options.username,
            client_factory=lambda: client,
            # Nothing of this machine's user leaks in: no ssh_config, no agent, no default keys.
            config=None,
            agent_path=None,
            gss_kex=False,
            gss_auth=False,
            x509_trusted_certs=None,
            compression_algs=["none"],
            login_timeout=options.login_timeout,
            keepalive_interval=options.keepalive_interval,
            keepalive_count_max=KEEPALIVE_COUNT,
            # Some servers explain themselves in an encoding of their own: the code is what counts.
            utf8_decode_errors="backslashreplace",
            **arguments,
        )
    except ValueError as error:
        # The one setting that is passed on as the user wrote it: "x is not a valid encryption
        # algorithm".
        raise OptionsError(f"ciphers: {error}. Known here: {', '.join(CIPHERS)}") from None


def _explain_untried_key(
    error: SFTPAsyncError,
    options: ConnectionOptions,
    keys: list[asyncssh.SSHKey] | None,
    ssh: asyncssh.SSHClientConnection | None,
) -> None:
    """Say of an RSA key that it was not tried because the server takes no SHA-2 signature of it."""
    if not isinstance(error, AuthenticationError) or options.legacy_algorithms:
        return
    if keys and keys[0].algorithm == b"ssh-rsa" and not takes_sha2_of_rsa(ssh):
        error.hint = (
            "The server does not say that it takes SHA-2 signatures, so the RSA key was not tried. "
            "Use an ed25519 key, or set legacy_algorithms=true if the server is too old for it. "
            f"{error.hint}"
        )


def _too_late(options: ConnectionOptions, *, accepted: bool) -> ConnectError:
    if accepted:
        what = "The server took the connection, but did not finish the login"
        hint = "Check that an SSH server listens on this port, or raise connect_timeout"
    else:
        what = "The server did not answer"
        hint = "Check host, port and firewall, or raise connect_timeout"
    return ConnectError(
        f"{what} within {options.connect_timeout:g} seconds", host=options.address, hint=hint
    )


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
