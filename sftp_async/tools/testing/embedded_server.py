"""An embedded SFTP server: one folder, one user, loopback only; for tests and demos.

    with EmbeddedServer("out") as server:
        df.write.format("sftp").options(**server.options()).mode("append").save("/orders")

It is no server for production: file I/O is synchronous and there is one account.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import ipaddress
import json
import os
import secrets
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from io import FileIO
from pathlib import Path
from typing import Any, Self, cast

import asyncssh
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHServerStreamSession

from sftp_async.errors import OptionsError, SFTPAsyncError

__all__ = ["EmbeddedServer", "FolderServer", "SpawnedServer"]

PASSWORD_VARIABLE = "SFTP_ASYNC_SERVER_PASSWORD"  # noqa: S105 - a name: command lines are public

# AES-GCM runs at several times the speed of asyncssh's default, chacha20-poly1305.
CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
CIPHERS += ["aes128-ctr", "aes256-ctr"]

SFTPFactory = Callable[["asyncssh.SSHServerChannel[bytes]", bytes], asyncssh.SFTPServer]


class FolderServer(asyncssh.SFTPServer):
    """Serves one folder and nothing outside it. Subclass it to make a server that misbehaves.

    Every method may raise `OSError` or `asyncssh.SFTPError`; the client gets the matching status.
    `self.connection.abort()` drops the client's connection.
    """

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], root: bytes) -> None:
        super().__init__(chan, chroot=root)

    def map_path(self, path: bytes) -> bytes:
        """Map a remote path to a local one; a link that leads out of the folder is refused."""
        local = super().map_path(path)
        root = super().map_path(b"/")
        if not (os.path.realpath(local) + b"/").startswith(root.rstrip(b"/") + b"/"):
            raise asyncssh.SFTPPermissionDenied("The path leads out of the served folder")
        return local

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`."""
        return os.pread(cast(FileIO, file_obj).fileno(), size, offset)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write all of `data` at `offset`; a full disk raises instead of writing a part of it."""
        descriptor, view, written = cast(FileIO, file_obj).fileno(), memoryview(data), 0
        while written < len(view):
            written += os.pwrite(descriptor, view[written:], offset + written)
        return written


class _Server(ABC):
    """Where a server is and how to get in; started and stopped as a context manager.

    Attributes:
        host, port, username: where to connect, as whom.
        password: the user's password; None where only keys are accepted.
        root: the served folder.
        host_key: a known_hosts line.
        fingerprint: `SHA256:…` of the host key, as `ssh-keygen -l` prints it.

    """

    host: str
    port: int
    username: str
    password: str | None
    root: Path
    host_key: str
    fingerprint: str

    def options(self) -> dict[str, str]:
        """Return the options that `df.write.format("sftp").options(**...)` needs to reach it."""
        options = {"host": self.host, "port": str(self.port), "username": self.username}
        options["host_key_fingerprint"] = self.fingerprint
        if self.password is not None:
            options["password"] = self.password
        return options

    @abstractmethod
    def start(self) -> Self: ...

    @abstractmethod
    def stop(self) -> None: ...

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.username}@{self.host}:{self.port} {self.root}>"


class EmbeddedServer(_Server):
    """An SFTP server on its own thread and event loop in this process; a context manager.

    Args:
        root: the folder to serve as `/`; made if missing.
        host: address to listen on.
        port: 0 takes a free one. It is kept over `stop` and `start`, and so is the host key.
        username: the only user.
        password: that user's password; generated when neither it nor `authorized_keys` is given.
        authorized_keys: public key lines (`ssh-ed25519 AAAA…`) that may log in.
        allow_remote: permits a `host` that others can reach.
        sftp_factory: builds the server of one SFTP session from its channel and the folder; a
            subclass of `FolderServer`, for tests of failures.
        without: names of SFTP extensions to leave out, such as `posix-rename@openssh.com`, to stand
            in for servers that lack them.

    Raises:
        OptionsError: `host` is not a loopback address and `allow_remote` is not set.

    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "demo",
        password: str | None = None,
        authorized_keys: Iterable[str] = (),
        allow_remote: bool = False,
        sftp_factory: SFTPFactory = FolderServer,
        without: Collection[str] = (),
    ) -> None:
        if not allow_remote and not _is_loopback(host):
            raise OptionsError(
                f"host {host!r} can be reached from outside; "
                "take 127.0.0.1, or set allow_remote=True if that is what you want"
            )
        self.host, self.port, self.username = host, port, username
        self.root = Path(root).resolve()
        self.logins = 0  # successful ones since the server was made
        self.keys = {asyncssh.import_public_key(line).public_data for line in authorized_keys}
        self.password = password if password or self.keys else secrets.token_urlsafe(18)
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.fingerprint = self._host_key.get_fingerprint()
        self.sftp_factory = sftp_factory
        self.without = frozenset(name.encode() for name in without)
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> Self:
        """Listen, and return once connections are accepted.

        Raises:
            OSError: the port is taken, or the folder cannot be made.

        """
        if self._thread is not None:
            return self
        self.root.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._acceptor = self._call(self._listen())
        except BaseException:
            self._end_thread()
            raise
        self.port = self._acceptor.get_port()
        public = self._host_key.export_public_key("openssh").decode().strip()
        self.host_key = f"[{self.host}]:{self.port} {public}"
        return self

    def stop(self) -> None:
        """Drop all connections and stop listening."""
        if self._thread is not None:
            self._call(self._close())
            self._end_thread()

    def drop_connections(self) -> None:
        """Reset every connection that is open now, as a failing network would."""
        if self._thread is not None:
            self._call(self._abort())

    @classmethod
    def spawn(cls, root: str | os.PathLike[str], **arguments: Any) -> SpawnedServer:
        """Start the same server in a process of its own, which ends with this one at the latest.

        Takes `host`, `port`, `username` and `password`, and raises, as `SpawnedServer` does.
        """
        return SpawnedServer(root, **arguments).start()

    def _call(self, coro: Any) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result()

    def _end_thread(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = self._loop = None

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            self.host,
            self.port,
            server_factory=lambda: _Account(self),
            server_host_keys=[self._host_key],
            encryption_algs=CIPHERS,
            compression_algs=["none"],
            allow_pty=False,
            agent_forwarding=False,
            encoding=None,
        )

    async def _abort(self) -> None:
        for connection in (open_now := list(self.connections)):
            connection.abort()
        await asyncio.gather(*(connection.wait_closed() for connection in open_now))

    async def _close(self) -> None:
        self._acceptor.close()
        await self._abort()
        await self._acceptor.wait_closed()
        # Sessions close their files as they see the connection go; one that hangs is not awaited.
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        if sessions:
            _, hanging = await asyncio.wait(sessions, timeout=1)
            for task in hanging:
                task.cancel()


