"""The exceptions of sftp_async: what happened, where, and what to do next; never a secret.

Every error pickles (Spark carries them between processes), names the host and path it is about, and
answers one question for all retry logic: `retryable`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn, Self


class SFTPAsyncWarning(UserWarning):
    """Warning category of everything sftp_async warns about."""


class SFTPAsyncError(Exception):
    """Base of every error raised by sftp_async.

    Args:
        message: what happened, in words for the user.
        host: `user@host:port` or `host:port` the error is about, if any.
        path: remote path the error is about, if any.
        hint: what to do next: an option to set, a command to run.
        retryable: overrides the class's answer to "may the same thing work in a moment?".

    """

    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        host: str | None = None,
        path: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.host = host
        self.path = path
        self.hint = hint
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                self.host and f"host {self.host}",
                # Spark cannot pass on an error whose text is no UTF-8, and ends the worker.
                self.path and f"path {_printable(self.path)}",
            )
            if part
        )
        text = f"{self.message} ({where})" if where else self.message
        return f"{text.removesuffix('.')}. {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception pickles by calling the class with `args`; keyword-only arguments need this
        # detour.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _printable(path: str) -> str:
    """Return a path as one line of text: a server's names may be no UTF-8, and hold anything."""
    return "".join(c if c.isprintable() else "?" for c in path)


def _rebuild(cls: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


def raise_again(error: BaseException) -> NoReturn:
    """Raise a copy of a stored error, caused by it: each raise has a traceback of its own.

    An error of another package is raised as it is: it may not be copyable.
    """
    if isinstance(error, SFTPAsyncError):
        raise copy.copy(error) from error
    raise error


class OptionsError(SFTPAsyncError, ValueError):
    """The options are wrong. Lists every mistake at once, before any connection is made.

    Args:
        problems: one sentence for each mistake.

    """

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        if len(self.problems) == 1:
            message = f"Invalid option: {self.problems[0]}"
        else:
            message = f"{len(self.problems)} invalid options:" + "".join(
                f"\n  - {p}" for p in self.problems
            )
        super().__init__(message)


class ConnectError(SFTPAsyncError):
    """No connection: name unknown, host unreachable, port closed, no answer, or no SFTP there."""

    retryable = True


class AlgorithmsError(ConnectError):
    """Client and server share no algorithm of some kind."""

    retryable = False


class NoSFTPError(ConnectError):
    """The login worked, but there is no SFTP behind it."""

    retryable = False


class ServerBusyError(ConnectError):
    """The server turned away a login or a channel: it has enough (MaxStartups, MaxSessions)."""


class SessionRefusedError(ServerBusyError):
    """The login worked, but the server opens no session for it, or closes the connection."""


class AuthenticationError(ConnectError):
    """The server refused the credentials. Never retried: servers lock accounts."""

    retryable = False


class HostKeyError(ConnectError):
    """The server's host key is unknown or not the expected one. `fingerprint` is what it showed."""

    retryable = False
    fingerprint: str | None = None

    @classmethod
    def showing(cls, message: str, *, fingerprint: str, host: str, hint: str) -> Self:
        """Build the error with the fingerprint that the server presented."""
        error = cls(message, host=host, hint=hint)
        error.fingerprint = fingerprint
        return error


class PoolError(SFTPAsyncError):
    """The connection pool could not serve."""


class PoolTimeout(PoolError):  # noqa: N818 - the name of the field (psycopg, httpcore)
    """No connection became available in time."""

    retryable = True


class PoolClosed(PoolError):  # noqa: N818 - the name of the field (psycopg)
    """The pool was closed while, or before, a connection was asked for."""


class TransferError(SFTPAsyncError):
    """A request on a remote file or directory failed."""


class ConnectionLostError(TransferError):
    """The connection broke while a request was in flight; its outcome is unknown."""

    retryable = True


class ConnectionGivenUpError(ConnectionLostError):
    """The connection was closed for others that waited for one; nothing was in flight on it."""


class StalledError(TransferError):
    """The server acknowledged nothing for `stall_timeout` (or `operation_timeout`) seconds."""

    retryable = True


class RemoteProtocolError(TransferError):
    """The server's answer breaks the protocol; the connection is dropped."""


class AcknowledgedDataLostError(TransferError):
    """The server no longer has data it had acknowledged: the file must be uploaded again."""

    retryable = True


class VerificationError(TransferError):
    """The file on the server does not hold the bytes that were sent."""

    retryable = True


class ControlRecordError(VerificationError):
    """A file that is read lacks a control record, or does not hold what one states.

    `stated`: the text that the records have for each field that differs, such as `rows`; empty if
    a record is missing.
    """

    retryable = False
    stated: Mapping[str, str] = MappingProxyType({})


class RemoteNotFoundError(TransferError):
    """No such remote file or directory."""


class RemoteExistsError(TransferError):
    """The remote file or directory exists already."""


class RemotePermissionError(TransferError):
    """The server refused access."""


class RemoteUnsupportedError(TransferError):
    """The server does not offer this operation."""


class RemoteFailureError(TransferError):
    """The server refused without naming a reason that has an error of its own (SSH_FX_FAILURE)."""


class ShortReadError(TransferError):
    """A remote file ended before the bytes that were to be read. `end`: its size, in bytes."""

    end: int = 0


class RemoteChangedError(TransferError):
    """A remote file is no longer the one that was planned: gone, rewritten, shorter or longer.

    Not retryable: the plan is of the old version. Load again to read the new one. `gone`: whether
    no file has the name any more.
    """

    gone: bool = False


class RemoteSpaceError(TransferError):
    """The remote disk or quota is full. `free_bytes`: what is left, if the server tells."""

    free_bytes: int | None = None


class CommitError(SFTPAsyncError):
    """The job's files could not be made visible."""


class NameTakenError(CommitError):
    """The name that a file is to get is another file's, which may not be replaced."""


class EncodeError(SFTPAsyncError):
    """A column cannot be written in this format. Names the column."""


class DecodeError(SFTPAsyncError):
    """A file does not hold what its format says. `offset`: where in the file, in bytes; or None."""

    offset: int | None = None


class NewColumnsError(SFTPAsyncError):
    """Files have columns that a stream has not; its next start may take them."""


class StateError(SFTPAsyncError):
    """The state of a stream cannot be used: damaged, another query's, or out of reach."""


#: The errors after which it is unknown whether the server carried the request out.
UNKNOWN_OUTCOME = (ConnectionLostError, StalledError)
#: The errors that mean that no connection was to be had; `retryable` tells whether one may be soon.
NO_CONNECTION = (ConnectError, PoolTimeout)
