"""Provides `SFTPTestServer`, an SFTP server with injectable faults for the tests of your own code.

With pytest, use the fixture `sftp_server`. Elsewhere it is a context manager:

    with SFTPTestServer(directory) as server:
        export(df, server.options)
        assert (server.path / "out" / "orders.csv").exists()
"""

from __future__ import annotations

import errno
import os
import secrets
from typing import TYPE_CHECKING, Any, Self

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SFTPTestServer"]


class SFTPTestServer:
    """An SFTP server on loopback for one test, with its address, login, files and faults.

    It runs on a thread of this process. Spark's executors on this machine can connect to it.

    Args:
        directory: a local directory to serve as `/`; created if missing.

    Attributes:
        disk_full: whether every write fails because the disk is full, at first false. It can be set
            while the server runs. Files can still be renamed and removed.

    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.disk_full = False
        self._server = EmbeddedServer(directory, sftp_factory=self._serve)
        self._password = self._server.password or ""

    @property
    def host(self) -> str:
        """The address, on loopback."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port, which stays the same after `stop` and `start`.

        Raises:
            RuntimeError: the server was never started; `options`, `url` and `known_hosts` raise
                it, too.

        """
        return self._started.port

    @property
    def username(self) -> str:
        """The only user."""
        return self._server.username

    @property
    def password(self) -> str:
        """The user's password, generated at random."""
        return self._password

    @property
    def host_key_fingerprint(self) -> str:
        """The fingerprint of the host key, for the option of the same name."""
        return self._server.fingerprint

    @property
    def known_hosts(self) -> str:
        """The host key as a line of a known_hosts file."""
        return self._started.host_key

    @property
    def options(self) -> dict[str, str]:
        """The options for `df.write.format("sftp").options(**…)`, as a new dictionary."""
        return {**self._started.options(), "password": self.password}

    @property
    def url(self) -> str:
        """The URL with the user name, without the password."""
        return f"sftp://{self.username}@{self.host}:{self.port}"

    @property
    def path(self) -> Path:
        """The local directory that is served; files uploaded to `/out` are in `path / "out"`."""
        return self._server.root

    @property
    def logins(self) -> int:
        """The number of successful logins so far."""
        return self._server.logins

    @property
    def logins_refused(self) -> bool:
        """Whether new logins are refused, at first false; open connections stay. It can be set."""
        return self._server.password != self.password

    @logins_refused.setter
    def logins_refused(self, refused: bool) -> None:
        self._server.password = secrets.token_urlsafe(18) if refused else self.password

    def drop_connections(self) -> None:
        """Reset all open connections, as a failing network does."""
        self._server.drop_connections()

    def start(self) -> Self:
        """Start the server; after `stop`, on the same port as before.

        Raises:
            OSError: another program uses the port now.

        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Drop all connections, and stop the server; the files stay."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        url = f"sftp://{self.username}@{self.host}:{self._server.port}"
        return f"<{type(self).__name__} {url} {self.path}>"

    @property
    def _started(self) -> EmbeddedServer:
        if not self._server.port:
            raise RuntimeError(
                "The server has no port yet: call start(), or use it in a with statement."
            )
        return self._server

    def _serve(self, chan: Any, root: bytes) -> _Folder:
        return _Folder(chan, root, self)


class _Folder(FolderServer):
    """Serves the directory, and simulates a full disk on request."""

    def __init__(self, chan: Any, root: bytes, faults: SFTPTestServer) -> None:
        super().__init__(chan, root)
        self._faults = faults

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._faults.disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(file_obj, offset, data)

    def statvfs(self, path: bytes) -> os.statvfs_result:
        found = os.statvfs(self.map_path(path))
        if not self._faults.disk_full:
            return found
        fields = list(found)
        fields[3] = fields[4] = 0  # f_bfree, f_bavail
        return os.statvfs_result(fields)
