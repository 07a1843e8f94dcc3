"""The remote file system as the rest of the package sees it: entries, open files, operations."""

from __future__ import annotations

import posixpath
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    TransferError,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.remote.ssh.capabilities import Capabilities
    from sftp_async.remote.token_bucket import Paces

#: What a name stands for; everything that is neither a directory nor a symbolic link is a file.
Kind = Literal["directory", "link", "file"]

#: A remote disk or quota with fewer free bytes than this counts as full.
FULL_DISK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """A remote file or directory: name, size in bytes, time of last change (Unix seconds).

    `mode` is its kind and permissions, as `st_mode` of POSIX, and `owner` its numeric user and
    group; None: the server does not send them. `is_complete`: whether the server has sent size and
    kind; without them, it is taken for a file of no bytes.
    """

    name: str
    size: int
    is_dir: bool
    mtime: float
    mode: int | None = field(default=None, compare=False)
    owner: tuple[int, int] | None = field(default=None, compare=False)
    is_link: bool = field(default=False, compare=False)
    is_complete: bool = field(default=True, compare=False)


class RemoteFile(Protocol):
    """An open remote file.

    Attributes:
        address: `user@host:port`, for messages.
        path: where it was opened.
        handle: what the file system itself knows the open file by.
        pace: what its bytes pass through before they are asked for; None: nothing.

    """

    address: str
    path: str
    handle: Any
    pace: Paces | None = None

    async def read(self, size: int, offset: int) -> bytes:
        """Read up to `size` bytes at `offset`; fewer only at the end of the file."""
        ...

    async def stat(self) -> RemoteEntry:
        """Return the size and time of the open file.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """
        ...

    async def write(self, data: Buffer, offset: int) -> None:
        """Write `data` at `offset`; return when the server has acknowledged all of it."""
        ...

    async def close(self) -> None:
        """Close the file."""
        ...


