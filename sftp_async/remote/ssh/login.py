"""`Login`: one login, at the server or at a bastion before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncssh

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    NoSFTPError,
    OptionsError,
    ServerBusyError,
)
from sftp_async.options.address import authority
from sftp_async.options.connection import wording_of
from sftp_async.remote.ssh.algorithms import (
    CIPHERS,
    compressions,
    nothing_in_common,
    offered,
    takes_sha2_of_rsa,
)
from sftp_async.remote.ssh.client_callbacks import ClientCallbacks
from sftp_async.remote.ssh.error_mapping import (
    LOST,
    PRINTED_TEXT,
    bastion_lost,
    connect_error,
    forward_error,
)
from sftp_async.remote.ssh.fast import speed_up
from sftp_async.remote.ssh.host_keys import HostKeyPolicy
from sftp_async.remote.ssh.private_keys import load_private_key
from sftp_async.remote.ssh.session_text import session_text

if TYPE_CHECKING:
    from sftp_async.errors import SFTPAsyncError
    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.ssh.proxies import ProxyTunnel

#: Keepalives that may go unanswered before the connection counts as dead.
KEEPALIVE_COUNT = 3
#: What a login, or the opening of the first channel behind it, raises.
FAULTS = (asyncssh.HostKeyNotVerifiable, asyncssh.SFTPError, ValueError, *LOST)


class Login:
    """How to log in at one server or bastion; one attempt.

    Args:
        options: its own; resolved.
        direct: nothing is in between.

    Raises:
        OptionsError: the private key, known_hosts or ciphers cannot be used.

    """

    def __init__(self, options: ConnectionOptions, *, direct: bool) -> None:
        self.options = options
        self._policy = HostKeyPolicy(options, direct=direct)
        self._keys, self._methods = _credentials(options)
        password = options.password.get_secret_value() if options.password else None
        self._client = ClientCallbacks(self._policy, password)
        self._prepare()

    def _prepare(self) -> None:
        """Set up what asyncssh gets to know, for the host keys that are accepted now."""
        arguments = self._policy.connect_arguments() | {"client_keys": self._keys}
        self._algorithms = offered(self.options, arguments["server_host_key_algs"])
        self._settings = _settings(self.options, self._client, arguments | self._algorithms)

    @property
    def ssh(self) -> asyncssh.SSHClientConnection | None:
        """The connection, as soon as TCP is connected."""
        return self._client.ssh

    @property
    def algorithms(self) -> dict[str, list[str]]:
        """What is offered, by asyncssh's names of the kinds."""
        return self._algorithms

    def abort(self) -> None:
        """Cut the connection, if there is one."""
        if self.ssh is not None:
            self.ssh.abort()

    async def run(self, before: Login | ProxyTunnel | None) -> asyncssh.SSHClientConnection:
        """Connect and log in.

        Args:
            before: the bastion or the proxy that is passed last, if any. A bastion is closed with
                the connection.

        Raises:
            HostKeyError, AuthenticationError, ConnectError: it failed.

        """
        bastion = before if isinstance(before, Login) else None
        tunnel: Any = bastion.ssh if bastion else before or ()
        host, port = self.options.host, self.options.port
        try:
            try:
                ssh = await self._connect(tunnel)
            except asyncssh.HostKeyNotVerifiable as error:
                if not self._policy.without_certificates(error.reason):
                    raise
                self._client.ssh = None
                self._prepare()
                ssh = await self._connect(tunnel)
        except FAULTS as error:
            if bastion is not None and bastion.ssh is not None:
                if bastion.ssh.is_closed():
                    raise bastion_lost(bastion.options, error) from error
                if self.ssh is None and isinstance(error, asyncssh.ChannelOpenError):
                    raise forward_error(error, bastion.options, host, port) from error
            mapped = self.explained(error)
            if before is not None and bastion is None and isinstance(mapped, ServerBusyError):
                mapped.hint = f"{mapped.hint}. Or the proxy could not reach it"
            raise mapped from (None if isinstance(error, asyncssh.HostKeyNotVerifiable) else error)
        self._client.bastion = bastion.ssh if bastion else None
        speed_up(ssh)
        return ssh

    async def _connect(self, tunnel: Any) -> asyncssh.SSHClientConnection:
        host, port = self.options.host, self.options.port
        return await asyncssh.connect(
            host, port, options=self._settings, config=None, tunnel=tunnel
        )

    async def explain_session(self, error: Exception) -> SFTPAsyncError:
        """Return our error for one of `FAULTS`, raised by the start of SFTP."""
        mapped = self.explained(error)
        if isinstance(mapped, NoSFTPError) and self.ssh is not None:
            text = self._client.quotable(await session_text(self.ssh))
            if text:
                mapped.message += f'; instead came: "{text}"'
                mapped.args = (mapped.message,)
                mapped.hint = PRINTED_TEXT
        return mapped

    def explained(self, error: Exception) -> SFTPAsyncError:
        """Return our error for one of `FAULTS`, raised by the login or right behind it."""
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return self._policy.refusal(error.reason)
        mapped = connect_error(
            error,
            self.options,
            methods=self._methods,
            ssh=self.ssh,
            logged_in=self._client.logged_in,
        )
        if isinstance(mapped, AuthenticationError):
            self._add_words(mapped)
            self._explain_untried_key(mapped)
        return nothing_in_common(self.options, self._algorithms, self.ssh) or mapped

    def too_late(self, before: Login | ProxyTunnel | None) -> ConnectError:
        """Return the error for `connect_timeout` having passed in this login."""
        who, address = f"The {wording_of(self.options).role}", self.options.address
        if self.ssh is not None:
            what = f"{who} took the connection, but did not finish the login"
            hint = "Check that an SSH server listens on this port, or raise connect_timeout"
        elif before is None:
            what = f"{who} did not answer"
            hint = "Check host, port and firewall, or raise connect_timeout"
        else:
            what = f"{'The bastion' if isinstance(before, Login) else 'The proxy'} did not connect"
            what += f" to {authority(self.options.host, self.options.port)}"
            address = before.options.address if isinstance(before, Login) else before.address
            hint = "Check host and port, and the firewall behind it, or raise connect_timeout"
        return ConnectError(
            f"{what} within {self.options.connect_timeout:g} seconds", host=address, hint=hint
        )

    def _add_words(self, error: AuthenticationError) -> None:
        """Add what the server stated about the login."""
        role = wording_of(self.options).role
        if words := self._client.words:
            error.message += f'; the {role} answered: "{words}"'
            error.args = (error.message,)
        if self._client.asked_more:
            error.hint = (
                "sftp_async answers a question for the password alone. Do what the "
                f"{role} asks for in an interactive client such as sftp; for jobs, "
                "ask its operator for a login by key, without one-time codes or passwords that "
                "expire"
            )

    def _explain_untried_key(self, error: AuthenticationError) -> None:
        """Add that an RSA key was not tried because the server takes no SHA-2 signature of it."""
        keys = self._keys
        if self.options.legacy_algorithms or not keys or keys[0].algorithm != b"ssh-rsa":
            return
        if not takes_sha2_of_rsa(self.ssh):
            role = wording_of(self.options).role
            error.hint = (
                f"The {role} does not advertise SHA-2 signatures, so the RSA "
                "key was not tried. Use an ed25519 key, or set legacy_algorithms=true if the "
                f"{role} is too old for it. {error.hint}"
            )


def _settings(
    options: ConnectionOptions, client: ClientCallbacks, arguments: dict[str, Any]
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
            compression_algs=compressions(options),
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


def _credentials(options: ConnectionOptions) -> tuple[list[asyncssh.SSHKey] | None, str]:
    """Return the private key, and what is tried, for messages."""
    keys = None
    methods = []
    if options.private_key_content is not None:
        passphrase = options.private_key_passphrase
        key = load_private_key(
            options.private_key_content.get_secret_value(),
            passphrase.get_secret_value() if passphrase else None,
            wording_of(options).prefix,
        )
        keys = [key]
        methods.append("private key")
    if options.password is not None:
        methods.append("password")
    return keys, " and ".join(methods) or "no credentials"
