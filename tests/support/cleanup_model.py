"""The model of cleaning under faults: what a stream has read, faults, another writer, and rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sftp_async.layout.cleanup_names import Way, is_set_aside
from sftp_async.layout.hidden_names import is_hidden_name
from sftp_async.read.cleanup.rounds import CleaningRound, CleanResult, Cleanup
from sftp_async.read.listing import FoundFile
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from tests.support.exploration import explore_faults
from tests.support.memory_server import (
    Crash,
    Fault,
    MemoryConnection,
    MemoryPool,
    MemoryServer,
    Operation,
)
from tests.support.readable import read_options

STREAM = "0123456789abcdef"
NOW = 1_764_000_000.0
RETRY = RetryPolicy(4, 0.0)
#: Looks at the server after which all must be done.
LOOKS = 8


class OpenSSHConnection(MemoryConnection):
    """Has what shows OpenSSH: a rename is known to refuse a name that is taken."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__(server)
        self.capabilities = replace(
            self.capabilities,
            posix_rename=True,
            statvfs=True,
            fsync=True,
            server_version="OpenSSH_9.9",
        )


class CopyingConnection(MemoryConnection):
    """Renames by copying, as servers on object stores do: the file gets the time of the copy."""

    async def rename(self, old: str, new: str) -> None:
        await super().rename(old, new)
        self.server.nodes[new].mtime = self.server.now


def openssh() -> MemoryServer:
    server = MemoryServer()
    server.connect = lambda: OpenSSHConnection(server)  # type: ignore[method-assign]
    return server


def copying() -> MemoryServer:
    server = MemoryServer()
    server.connect = lambda: CopyingConnection(server)  # type: ignore[method-assign]
    return server


def target_first() -> MemoryServer:
    server = MemoryServer()
    server.target_first = True
    return server


SERVERS: dict[str, Callable[[], MemoryServer]] = {
    "as OpenSSH": openssh,
    "unknown": MemoryServer,
    "rename replaces": lambda: MemoryServer(rename_replaces=True),
    "looks at the target first": target_first,
    "rename changes times": copying,
}


def start(make: Callable[[], MemoryServer], files: int = 2) -> MemoryServer:
    """A server with files that a stream has read, and an archive that has a name of one."""
    server = make()
    server.now = NOW
    for number in range(files):
        server.put(f"/in/{number}.csv", b"read %d" % number, age=1000)
    server.put("/done/0.csv", b"older", age=5000)
    server.make("/in")
    return server


def found(server: MemoryServer, path: str) -> FoundFile:
    node = server.nodes[path]
    return FoundFile(path, len(node.data), node.mtime)


def listed(server: MemoryServer, directory: str = "/in") -> tuple[list[FoundFile], list[str]]:
    """What a look at the directory finds: files, and what is set aside."""
    files, aside = [], []
    for name in sorted(server.files(directory)):
        if is_set_aside(name):
            aside.append(f"{directory}/{name}")
        elif not name.startswith("."):
            files.append(found(server, f"{directory}/{name}"))
    return files, aside


def cleanup_of(way: Way, *roots: str) -> Cleanup:
    archive = {"source_archive_dir": "/done"} if way == "archive" else {}
    return Cleanup(read_options(clean_source=way, **archive), roots or ("/in",), STREAM)


async def cleaned(
    server: MemoryServer, cleanup: Cleanup, files: list[FoundFile], aside: list[str]
) -> CleanResult:
    round_ = CleaningRound(files, aside)
    pool: Any = MemoryPool(server)
    await run_operation(pool, RETRY, lambda connection: cleanup.clean_on(connection, round_))
    return round_.result()


#: The servers whose clocks go on when a pause is made.
clocks: list[MemoryServer] = []


def rewrite(server: MemoryServer) -> bytes | None:
    """Rewrite a file, in the same size."""
    server.put("/in/0.csv", b"new  0", age=-1)
    return b"new  0"


