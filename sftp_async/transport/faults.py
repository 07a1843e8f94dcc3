"""The one place where asyncssh's and the socket layer's exceptions become ours."""

from __future__ import annotations

import errno
import socket

import asyncssh

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteSpaceError,
    RemoteUnsupportedError,
    ServerBusyError,
    SFTPAsyncError,
    TransferError,
)

#: What a request on a lost connection can raise, apart from asyncssh's SFTP errors.
LOST = (asyncssh.DisconnectError, asyncssh.ChannelOpenError, OSError, EOFError)

_BY_TYPE: dict[type[asyncssh.SFTPError], type[TransferError]] = {
    asyncssh.SFTPNoSuchFile: RemoteNotFoundError,
    asyncssh.SFTPNoSuchPath: RemoteNotFoundError,
    asyncssh.SFTPPermissionDenied: RemotePermissionError,
    asyncssh.SFTPWriteProtect: RemotePermissionError,
    asyncssh.SFTPCannotDelete: RemotePermissionError,
    asyncssh.SFTPFileAlreadyExists: RemoteExistsError,
    asyncssh.SFTPOpUnsupported: RemoteUnsupportedError,
    asyncssh.SFTPNoSpaceOnFilesystem: RemoteSpaceError,
    asyncssh.SFTPQuotaExceeded: RemoteSpaceError,
    asyncssh.SFTPNoConnection: ConnectionLostError,
    asyncssh.SFTPConnectionLost: ConnectionLostError,
}

_SENTENCES: dict[type[TransferError], str] = {
    RemoteNotFoundError: "No such file or directory",
    RemotePermissionError: "The server denied permission",
    RemoteExistsError: "It exists already",
    RemoteUnsupportedError: "The server does not offer this operation",
    RemoteSpaceError: "The server has no space left (disk or quota)",
    ConnectionLostError: "The connection was lost",
}


def request_error(error: Exception, what: str, host: str, path: str) -> TransferError:
    """Map what a remote file request raised.

    Args:
        error: asyncssh's or the socket's exception.
        what: the operation, as in "rename".
        host: `user@host:port`.
        path: remote path.

    """
    if isinstance(error, asyncssh.SFTPError):
        kind = _BY_TYPE.get(type(error), TransferError)
        sentence = _SENTENCES.get(kind, f"The server answered: {error.reason}")
        return kind(f"Cannot {what}: {sentence}", host=host, path=path)
    return ConnectionLostError(
        f"Cannot {what}: The connection was lost ({_reason(error)})", host=host, path=path
    )


def connect_error(error: Exception, host: str, *, methods: str) -> SFTPAsyncError:
    """Map what connecting, logging in or opening the SFTP channel raised.

    Args:
        error: asyncssh's or the socket's exception.
        host: `user@host:port`.
        methods: what was tried for login, for the message.

    """
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthenticationError(
            f"The server refused the login ({methods} tried)",
            host=host,
            hint="Check the username, and that the key or password is the one the server has for it",
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return channel_error(error, host)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return ConnectError(
            f"Client and server share no algorithm ({error.reason})",
            host=host,
            hint="The server may offer only outdated algorithms: ask its operator for current ones",
            retryable=False,
        )
    if isinstance(error, asyncssh.ProtocolNotSupported | asyncssh.SFTPBadMessage):
        return ConnectError(
            f"What answered is no SFTP server ({error.reason})", host=host, retryable=False
        )
    if isinstance(error, socket.gaierror):
        return ConnectError(
            f"The host name cannot be resolved ({error.strerror})",
            host=host,
            hint="Check the option host for a typing error",
            retryable=error.errno == socket.EAI_AGAIN,
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectError(
            "The connection was refused: nothing listens on that port",
            host=host,
            hint="Check host and port, and that the server is running",
        )
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return ConnectError(
            f"The host is unreachable ({error.strerror})",
            host=host,
            hint="Check network, VPN and firewall",
        )
    if isinstance(error, asyncssh.ConnectionLost | OSError | EOFError) or (
        isinstance(error, asyncssh.DisconnectError)
        and error.code == asyncssh.DISC_TOO_MANY_CONNECTIONS
    ):
        return ServerBusyError(
            f"The server closed the connection before the login was done ({_reason(error)})",
            host=host,
            hint="It may allow fewer simultaneous logins: lower max_connections or Spark's parallelism",
        )
    return ConnectError(f"The SSH session failed ({_reason(error)})", host=host, retryable=False)


def channel_error(error: asyncssh.ChannelOpenError, host: str) -> ConnectError:
    """Map a refused channel: too many sessions, or no SFTP behind this login."""
    if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
        return ConnectError(
            "The server has no SFTP for this user (it refused the sftp subsystem)",
            host=host,
            hint="Ask the server's operator to enable SFTP for the account",
            retryable=False,
        )
    return ServerBusyError(
        f"The server refused another session ({error.reason})",
        host=host,
        hint="Lower max_connections",
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)
