"""A remote file system in memory: counts every request, loses replies, fails where a test wants it.

It behaves as OpenSSH does where the commit could tell: plain rename refuses a name that is taken,
exclusive create too, a directory that is not empty stays, a request below a missing directory or a
file finds nothing.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeVar

from typing_extensions import Buffer

from sftp_async.errors import (
    ConnectionLostError,
    RemoteExistsError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteUnsupportedError,
)
from sftp_async.remote.filesystem import Kind, RemoteEntry, RemoteFile, RemoteFileSystem
from sftp_async.remote.ssh import Capabilities

#: Called a million times by the model of the commit.
parent_of = lru_cache(4096)(posixpath.dirname)
name_of = lru_cache(4096)(posixpath.basename)

T = TypeVar("T")
#: Requests that change nothing.
READS = {"stat", "exists", "kind", "listdir", "read", "close"}
FaultKind = Literal["lost", "crash"]
When = Literal["before", "after"]


class Crash(BaseException):
    """The client's process died."""


@dataclass(frozen=True)
class Fault:
    """What happens at a request: the line breaks or the client dies, before or after it is done."""

    kind: FaultKind
    when: When


@dataclass
class Node:
    """A file or directory, whatever names it has."""

    is_dir: bool
    data: bytearray = field(default_factory=bytearray)
    mtime: float = 0.0


@dataclass(frozen=True)
class Operation:
    """A request that reached the server."""

    name: str
    path: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.path}" + (f" -> {self.target}" if self.target else "")


class MemoryServer:
    """The file system, its log, and the faults to come.

    Args:
        posix_rename: offer replacing in one step.
        copy_data: offer copying on the server.
        rename: offer renaming at all.
        rename_replaces: let a plain rename replace what is there, as SFTPGo does.
        hardlink: offer second names of files.

    """

    def __init__(
        self,
        *,
        posix_rename: bool = True,
        copy_data: bool = True,
        rename: bool = True,
        rename_replaces: bool = False,
        hardlink: bool = True,
    ) -> None:
        self.hardlink = hardlink
        self.posix_rename = posix_rename
        self.copy_data = copy_data
        self.rename = rename
        self.rename_replaces = rename_replaces
        #: Refuse a read that is not at the start of the file or at the end of the last one.
        self.in_order_only = False
        #: Whether its requests may be sent before the answers that they depend on.
        self.in_order = False
        #: Look at a rename's target before its source.
        self.target_first = False
        #: Others come in between requests, as on a real line; costs most of a request's time here.
        self.shared = True
        self.now = 1_000_000.0
        self.nodes: dict[str, Node] = {"/": Node(True), ".": Node(True)}
        self.log: list[Operation] = []
        #: For each request, how much had been changed, or begun again, when it came.
        self.changes_before: list[int] = []
        self._changes = 0
        #: By number of the request, from 0.
        self.faults: dict[int, Fault] = {}
        #: Refusals: called before each request, may raise.
        self.refuse: Callable[[Operation], None] = lambda operation: None
        #: Called after each request, to look at what others can see now.
        self.watch: Callable[[], None] = lambda: None
        #: Called before each connection that is made.
        self.on_connect: Callable[[], None] = lambda: None
        #: Awaited before each request: a scheduler decides which job goes on.
        self.turn: Callable[[], Awaitable[None]] | None = None
        #: Names in each reply of a listing, which others may come in between; 0: all in one.
        self.names_per_reply = 0
        #: The order in which a listing finds names.
        self.order: Callable[[str], Any] = lambda name: name
        #: Called after each request, to do what others do meanwhile.
        self.meanwhile: Callable[[Operation], None] | None = None

    def connect(self) -> MemoryConnection:
        self.on_connect()
        self._changes += 1
        return MemoryConnection(self)

    # For tests, without requests

    def put(self, path: str, data: bytes = b"", *, age: float = 0) -> None:
        self._changes += 1
        parent = parent_of(path)
        if parent not in ("", "/"):
            self.make(parent)
        self.nodes[path] = Node(False, bytearray(data), self.now - age)

    def make(self, path: str, *, age: float = 0) -> None:
        parent = parent_of(path)
        if parent not in ("", "/"):
            self.make(parent)
        self.nodes.setdefault(path, Node(True, mtime=self.now - age))

    def read(self, path: str) -> bytes:
        return bytes(self.nodes[path].data)

    def names(self, directory: str) -> set[str]:
        return {name_of(p) for p in self.nodes if parent_of(p) == directory}

    def files(self, directory: str) -> dict[str, bytes]:
        return {
            name_of(path): bytes(node.data)
            for path, node in self.nodes.items()
            if parent_of(path) == directory and not node.is_dir
        }

    def tree(self, directory: str) -> dict[str, bytes | None]:
        """All below, by relative path; None is a directory. Without staging and markers."""
        start = f"{directory}/"
        found = {
            path.removeprefix(start): None if node.is_dir else bytes(node.data)
            for path, node in self.nodes.items()
            if path.startswith(start)
        }
        own = ("_temporary", "_sftp_async")
        return {path: data for path, data in found.items() if not path.startswith(own)}

    def operations(self, name: str) -> list[Operation]:
        return [operation for operation in self.log if operation.name == name]

    # Requests

    def note(self, operation: Operation) -> None:
        """Write down a request that has come."""
        self.log.append(operation)
        self.changes_before.append(self._changes)
        self._changes += operation.name not in READS

    def let_others_act(self, operation: Operation) -> None:
        if self.meanwhile is not None:
            self.meanwhile(operation)
            self._changes += 1

    def look(self, path: str) -> Node:
        node = self.nodes.get(path)
        if node is None:
            raise RemoteNotFoundError("No such file or directory", host="memory", path=path)
        return node

    def add(self, path: str, node: Node) -> None:
        parent = self.nodes.get(parent_of(path) or ".")
        if parent is None or not parent.is_dir:
            raise RemoteNotFoundError("No such file or directory", host="memory", path=path)
        if path in self.nodes:
            raise RemoteExistsError("It exists already", host="memory", path=path)
        self.nodes[path] = node
        parent.mtime = self.now

    def drop(self, path: str) -> Node:
        node = self.nodes.pop(path)
        self.nodes[parent_of(path) or "."].mtime = self.now
        return node


