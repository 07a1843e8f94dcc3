"""Serves one folder over SFTP to one user, on loopback, for tests and demos.

    with EmbeddedServer("out") as server:
        df.write.format("sftp").options(**server.options()).mode("append").save("/orders")

It is not a server for production: file I/O is synchronous, and there is one account.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import os
import secrets
import threading
from collections.abc import Callable, Collection, Iterable
from io import FileIO
from pathlib import Path
from typing import Any, Self, cast

import asyncssh
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHServerStreamSession

from sftp_async.errors import OptionsError
from sftp_async.tools.testing.base import LocalServer
from sftp_async.tools.testing.spawned_server import SpawnedServer

__all__ = ["EmbeddedServer", "FolderServer"]

# AES-GCM is several times as fast as asyncssh's default, chacha20-poly1305.
CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
CIPHERS += ["aes128-ctr", "aes256-ctr"]

SFTPFactory = Callable[["asyncssh.SSHServerChannel[bytes]", bytes], asyncssh.SFTPServer]


class FolderServer(asyncssh.SFTPServer):
    """Serves one folder and nothing outside it. Subclass it to make a server with faults.

    Every method may raise `OSError` or `asyncssh.SFTPError`; the client gets the matching status.
    `self.connection.abort()` drops the client's connection.
    """

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], root: bytes) -> None:
        super().__init__(chan, chroot=root)

    def map_path(self, path: bytes) -> bytes:
        """Map a remote path to a local one; refuse a link that leads out of the folder."""
        local = super().map_path(path)
        root = super().map_path(b"/")
        if not (os.path.realpath(local) + b"/").startswith(root.rstrip(b"/") + b"/"):
            raise asyncssh.SFTPPermissionDenied("The path leads out of the served folder")
        return local

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`."""
        return os.pread(cast(FileIO, file_obj).fileno(), size, offset)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write all of `data` at `offset`; a full disk raises instead of writing only a part."""
        descriptor, view, written = cast(FileIO, file_obj).fileno(), memoryview(data), 0
        while written < len(view):
            written += os.pwrite(descriptor, view[written:], offset + written)
        return written


class EmbeddedServer(LocalServer):
    """An SFTP server on a thread and event loop of its own in this process; a context manager.

    Args:
        root: the folder to serve as `/`; created if missing.
        host: address to listen on.
        port: 0 chooses a free one. Port and host key stay the same after `stop` and `start`.
        username: the only user.
        password: the user's password; generated if neither it nor `authorized_keys` is given.
        authorized_keys: public key lines (`ssh-ed25519 AAAA…`) that may log in.
        allow_remote: whether `host` may be an address that other machines can reach.
        sftp_factory: creates the server of one SFTP session from its channel and the folder; a
            subclass of `FolderServer`, for tests of faults.
        without: names of SFTP extensions to leave out, such as `posix-rename@openssh.com`, to
            simulate servers that lack them.

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
                f"host {host!r} can be reached from other machines: use 127.0.0.1, or set "
                "allow_remote=True if you want that."
            )
        self.host, self.port, self.username = host, port, username
        self.root = Path(root).resolve()
        self.logins = 0  # successful logins since the server was created
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
        """Listen, and return when connections are accepted.

        Raises:
            OSError: the port is in use, or the folder cannot be created.

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
        """Drop all connections, and stop listening."""
        if self._thread is not None:
            self._call(self._close())
            self._end_thread()

    def drop_connections(self) -> None:
        """Reset all open connections, as a failing network does."""
        if self._thread is not None:
            self._call(self._abort())

    @classmethod
    def spawn(cls, root: str | os.PathLike[str], **arguments: Any) -> SpawnedServer:
        """Start the same server in a separate process, which ends with this one at the latest.

        The arguments are `host`, `port`, `username` and `password`; see `SpawnedServer.start` for
        the errors raised.
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
        # Sessions close their files when they notice the lost connection. Others are cancelled.
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        if sessions:
            _, hanging = await asyncio.wait(sessions, timeout=1)
            for task in hanging:
                task.cancel()


class _Account(asyncssh.SSHServer):
    """The callbacks of asyncssh for one connection: logins and sessions."""

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
    """One SFTP session. asyncssh's own class cannot leave out extensions."""

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
    """asyncssh's request handler without some extensions."""

    def leave_out(self, names: Collection[bytes]) -> None:
        handlers = self._packet_handlers.items()
        self._extensions = [pair for pair in self._extensions if pair[0] not in names]
        self._packet_handlers = {kind: handle for kind, handle in handlers if kind not in names}


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
