"""Provides `SFTPConnectionTester`, a connection outside of any Spark job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sftp_async.errors import ConnectError
from sftp_async.options import SFTPOptions
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.ssh import connect
from sftp_async.tools.doctor import CheckReport, CheckStep, run_checks

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from sftp_async.remote.ssh import Connection

__all__ = ["CheckReport", "CheckStep", "SFTPConnectionTester"]


class SFTPConnectionTester:
    """Connects to an SFTP server outside of any Spark job, to list files or to find a fault.

        with SFTPConnectionTester("sftp.example.com", "me", "~/.ssh/id_ed25519") as tester:
            print(tester.list_files("/out"))

        print(SFTPConnectionTester("sftp.example.com", "me", password="env:PW").check("/out"))

    It works in notebooks, where an event loop runs in the same thread. It is not thread-safe.

    Args:
        host: host name or address.
        username: user to log in as.
        private_key_path: private key file.
        password: password, or a reference such as `env:NAME`.
        port: TCP port.
        options: any other option of `SFTPOptions`.

    Raises:
        OptionsError: lists all mistakes.

    """

    _connection: Connection | None = None

    def __init__(
        self,
        host: str,
        username: str,
        private_key_path: str | os.PathLike[str] | None = None,
        password: str | None = None,
        port: int = 22,
        **options: Any,
    ) -> None:
        self.options = SFTPOptions(
            host=host,
            username=username,
            private_key_path=private_key_path,
            password=password,
            port=port,
            **options,
        )

    @classmethod
    def from_options(cls, options: SFTPOptions) -> Self:
        """Build from the options of a write."""
        tester = cls.__new__(cls)
        tester.options = options
        return tester

    def __repr__(self) -> str:
        state = "connected" if self._connection is not None else "not connected"
        return f"<{type(self).__name__} {self.options.address} {state}>"

    def connect(self) -> Self:
        """Connect and log in, unless connected; one attempt, no retries. Return `self`.

        Raises:
            OptionsError: a key or a reference cannot be used.
            ConnectError: the connection failed; `HostKeyError` and `AuthenticationError` are
                subclasses.

        """
        if self._connection is None or not self._connection.usable:
            self._connection = get_runtime().run(connect(self.options.resolve()))
        return self

    def disconnect(self) -> None:
        """Close the connection, if there is one; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            get_runtime().run(connection.close())

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disconnect()

    def list_files(self, remote_dir: str = ".") -> list[str]:
        """Return the names in a remote directory, sorted, without `.` and `..`.

        Raises:
            ConnectError: not connected.
            TransferError: the directory cannot be listed, or the connection was lost.

        """
        if self._connection is None:
            raise ConnectError(
                "Not connected",
                host=self.options.address,
                hint="Call connect() first, or use the tester in a with statement",
                retryable=False,
            )
        entries = get_runtime().run(self._connection.listdir(remote_dir))
        return sorted(entry.name for entry in entries)

    def check(self, path: str = ".", *, thorough: bool = False, read: bool = False) -> CheckReport:
        """Check everything that a write, or a read, needs, and report the result.

        For a write it creates small hidden files with unique names in `path`, and removes them; for
        a read it writes nothing.

        Args:
            path: the remote path that a job would write to, or read.
            thorough: also count the sessions and connections that the server allows, and estimate
                the throughput (with up to 8 MiB or 3 seconds).
            read: check what a read needs, not what a write needs.

        """
        return get_runtime().run(run_checks(self.options, path, thorough=thorough, read=read))