class MemoryConnection(RemoteFileSystem):
    """One connection; the composed operations are those of every file system."""

    def __init__(self, server: MemoryServer) -> None:
        self.address = "user@memory:22"
        self.capabilities = Capabilities(
            max_read=32768,
            max_write=32768,
            limits=False,
            copy_data=server.copy_data,
            posix_rename=server.posix_rename,
            statvfs=False,
            fsync=False,
            server_version="memory",
        )
        self.in_order = server.in_order
        self.server = server
        self._dead: BaseException | None = None

    @property
    def usable(self) -> bool:
        return self._dead is None

    def abort(self) -> None:
        self._dead = ConnectionLostError("The connection is closed", host=self.address)

    async def close(self) -> None:
        self.abort()

    async def request(self, name: str, path: str, action: Callable[[], T], target: str = "") -> T:
        """Carry out one request, with the fault that is due."""
        server = self.server
        if server.turn is not None:
            await server.turn()
        elif server.shared:
            await asyncio.sleep(0)
        if self._dead is not None:
            raise self._dead
        fault = server.faults.pop(len(server.log), None)
        operation = Operation(name, path, target)
        server.note(operation)
        if fault is not None and fault.when == "before":
            self._break(fault)
        try:
            server.refuse(operation)
            result = action()
        finally:
            server.watch()
            server.let_others_act(operation)
            if fault is not None:
                self._break(fault)
        return result

    def _break(self, fault: Fault) -> None:
        self._dead = (
            Crash()
            if fault.kind == "crash"
            else ConnectionLostError("The connection was lost", host=self.address)
        )
        raise self._dead

    async def stat(self, path: str) -> RemoteEntry:
        return await self.request("stat", path, lambda: _entry(path, self.server.look(path)))

    async def lstat(self, path: str) -> RemoteEntry:
        return await self.request("lstat", path, lambda: _entry(path, self.server.look(path)))

    async def exists(self, path: str) -> bool:
        return await self.request("exists", path, lambda: path in self.server.nodes)

    async def kind(self, path: str) -> Kind | None:
        def do() -> Kind | None:
            node = self.server.nodes.get(path)
            return None if node is None else "directory" if node.is_dir else "file"

        return await self.request("kind", path, do)

    async def realpath(self, path: str) -> str:
        return await self.request("realpath", path, lambda: path)

    async def free_bytes(self, path: str) -> int | None:
        return None

    async def listdir(self, path: str) -> list[RemoteEntry]:
        def do() -> list[RemoteEntry]:
            if not self.server.look(path).is_dir:
                raise RemoteNotFoundError("No such directory", host=self.address, path=path)
            return [
                _entry(p, node)
                for p, node in self.server.nodes.items()
                if parent_of(p) == path and p != path
            ]

        if not self.server.names_per_reply:
            return await self.request("listdir", path, do)
        found: list[RemoteEntry] = []

        def more() -> list[RemoteEntry]:
            # As of a file system: a name is found where it is when the listing comes there.
            order = self.server.order
            last = order(found[-1].name) if found else None
            left = [e for e in do() if last is None or order(e.name) > last]
            return sorted(left, key=lambda e: order(e.name))[: self.server.names_per_reply]

        await self.request("opendir", path, do)
        while reply := await self.request("readdir", path, more):
            found += reply
        return found

    async def mkdir(self, path: str) -> None:
        server = self.server
        await self.request("mkdir", path, lambda: server.add(path, Node(True, mtime=server.now)))

    async def rmdir(self, path: str) -> None:
        def do() -> None:
            node = self.server.look(path)
            if not node.is_dir or any(parent_of(p) == path for p in self.server.nodes):
                raise RemoteFailureError("Cannot remove: Failure", host=self.address, path=path)
            self.server.drop(path)

        await self.request("rmdir", path, do)

    async def remove(self, path: str) -> None:
        def do() -> None:
            if self.server.look(path).is_dir:
                raise RemoteFailureError("Cannot remove: Failure", host=self.address, path=path)
            self.server.drop(path)

        await self.request("remove", path, do)

    async def rename(self, old: str, new: str) -> None:
        def do() -> None:
            if not self.server.rename:
                raise RemoteUnsupportedError("Unsupported", host=self.address, path=old)
            if self.server.target_first and new in self.server.nodes:
                raise RemoteExistsError("It exists already", host=self.address, path=new)
            node = self.server.look(old)
            if self.server.rename_replaces and new in self.server.nodes:
                self.server.drop(new)
            self.server.add(new, node)
            self.server.drop(old)

        await self.request("rename", old, do, new)

    async def replace(self, old: str, new: str) -> None:
        def do() -> None:
            if not self.server.posix_rename:
                raise RemoteUnsupportedError("Unsupported", host=self.address, path=old)
            node = self.server.look(old)
            if new in self.server.nodes:
                if self.server.nodes[new].is_dir:
                    raise RemoteFailureError("Cannot rename: Failure", host=self.address, path=old)
                self.server.drop(new)
            self.server.add(new, node)
            self.server.drop(old)

        await self.request("replace", old, do, new)

    async def link(self, path: str, other: str) -> None:
        def do() -> None:
            if not self.server.hardlink:
                raise RemoteUnsupportedError("Unsupported", host=self.address, path=path)
            self.server.add(other, self.server.look(path))

        await self.request("link", path, do, other)

    async def set_attributes(
        self,
        path: str,
        permissions: int | None,
        modified: int | None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        def do() -> None:
            node = self.server.look(path)
            if modified is not None:
                node.mtime = float(modified)

        await self.request("setstat", path, do)

    async def open_new(self, path: str, permissions: int | None = None) -> MemoryFile:
        def do() -> Node:
            if path in self.server.nodes:
                raise RemoteExistsError("It exists already", host=self.address, path=path)
            node = Node(False, mtime=self.server.now)
            self.server.add(path, node)
            return node

        return MemoryFile(self, path, await self.request("open", path, do))

    async def open_truncated(self, path: str) -> MemoryFile:
        def do() -> Node:
            if path not in self.server.nodes:
                self.server.add(path, Node(False, mtime=self.server.now))
            node = self._file(path)
            node.data.clear()
            return node

        return MemoryFile(self, path, await self.request("open", path, do))

    async def open_read(self, path: str) -> MemoryFile:
        return MemoryFile(self, path, await self.request("open", path, lambda: self._file(path)))

    def _file(self, path: str) -> Node:
        node = self.server.look(path)
        if node.is_dir:
            raise RemoteFailureError("Cannot open: Failure", host=self.address, path=path)
        return node

    async def copy_data(
        self, source: RemoteFile, start: int, length: int, target: RemoteFile, offset: int
    ) -> None:
        def do() -> None:
            if not self.server.copy_data:
                raise RemoteUnsupportedError("Unsupported", host=self.address, path=source.path)
            _write(target.handle, bytes(source.handle.data[start : start + length]), offset)

        await self.request("copy", source.path, do, target.path)

    async def sha256_on_server(self, path: str) -> str:
        raise RemoteUnsupportedError("Unsupported", host=self.address, path=path)


class MemoryFile(RemoteFile):
    """An open file."""

    def __init__(self, connection: MemoryConnection, path: str, node: Node) -> None:
        self.address = connection.address
        self.path = path
        self.handle = node
        self._connection = connection
        self._read_up_to = 0

    async def write(self, data: Buffer, offset: int) -> None:
        await self._connection.request(
            "write", self.path, lambda: _write(self.handle, bytes(data), offset)
        )

    async def read(self, size: int, offset: int) -> bytes:
        def do() -> bytes:
            if self._connection.server.in_order_only and offset not in (0, self._read_up_to):
                raise RemoteFailureError("Illegal seek", host=self.address, path=self.path)
            data = bytes(self.handle.data[offset : offset + size])
            self._read_up_to = offset + len(data)
            return data

        return await self._connection.request("read", self.path, do)

    async def stat(self) -> RemoteEntry:
        return await self._connection.request(
            "stat", self.path, lambda: _entry(self.path, self.handle)
        )

    async def close(self) -> None:
        await self._connection.request("close", self.path, lambda: None)


class MemoryPool:
    """Leases one connection until it breaks, as the real pool does."""

    address = "user@memory:22"

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self._connection: MemoryConnection | None = None

    @asynccontextmanager
    async def lease(self, keep: Callable[[], bool] = bool) -> AsyncIterator[MemoryConnection]:
        if self._connection is None or not self._connection.usable:
            self._connection = self._server.connect()
        yield self._connection

    def note_retry(self) -> None:
        """The real pool counts these."""


def denied(path: str) -> RemotePermissionError:
    return RemotePermissionError("The server denied permission", host="memory", path=path)


def _entry(path: str, node: Node) -> RemoteEntry:
    return RemoteEntry(name_of(path), len(node.data), node.is_dir, node.mtime)


def _write(node: Node, data: bytes, offset: int) -> None:
    if len(node.data) < offset:
        node.data.extend(bytes(offset - len(node.data)))
    node.data[offset : offset + len(data)] = data