def grow(server: MemoryServer) -> bytes | None:
    """Replace a file by a longer one of the same second."""
    server.put("/in/0.csv", b"new and longer", age=1000)
    return b"new and longer"


def deliver_again(server: MemoryServer) -> bytes | None:
    """Deliver a file of the same name, if the name is free."""
    return None if "/in/0.csv" in server.nodes else rewrite(server)


def remove(server: MemoryServer) -> bytes | None:
    """Remove a file."""
    server.nodes.pop("/in/0.csv", None)
    return None


ACTS = [rewrite, grow, deliver_again, remove]


@dataclass
class Play:
    """Cleaning with faults by number of the request, and another writer that acts after one.

    Attributes:
        act: what the writer does; returns what it has delivered.
        at: the number of the request after which it does so; None: never.

    """

    make: Callable[[], MemoryServer]
    way: Way
    faults: dict[int, Fault] = field(default_factory=dict)
    act: Callable[[MemoryServer], bytes | None] = remove
    at: int | None = None
    files: int = 2
    server: MemoryServer = field(init=False)
    #: Requests that a fault may befall.
    requests: int = 0

    async def run(self) -> list[str]:
        server = self.server = start(self.make, self.files)
        server.shared = self.files > 1
        clocks[:] = [server]
        known = {(file.path, file.size, file.mtime) for file in listed(server)[0]}
        read = {b"read %d" % number for number in range(self.files)}
        delivered: list[bytes] = []

        def meanwhile(operation: Operation) -> None:
            if self.at == len(server.log) - 1:
                if "/in/0.csv" in server.nodes and self.act is not deliver_again:
                    read.discard(server.read("/in/0.csv"))
                if (data := self.act(server)) is not None:
                    delivered.append(data)

        server.meanwhile = meanwhile
        server.faults = dict(self.faults)
        cleanup = cleanup_of(self.way)
        for _ in range(LOOKS):
            files, aside = listed(server)
            done = [file for file in files if (file.path, file.size, file.mtime) in known]
            try:
                await cleaned(server, cleanup, done, aside)
            except Crash:
                cleanup = cleanup_of(self.way)
        self.requests = len(server.log)
        return list(self._broken(read, delivered))

    def _broken(self, read: set[bytes], delivered: list[bytes]) -> Iterator[str]:
        there, archive = self.server.files("/in"), self.server.files("/done")
        # `sftp-async clean` finds what shows how a server renames.
        there = {name: data for name, data in there.items() if not is_hidden_name(name)}
        for name in [*there, *archive]:
            if name.startswith("."):
                yield f"{name} is left"
        if archive.pop("0.csv", None) != b"older":
            yield "the older file of the archive was replaced"
        wanted = sorted(read) if self.way == "archive" else []
        if [data for data in sorted(archive.values()) if data in read] != wanted:
            yield f"the archive has {archive}"
        if set(archive.values()) - {b"read 0", b"read 1"}:
            yield f"a version that was not read is in the archive: {archive}"
        if sorted(there.values()) != delivered:
            yield f"{delivered} was delivered, and there is {there}"


async def explored(play: Callable[[dict[int, Fault]], Play], depth: int) -> tuple[int, list[Any]]:
    """Play in full: a round keeps what it knows in more places than a committer."""
    return await explore_faults(play, depth, in_full=True)


async def disturbed(
    make: Callable[[], MemoryServer], way: Way, act: Callable[[MemoryServer], bytes | None]
) -> tuple[int, list[Any]]:
    """Let another writer act between any two requests, with each fault at each request."""
    played, bad = 0, list[Any]()
    for at in itertools.count():

        def play(faults: dict[int, Fault], at: int = at) -> Play:
            return Play(make, way, faults, act, at, files=1)

        undisturbed = play({})
        await undisturbed.run()
        if len(undisturbed.server.log) <= at:
            return played, bad
        # Where a rename changes times there are many more requests.
        ended = await explored(play, 0 if make is copying else 1)
        played += ended[0]
        bad += [(at, *each) for each in ended[1]]
    raise AssertionError