class _Account(asyncssh.SSHServer):
    """What asyncssh asks about one connection: who may log in, and what they get."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self._conn)

    def password_auth_supported(self) -> bool:
        return self._server.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        expected = f"{self._server.username}\0{self._server.password}"
        return hmac.compare_digest(f"{username}\0{password}".encode(), expected.encode())

    def public_key_auth_supported(self) -> bool:
        return bool(self._server.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._server.username and key.public_data in self._server.keys

    def auth_completed(self) -> None:
        self._server.logins += 1

    def session_requested(self) -> SSHServerStreamSession[bytes]:
        return _Session(self._server)


class _Session(SSHServerStreamSession[bytes]):
    """One SFTP session. asyncssh's own has no way to leave extensions out."""

    def __init__(self, server: EmbeddedServer) -> None:
        super().__init__(None)
        self._server = server

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        assert self._conn is not None
        chan = cast("asyncssh.SSHServerChannel[bytes]", self._chan)
        reader, writer = asyncssh.SSHReader(self, chan), asyncssh.SSHWriter(self, chan)
        folder = self._server.sftp_factory(chan, os.fsencode(self._server.root))
        handler = _Handler(folder, reader, writer, 3)
        handler.leave_out(self._server.without)
        self._conn.create_task(handler.run(), handler.logger)


class _Handler(SFTPServerHandler):
    """asyncssh's request handler, minus some extensions."""

    def leave_out(self, names: Collection[bytes]) -> None:
        handlers = self._packet_handlers.items()
        self._extensions = [pair for pair in self._extensions if pair[0] not in names]
        self._packet_handlers = {kind: handle for kind, handle in handlers if kind not in names}


class SpawnedServer(_Server):
    """The embedded server in a process of its own. Made by `EmbeddedServer.spawn`.

    The process ends when its standard input closes: on `stop`, or when this process dies.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "demo",
        password: str | None = None,
    ) -> None:
        self._command = [
            sys.executable,
            "-m",
            "sftp_async.tools.testing.embedded_server",
            "--root",
            os.fspath(root),
        ]
        self._command += ["--host", host, "--port", str(port), "--username", username]
        # The path of this process, so that a source tree that is not installed works too.
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if password is not None:
            self._environment[PASSWORD_VARIABLE] = password
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start the process, and return once it accepts connections.

        Raises:
            SFTPAsyncError: the process ended before it listened.

        """
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, text=True, env=self._environment
            )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                message = f"The embedded server ended with status {self._process.wait()} at once"
                raise SFTPAsyncError(message, hint="Its own message is on standard error.")
            vars(self).update(json.loads(line))
            self.root = Path(self.root)
        return self

    def stop(self) -> None:
        """End the server's process and wait for it."""
        if self._process is not None:
            self._process.communicate()  # closes its standard input
            self._process = None


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def main(arguments: list[str] | None = None) -> None:
    """Serve until standard input closes; print one JSON line with the coordinates when ready."""
    parser = argparse.ArgumentParser(
        prog="python -m sftp_async.tools.testing.embedded_server",
        description="Serve a folder over SFTP on loopback until standard input closes (Ctrl-D). "
        f"A password may be given in the environment as {PASSWORD_VARIABLE}; else one is made.",
    )
    parser.add_argument("--root", required=True, help="the folder to serve; made if missing")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--username", default="demo")
    given = parser.parse_args(arguments)
    password = os.environ.pop(PASSWORD_VARIABLE, None)
    server = EmbeddedServer(
        given.root, host=given.host, port=given.port, username=given.username, password=password
    )
    with server, contextlib.suppress(KeyboardInterrupt):
        coordinates = {name: getattr(server, name) for name in _Server.__annotations__}
        print(json.dumps(coordinates, default=str), flush=True)  # noqa: T201 - this is the answer
        while sys.stdin.readline():
            pass


if __name__ == "__main__":
    main()
