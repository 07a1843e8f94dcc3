"""`ReadOnly`: a remote file system that refuses, before it is sent, whatever would change it."""

# ruff: noqa: D102 - the methods are documented in RemoteFileSystem

from __future__ import annotations

from typing import NoReturn

from sftp_async.remote.filesystem import Kind, RemoteEntry, RemoteFile, RemoteFileSystem


class ReadOnly(RemoteFileSystem):
    """Looks at a server for a dry run: code of a job that only looks runs on it as it is.

    A request that would change the server is a mistake of this package, and a `PermissionError`
    that no retry and no cleanup takes for the server's.

    Args:
        connection: to the server.

    """

    def __init__(self, connection: RemoteFileSystem) -> None:
        self._connection = connection
        self.address = connection.address
        self.capabilities = connection.capabilities
        self.in_order = connection.in_order

    # What looks

    async def stat(self, path: str) -> RemoteEntry:
        return await self._connection.stat(path)

    async def lstat(self, path: str) -> RemoteEntry:
        return await self._connection.lstat(path)

    async def exists(self, path: str) -> bool:
        return await self._connection.exists(path)

    async def kind(self, path: str) -> Kind | None:
        return await self._connection.kind(path)

    async def listdir(self, path: str) -> list[RemoteEntry]:
        return await self._connection.listdir(path)

    async def realpath(self, path: str) -> str:
        return await self._connection.realpath(path)

    async def free_bytes(self, path: str) -> int | None:
        return await self._connection.free_bytes(path)

    async def open_read(self, path: str) -> RemoteFile:
        return await self._connection.open_read(path)

    async def sha256_on_server(self, path: str) -> str:
        return await self._connection.sha256_on_server(path)

    # What would change something

    async def mkdir(self, path: str) -> None:
        self._refuse("create the directory", path)

    async def rmdir(self, path: str) -> None:
        self._refuse("remove the directory", path)

    async def remove(self, path: str) -> None:
        self._refuse("remove", path)

    async def rename(self, old: str, new: str) -> None:
        self._refuse("rename", old)

    async def replace(self, old: str, new: str) -> None:
        self._refuse("rename", old)

    async def link(self, path: str, other: str) -> None:
        self._refuse("link", path)

    async def set_attributes(
        self,
        path: str,
        permissions: int | None,
        modified: int | None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self._refuse("change the attributes of", path)

    async def open_new(self, path: str, permissions: int | None = None) -> RemoteFile:
        self._refuse("create", path)

    async def open_truncated(self, path: str) -> RemoteFile:
        self._refuse("empty", path)

    async def copy_data(
        self, source: RemoteFile, start: int, length: int, target: RemoteFile, offset: int
    ) -> None:
        self._refuse("write", target.path)

    def _refuse(self, what: str, path: str) -> NoReturn:
        raise PermissionError(f"A dry run was about to {what} {path!r} on the server")
