"""`Connection`: one SSH connection with its SFTP channels, as a remote file system."""

from __future__ import annotations

import posixpath
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.packet import PacketDecodeError

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.remote.filesystem import Kind, RemoteEntry, RemoteFileSystem
from sftp_async.remote.ssh import check_file
from sftp_async.remote.ssh.attributes import entry_of, kind_of
from sftp_async.remote.ssh.capabilities import Capabilities
from sftp_async.remote.ssh.directory_pages import name_pages
from sftp_async.remote.ssh.host_keys import public_key_line
from sftp_async.remote.ssh.remote_file import SFTPFile
from sftp_async.remote.ssh.request_guard import RequestGuard
from sftp_async.remote.ssh.sftp_channels import Channel, Channels
from sftp_async.remote.ssh.unclear_refusals import exists_or, space_or

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.filesystem import RemoteFile
    from sftp_async.remote.token_bucket import Paces

#: Most entries of a directory that are listed: a hostile server could send names without end.
LARGEST_LISTING = 1_000_000


class Connection(RemoteFileSystem):
    """A verified, authenticated SSH connection with an SFTP channel. Made by `connect`.

    Attributes:
        algorithms: what client and server agreed on, by kind: `key exchange`, `host key`, `cipher`,
            `MAC`.
        host_key_line: the server's verified host key, as a known_hosts line.
        host_key_fingerprint: the same, as `ssh-keygen -l` prints it.
        bastion_host_keys: the verified host keys of the bastions, as public key lines.
        in_order: whether requests may be sent before the answers that they depend on, because the
            server serves them in order.
        pace: what the bytes of files opened from now on pass through; None: nothing.

    """

    def __init__(
        self,
        ssh: asyncssh.SSHClientConnection,
        sftp: asyncssh.SFTPClient,
        options: ConnectionOptions,
        host_key_line: str | None,
        host_key_fingerprint: str | None,
        bastions: Sequence[asyncssh.SSHClientConnection] = (),
        algorithms: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.address = options.address
        self.algorithms = algorithms
        self.host_key_line = host_key_line
        self.host_key_fingerprint = host_key_fingerprint
        self.bastion_host_keys = tuple(
            public_key_line(key) for bastion in bastions if (key := bastion.get_server_host_key())
        )
        self.capabilities = Capabilities.of(ssh, sftp)
        self.in_order = self.capabilities.plain_files
        self.pace: Paces | None = None
        self._sftp = sftp
        self._guard = RequestGuard(ssh, options, bastions)
        self._channels = Channels(ssh, sftp, self._guard)

    def __repr__(self) -> str:
        return f"<Connection {self.address} {'usable' if self.usable else 'closed'}>"

    @property
    def usable(self) -> bool:
        """Whether requests can still be sent."""
        return self._guard.usable

    def abort(self) -> None:
        """Cut the connection at once, without a disconnect message; for everything unexpected."""
        self._guard.abort()

    async def close(self) -> None:
        """Disconnect and wait for the socket to close, for a few seconds at most."""
        await self._guard.close()
        await self._channels.settle()

    async def close_and_wait(self) -> bool:
        """Disconnect, and wait until the server has, too; False if that takes too long."""
        closed = await self._guard.close_and_wait()
        await self._channels.settle()
        return closed

    @property
    def quiet_for(self) -> float:
        """Seconds since the last answer; 0 while one is due."""
        return self._guard.quiet_for

    def give_up(self) -> None:
        """Refuse further requests with `ConnectionGivenUpError`; to be closed then."""
        self._guard.give_up()

    @property
    def round_trip(self) -> float:
        """Seconds that the quickest answer has taken: a round trip, or little more."""
        return self._guard.round_trip

    @property
    def channels(self) -> int:
        """How many SFTP channels are open."""
        return len(self._channels.open)

    def widen(self, channels: int) -> None:
        """Open SFTP channels in the background up to this number, or up to the server's limit."""
        self._channels.widen(channels)

    async def open_channels(self, count: int) -> int:
        """Open SFTP channels up to this number; return how many there are then."""
        self._channels.widen(count)
        await self._channels.settle()
        return self.channels

    # Directories and names

    async def stat(self, path: str) -> RemoteEntry:
        """Return what `path` is, links followed."""
        async with self._guard.request("look at", path):
            attrs = await self._sftp.stat(path)
        return entry_of(posixpath.basename(path), attrs)

    async def lstat(self, path: str) -> RemoteEntry:
        """Return what `path` is, links not followed."""
        async with self._guard.request("look at", path):
            attrs = await self._sftp.lstat(path)
        return entry_of(posixpath.basename(path), attrs)

    async def exists(self, path: str) -> bool:
        """Whether something has this name, even a dangling link."""
        try:
            async with self._guard.request("look at", path):
                await self._sftp.lstat(path)
        except RemoteNotFoundError:
            return False
        return True

    async def kind(self, path: str) -> Kind | None:
        """Return what has this name, links not followed; None: nothing."""
        try:
            async with self._guard.request("look at", path):
                attrs = await self._sftp.lstat(path)
        except RemoteNotFoundError:
            return None
        return kind_of(attrs)

    async def listdir(self, path: str) -> list[RemoteEntry]:
        """Return the entries of a directory, without `.` and `..`, in the server's order.

        Names that no listing may hold (with a slash or NUL) are left out.
        """
        entries: list[RemoteEntry] = []
        seen = 0
        ahead = self.capabilities.in_order
        async with (
            self._guard.request("list", path),
            aclosing(name_pages(self._sftp, path, ahead=ahead)) as pages,
        ):
            async for page in pages:
                if page:
                    # A large directory takes many answers; one without names is no progress.
                    self._guard.heard()
                seen += len(page)
                if seen > LARGEST_LISTING:
                    raise PacketDecodeError(f"more than {LARGEST_LISTING:,} entries")
                for found in page:
                    name = _text(found.filename)
                    if name not in ("", ".", "..") and "/" not in name and "\0" not in name:
                        entries.append(entry_of(name, found.attrs, found.longname))
        return entries

    async def realpath(self, path: str) -> str:
        """Return the server's absolute form of `path`."""
        async with self._guard.request("resolve", path):
            try:
                resolved = await self._sftp.realpath(path)
            except IndexError:  # asyncssh does not expect an answer without a name
                raise PacketDecodeError("no name") from None
        return _text(resolved)

    async def mkdir(self, path: str) -> None:
        """Create one directory; `RemoteExistsError` if the name is taken."""
        try:
            async with self._guard.request("create the directory", path):
                await self._sftp.mkdir(path)
        except TransferError as error:
            error = await exists_or(error, self, "create the directory", path)
            raise await space_or(error, self, path, 0) from None

    async def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        async with self._guard.request("remove the directory", path):
            await self._sftp.rmdir(path)

    async def remove(self, path: str) -> None:
        """Remove a file."""
        async with self._guard.request("remove", path):
            await self._sftp.remove(path)

    async def rename(self, old: str, new: str) -> None:
        """Rename a file to a name that is free.

        Raises:
            RemoteExistsError: the new name is taken. Some servers (SFTPGo) replace it instead.
            RemoteNotFoundError: the old name does not exist.

        """
        try:
            async with self._guard.request("rename", old):
                await self._sftp.rename(old, new)
        except TransferError as error:
            raise await exists_or(error, self, "rename to it", new) from None

    async def replace(self, old: str, new: str) -> None:
        """Rename a file over another in one step, by the posix-rename extension.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """
        async with self._guard.request("rename", old):
            await self._sftp.posix_rename(old, new)

    async def link(self, path: str, other: str) -> None:
        """Give a file a second name, by the hardlink extension.

        Raises:
            RemoteExistsError: the other name is taken.
            RemoteUnsupportedError: the server does not offer it.

        """
        try:
            async with self._guard.request("link", path):
                await self._sftp.link(path, other)
        except TransferError as error:
            raise await exists_or(error, self, "link to it", other) from None

    async def set_attributes(
        self,
        path: str,
        permissions: int | None,
        modified: int | None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Set mode bits, times in seconds since 1970, numeric user and group; None leaves them."""
        user, group = owner or (None, None)
        attrs = asyncssh.SFTPAttrs(
            permissions=permissions, atime=modified, mtime=modified, uid=user, gid=group
        )
        async with self._guard.request("set attributes of", path):
            await self._sftp.setstat(path, attrs)

    async def free_bytes(self, path: str) -> int | None:
        """Return the bytes that a user may still write; None: the server does not report it."""
        try:
            async with self._guard.request("ask for free space", path):
                vfs = await self._sftp.statvfs(path)
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            return None
        return int(vfs.bavail * vfs.frsize)

    # Files

    async def open_new(self, path: str, permissions: int | None = None) -> SFTPFile:
        """Create a file that must not exist, for writing; with these mode bits less the umask."""
        return await self._open(
            path,
            asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL,
            "create",
            permissions=permissions,
        )

    async def open_existing(self, path: str) -> SFTPFile:
        """Open a file that exists, for writing at offsets; its content is kept."""
        return await self._open(path, asyncssh.FXF_WRITE, "reopen")

    async def open_on_channel(self, path: str, channel: int) -> SFTPFile:
        """Open a file that exists for writing at offsets, on another of the open channels.

        Args:
            path: remote path.
            channel: index below `channels`; 0 is the one that everything else uses.

        """
        return await self._open(
            path, asyncssh.FXF_WRITE, "open on another channel", self._channels.open[channel]
        )

    async def open_truncated(self, path: str) -> SFTPFile:
        """Create a file, or empty the one that exists, for writing."""
        return await self._open(
            path, asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC, "write"
        )

    async def open_read(self, path: str) -> SFTPFile:
        """Open a file for reading."""
        return await self._open(path, asyncssh.FXF_READ, "read")

    async def copy_data(
        self, source: RemoteFile, start: int, length: int, target: RemoteFile, offset: int
    ) -> None:
        """Copy `length` bytes from one open file into another, on the server (copy-data)."""
        try:
            async with self._guard.request("copy on the server", source.path):
                await self._sftp.remote_copy(source.handle, target.handle, start, length, offset)
        except TransferError as error:
            raise await space_or(error, self, target.path, length) from error

    async def sha256_on_server(self, path: str) -> str:
        """Return the SHA-256 of a file, in hex, computed by the server (check-file).

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """
        async with self._guard.request("check", path):
            return await check_file.sha256_on_server(self._sftp, path)

    async def _open(
        self,
        path: str,
        flags: int,
        what: str,
        channel: Channel | None = None,
        permissions: int | None = None,
    ) -> SFTPFile:
        attrs = asyncssh.SFTPAttrs(permissions=permissions)
        channel = channel or self._channels.open[0]
        try:
            async with self._guard.request(what, path):
                # block_size=0: one write call is one request; we cut to the server's limit
                # ourselves.
                handle = await channel.sftp.open(path, flags, attrs, encoding=None, block_size=0)
        except TransferError as error:
            if flags & asyncssh.FXF_EXCL:
                error = await exists_or(error, self, what, path)
            if flags & asyncssh.FXF_CREAT:
                error = await space_or(error, self, path, 0)
            raise error from None
        offered = self.capabilities
        return SFTPFile(
            self._guard,
            handle,
            path,
            offered.max_read,
            offered.max_write,
            lambda error, path, size: space_or(error, self, path, size),
            channel,
            self.pace,
        )


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