class RemoteFileSystem(Protocol):
    """The operations of one connection that commit, listing, checksums and reading build on.

    `sftp_async.remote.ssh.Connection` implements it. The operations that are made of others are
    implemented here, once for every file system.

    Every operation raises `TransferError` and its subclasses. After `ConnectionLostError` and
    `StalledError` (`UNKNOWN_OUTCOME`) the outcome of the request is unknown and the connection is
    of no more use.

    Attributes:
        address: `user@host:port`, for messages.
        capabilities: what the server offers.
        in_order: whether requests may be sent before the answers that they depend on, because the
            server serves them in order.

    """

    address: str
    capabilities: Capabilities
    in_order: bool

    # Names and directories

    @abstractmethod
    async def stat(self, path: str) -> RemoteEntry:
        """Return what `path` is, links followed."""

    @abstractmethod
    async def lstat(self, path: str) -> RemoteEntry:
        """Return what `path` is, links not followed."""

    @abstractmethod
    async def exists(self, path: str) -> bool:
        """Whether something has this name, even a dangling link."""

    @abstractmethod
    async def kind(self, path: str) -> Kind | None:
        """Return what has this name, links not followed; None: nothing."""

    @abstractmethod
    async def listdir(self, path: str) -> list[RemoteEntry]:
        """Return the entries of a directory, without `.` and `..`, in the server's order."""

    @abstractmethod
    async def realpath(self, path: str) -> str:
        """Return the server's absolute form of `path`."""

    @abstractmethod
    async def mkdir(self, path: str) -> None:
        """Create one directory; `RemoteExistsError` if the name is taken."""

    @abstractmethod
    async def rmdir(self, path: str) -> None:
        """Remove an empty directory."""

    @abstractmethod
    async def remove(self, path: str) -> None:
        """Remove a file."""

    @abstractmethod
    async def rename(self, old: str, new: str) -> None:
        """Rename a file to a name that is free.

        Raises:
            RemoteExistsError: the new name is taken. Some servers (SFTPGo) replace it instead.
            RemoteNotFoundError: the old name does not exist.

        """

    @abstractmethod
    async def replace(self, old: str, new: str) -> None:
        """Rename a file over another in one step.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """

    @abstractmethod
    async def link(self, path: str, other: str) -> None:
        """Give a file a second name.

        Raises:
            RemoteExistsError: the other name is taken.
            RemoteUnsupportedError: the server does not offer it.

        """

    @abstractmethod
    async def set_attributes(
        self,
        path: str,
        permissions: int | None,
        modified: int | None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Set mode bits, times in seconds since 1970, numeric user and group; None leaves them."""

    @abstractmethod
    async def free_bytes(self, path: str) -> int | None:
        """Return the bytes that a user may still write; None: the server does not report it."""

    # Files

    @abstractmethod
    async def open_new(self, path: str, permissions: int | None = None) -> RemoteFile:
        """Create a file that must not exist, for writing; with these mode bits less the umask."""

    @abstractmethod
    async def open_truncated(self, path: str) -> RemoteFile:
        """Create a file, or empty the one that exists, for writing."""

    @abstractmethod
    async def open_read(self, path: str) -> RemoteFile:
        """Open a file for reading."""

    @abstractmethod
    async def copy_data(
        self, source: RemoteFile, start: int, length: int, target: RemoteFile, offset: int
    ) -> None:
        """Copy `length` bytes from one open file into another, on the server.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """

    @abstractmethod
    async def sha256_on_server(self, path: str) -> str:
        """Return the SHA-256 of a file, in hex, computed by the server.

        Raises:
            RemoteUnsupportedError: the server does not offer it.

        """

    # Made of the operations above

    async def is_link(self, path: str) -> bool:
        """Whether the name is a symbolic link, wherever it leads."""
        return await self.kind(path) == "link"

    async def makedirs(self, path: str) -> None:
        """Create a directory and its missing parents; an existing one is fine.

        Raises:
            RemoteExistsError: a file has the name of the directory or of one of its parents.

        """
        try:
            await self.mkdir(path)
        except RemoteNotFoundError:
            parent = posixpath.dirname(path)
            if parent in ("", "/", path):
                raise
            await self.makedirs(parent)
            with suppress(RemoteExistsError):  # another writer created it meanwhile
                await self.mkdir(path)
        except (RemoteExistsError, RemotePermissionError):
            # Some servers deny permission to create what exists, above the user's own folder.
            if await self._is_directory(path):
                return
            found = await self.kind(path)
            if found is None:
                raise
            raise RemoteExistsError(
                f"Cannot create the directory: a {found} has its name",
                host=self.address,
                path=path,
                hint="Choose another directory, or move away what is there",
            ) from None

    async def make_directory(self, path: str) -> bool:
        """Create a directory of this package in an existing one; return whether it was missing.

        Raises:
            RemoteExistsError: a file or a symbolic link has the name.

        """
        try:
            await self.mkdir(path)
            return True
        except (RemoteExistsError, RemotePermissionError):
            # Some servers deny permission to create what exists.
            found = await self.kind(path)
            if found == "directory":
                return False
            if found is None:
                raise
        what = "symbolic link" if found == "link" else found
        raise RemoteExistsError(
            f"Expected a directory created by sftp_async, found a {what}",
            host=self.address,
            path=path,
            hint="Find out who created it and remove it",
        )

    async def write_file(self, path: str, data: bytes, *, new: bool = False) -> None:
        """Write a small file in place; over an old one, unless `new`, never through a link."""
        try:
            file = await self.open_new(path)
        except RemoteExistsError:
            if new:
                raise
            if await self.is_link(path):
                # The link's author chose where it leads: that is no place of this package.
                await self.remove(path)
                file = await self.open_new(path)
            else:
                file = await self.open_truncated(path)
        try:
            await file.write(data, 0)
        except TransferError:
            with suppress(TransferError):
                await file.close()  # an open file is a handle held on the server
            raise
        await file.close()

    async def read_file(self, path: str, limit: int) -> bytes:
        """Read a small file; `TransferError` if it is larger than `limit` bytes."""
        file = await self.open_read(path)
        try:
            data = await file.read(limit + 1, 0)
        except TransferError:
            with suppress(TransferError):
                await file.close()
            raise
        await file.close()
        if len(data) > limit:
            raise TransferError(f"File is larger than {limit} bytes", host=self.address, path=path)
        return data

    async def _is_directory(self, path: str) -> bool:
        try:
            return (await self.stat(path)).is_dir
        except UNKNOWN_OUTCOME:
            raise
        except TransferError:
            return False
