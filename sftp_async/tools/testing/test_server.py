"""`SFTPTestServer`: an SFTP server on loopback for the tests of your own code; it can misbehave.

With pytest, ask for the fixture `sftp_server`. Elsewhere it is a context manager:

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
    """A server of one test: where it is, how to get in, what it holds, and what goes wrong there.

    It runs on a thread of this process; Spark's executors reach it as they would any other server.

    Args:
        directory: a local directory to serve as `/`; made if missing.

    Attributes:
        disk_full: whether every write fails for want of space; files can still be renamed and
            removed. May be set while the server runs, and false at first.

    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.disk_full = False
        self._server = EmbeddedServer(directory, sftp_factory=self._serve)
        self._password = self._server.password or ""

    @property
    def host(self) -> str:
        """Its address, on loopback."""
        return self._server.host

    @property
    def port(self) -> int:
        """Its port, which it keeps over `stop` and `start`.

        Raises:
            RuntimeError: there is none before the first start, and so no `options`, `url` and
                `known_hosts`.

        """
        return self._started.port

    @property
    def username(self) -> str:
        """The only user."""
        return self._server.username

    @property
    def password(self) -> str:
        """The user's password, made at random."""
        return self._password

    @property
    def host_key_fingerprint(self) -> str:
        """The fingerprint of its host key, as the option of that name takes it."""
        return self._server.fingerprint

    @property
    def known_hosts(self) -> str:
        """A line for a known_hosts file."""
        return self._started.host_key

    @property
    def options(self) -> dict[str, str]:
        """What `df.write.format("sftp").options(**…)` needs to get in, in a dict of its own."""
        return {**self._started.options(), "password": self.password}

    @property
    def url(self) -> str:
        """Where it is and for whom, without the password."""
        return f"sftp://{self.username}@{self.host}:{self.port}"

    @property
    def path(self) -> Path:
        """The local directory that it serves; what was uploaded to `/out` is in `path / "out"`."""
        return self._server.root

    @property
    def logins(self) -> int:
        """How many logins went well so far."""
        return self._server.logins

    @property
    def logins_refused(self) -> bool:
        """Whether it refuses the password from now on; who is in stays. May be set."""
        return self._server.password != self.password

    @logins_refused.setter
    def logins_refused(self, refused: bool) -> None:
        self._server.password = secrets.token_urlsafe(18) if refused else self.password

    def drop_connections(self) -> None:
        """Reset every connection that is open now, as a failing network would."""
        self._server.drop_connections()

    def start(self) -> Self:
        """Listen; on the same port as before, if it has been stopped.

        Raises:
            OSError: the port has been taken meanwhile.

        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Drop all connections and stop listening; the files stay."""
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
            raise RuntimeError("The server has no port yet: call start(), or use it in a `with`.")
        return self._server

    def _serve(self, chan: Any, root: bytes) -> _Folder:
        return _Folder(chan, root, self)


class _Folder(FolderServer):
    """Serves the directory, and plays a full disk when it is told to."""

    def __init__(self, chan: Any, root: bytes, told: SFTPTestServer) -> None:
        super().__init__(chan, root)
        self._told = told

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._told.disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(file_obj, offset, data)

    def statvfs(self, path: bytes) -> os.statvfs_result:
        found = os.statvfs(self.map_path(path))
        if not self._told.disk_full:
            return found
        fields = list(found)
        fields[3] = fields[4] = 0  # f_bfree, f_bavail
        return os.statvfs_result(fields)
