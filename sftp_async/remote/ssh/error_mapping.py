"""Maps the exceptions of asyncssh and of sockets to those of this package, in this one place.

What a status means that has several reasons is the matter of `unclear_refusals`.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.packet import PacketDecodeError

from sftp_async.errors import (
    AlgorithmsError,
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    NoSFTPError,
    RemoteExistsError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteProtocolError,
    RemoteSpaceError,
    RemoteUnsupportedError,
    ServerBusyError,
    SessionRefusedError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.options.address import authority
from sftp_async.options.connection import wording_of

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions

#: What a lost connection can raise, apart from asyncssh's SFTP errors.
LOST = (asyncssh.DisconnectError, asyncssh.ChannelOpenError, OSError, EOFError)
#: An answer that breaks the protocol, or a status that calls our own request bad: no better.
NONSENSE = (asyncssh.SFTPBadMessage, PacketDecodeError)
#: OpenSSH's message for a name that is too long, or another argument that the system calls invalid
#: (sftp-server.c, errno_to_portable): a refusal like any other, under the code of a bad message.
BAD_REQUEST = "Bad message"
#: What a request can raise.
REFUSED_OR_LOST = (asyncssh.SFTPError, PacketDecodeError, *LOST)

#: What to do about a login that has no SFTP.
NO_SFTP = "Ask the server's operator to enable SFTP for the account"
#: What to do about a login whose SFTP session prints text.
PRINTED_TEXT = (
    "If it is a greeting, it breaks SFTP: ask the server's operator to print it in interactive "
    "logins only (check with: ssh user@host true, which must print nothing). Else do what it says, "
    "or ask the operator to enable SFTP for the account"
)
#: What to do about a login after which the server takes no session.
NO_SESSION = (
    "Ask the server's operator whether the account may open SFTP sessions (OpenSSH: MaxSessions, "
    "and a ChrootDirectory must belong to root; its log has the reason). If the account has other "
    "connections open, lower max_connections"
)

#: What else may be wrong with a login.
_ALSO = {
    "server": "some servers ask for both",
    "bastion": "with neither proxy_jump_password nor a proxy_jump_private_key_…, the server's key "
    "is shown, and never its password",
}

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
    if isinstance(error, NONSENSE) and reason_of(error) != BAD_REQUEST:
        return RemoteProtocolError(
            f"Cannot {what}: The server's answer makes no sense ({reason_of(error)})",
            host=host,
            path=path,
        )
    if isinstance(error, asyncssh.SFTPError):
        kind = _BY_TYPE.get(type(error), RemoteFailureError)
        sentence = _SENTENCES.get(kind, f"The server answered: {error.reason}")
        return kind(f"Cannot {what}: {sentence}", host=host, path=path)
    return ConnectionLostError(
        f"Cannot {what}: The connection was lost ({reason_of(error)})", host=host, path=path
    )


def connect_error(
    error: Exception,
    options: ConnectionOptions,
    *,
    methods: str,
    ssh: asyncssh.SSHClientConnection | None,
    logged_in: bool = False,
) -> SFTPAsyncError:
    """Map what connecting, logging in or opening the SFTP channel raised.

    Args:
        error: asyncssh's or the socket's exception.
        options: of the server, or of a bastion on the way to it.
        methods: what was tried for login, for the message.
        ssh: the connection, if TCP got that far.
        logged_in: whether the server has accepted the credentials.

    """
    host, who = options.address, wording_of(options).role
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthenticationError(
            f"The {who} refused the login ({methods} tried)",
            host=host,
            hint=f"Check the username, and that the key or password is the one the {who} has for "
            f"it; {_ALSO[who]}",
        )
    if logged_in and ssh is not None and ssh.is_closed():
        return SessionRefusedError(
            f"The {who} accepted the login, and closed the connection before its first session "
            f"began ({reason_of(error)})",
            host=host,
            hint=NO_SESSION,
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return _channel_error(error, host)
    if isinstance(error, asyncssh.SFTPError) and ssh is not None and not ssh.is_closed():
        return NoSFTPError(
            "The login worked, but nothing that speaks SFTP answered behind it "
            f"({reason_of(error)})",
            host=host,
            hint=NO_SFTP,
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return AlgorithmsError(
            f"Client and server share no algorithm ({error.reason})",
            host=host,
            hint="The server may offer only outdated algorithms: ask its operator for current ones",
        )
    if ssh is None:
        return network_error(error, options)
    greeted = ssh.get_extra_info("server_version") is not None
    if isinstance(error, asyncssh.ProtocolNotSupported | asyncssh.ProtocolError) and not greeted:
        return ConnectError(
            f"What answered is no SSH server ({error.reason})",
            host=host,
            hint="Check host and port: an SFTP server is an SSH server, most often on port 22, and "
            "neither FTP nor HTTP",
            retryable=False,
        )
    if isinstance(error, asyncssh.ConnectionLost) and "timeout" in error.reason:
        return ConnectError(
            f"The login was not done in time ({error.reason})",
            host=host,
            hint="Raise login_timeout if the server is known to be slow",
        )
    if isinstance(error, asyncssh.ConnectionLost | asyncssh.SFTPError | OSError | EOFError) or (
        isinstance(error, asyncssh.DisconnectError)
        and error.code == asyncssh.DISC_TOO_MANY_CONNECTIONS
    ):
        hint = "It may allow fewer logins at once: lower max_connections or Spark's parallelism"
        return ServerBusyError(
            f"The {who} closed the connection before the login was done ({reason_of(error)})",
            host=host,
            hint=hint if greeted else f"{hint}. Or what listens there is no SSH server",
        )
    return ConnectError(f"The SSH session failed ({reason_of(error)})", host=host, retryable=False)


def forward_error(
    error: asyncssh.ChannelOpenError, bastion: ConnectionOptions, host: str, port: int
) -> ConnectError:
    """Map a bastion's refusal to connect to the next server on the way.

    Args:
        error: asyncssh's; the connection to the bastion lives on.
        bastion: its options.
        host: of the next server.
        port: of the next server.

    """
    target = authority(host, port)
    if error.code == asyncssh.OPEN_CONNECT_FAILED:
        return ConnectError(
            f"The bastion cannot reach {target} ({error.reason})",
            host=bastion.address,
            hint="Check host and port as the bastion sees them, and the firewall behind it",
        )
    if error.code == asyncssh.OPEN_RESOURCE_SHORTAGE:
        return ServerBusyError(
            f"The bastion refused another connection to {target} ({error.reason})",
            host=bastion.address,
            hint="Lower max_connections",
        )
    return ConnectError(
        f"The bastion does not forward to {target} ({error.reason})",
        host=bastion.address,
        hint="Ask its operator to allow it for this user (AllowTcpForwarding, PermitOpen)",
        retryable=False,
    )


def bastion_lost(bastion: ConnectionOptions, error: Exception) -> ConnectError:
    """Return the error for a bastion that was lost during the login behind it."""
    return ConnectError(
        f"The connection to the bastion was lost ({reason_of(error)})",
        host=bastion.address,
        hint="Check the bastion and the network before it",
    )


def network_error(error: Exception, options: ConnectionOptions) -> ConnectError:
    """Map what resolving the host name or opening the TCP connection raised."""
    host, option = options.address, wording_of(options).named_by
    if isinstance(error, socket.gaierror | UnicodeError):
        return ConnectError(
            f"The host name cannot be resolved ({reason_of(error)})",
            host=host,
            hint=f"Check the option {option} for a typing error",
            retryable=isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN,
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectError(
            "The connection was refused: nothing listens on that port",
            host=host,
            hint="Check host and port, and that the server is running",
        )
    # A name with several addresses gives one error that lists those of all.
    return ConnectError(
        f"The host cannot be reached ({reason_of(error)})",
        host=host,
        hint="Check host, port, network, VPN and firewall",
    )


def _channel_error(error: asyncssh.ChannelOpenError, host: str) -> ConnectError:
    """Map a refused channel: too many sessions, or no SFTP behind this login."""
    if error.code in (
        asyncssh.OPEN_REQUEST_SESSION_FAILED,
        asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED,
    ):
        return NoSFTPError(
            f"The login worked, but the server refused to start SFTP ({error.reason})",
            host=host,
            hint=NO_SFTP,
        )
    return SessionRefusedError(
        "The login worked, but the server refused the first session of the connection "
        f"({error.reason})",
        host=host,
        hint=NO_SESSION,
    )


def reason_of(error: BaseException) -> str:
    """Return the reason that an exception gives."""
    reason = getattr(error, "reason", "") or getattr(error, "strerror", "")
    return str(reason or error or type(error).__name__)
