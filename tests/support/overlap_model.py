"""The model of overlapping jobs: plays two or three jobs, interleaved request by request.

A schedule says which job makes the next requests, and how many. A job whose turn does not come
stands still, as a process does that is stopped, and goes on later as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import json
import posixpath
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, combinations
from typing import Any

from sftp_async.errors import RemoteNotFoundError, SFTPAsyncError
from sftp_async.layout.intent_names import STATES, document_of
from sftp_async.layout.part_names import PartFile, is_data, is_part
from tests.support.event_loops import settle
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Crash, MemoryServer, name_of

#: Number of the job whose request it is.
ACTOR: ContextVar[int] = ContextVar("ACTOR")
#: Requests that may change what readers see.
MOVES = {"rename", "replace", "close", "write", "copy", "remove"}
OLD = {
    "part-00000-0dd0dd000dd0dd00-c000.csv": b"old 0",
    "part-00001-0dd0dd000dd0dd00-c000.csv": b"old 1",
}

#: A job and the requests that it makes before the next one comes; None: all that it has left.
Turn = tuple[int, int | None]


@dataclass(frozen=True)
class Kind:
    """What one of the jobs does.

    Args:
        path: `/out`, or an exact file in it.
        overwrite: replace what is there.
        parts: how many it writes.
        directories: the partitions of column `c` that they belong to.
        options: write options.
        uploads: its tasks write its files while the schedule goes on (`commit_mode=direct`).

    """

    path: str = "/out"
    overwrite: bool = False
    parts: int = 2
    directories: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    uploads: bool = False


@dataclass(frozen=True)
class Overlap:
    """Jobs that overlap.

    Args:
        kinds: of the jobs.
        old: files in `/out` before.
        server: the server's kind.
        together: each job has prepared, and its tasks have ended, before the schedule begins.
        all_succeed: no job may fail.
        names_per_reply: of listings, which others come in between; 0: listings are atomic.

    """

    kinds: tuple[Kind, ...]
    old: dict[str, bytes] = field(default_factory=lambda: dict(OLD))
    server: dict[str, Any] = field(default_factory=dict)
    together: bool = True
    all_succeed: bool = False
    names_per_reply: int = 0


@dataclass
class Life:
    """One job of a play."""

    kind: Kind
    job: MemoryJob
    parts: list[PartFile] = field(default_factory=list)
    #: What readers see of it if it is there, by the name under which tasks or the commit put it.
    contents: list[tuple[str, bytes]] = field(default_factory=list)
    outcome: str = "running"
    #: Numbers of requests: its commit's first one; its intent's publication; the one that made the
    #: last part visible; its last one.
    begun: int = -1
    published: int = -1
    visible: int = -1
    ended: int = -1
    seen: set[bytes] = field(default_factory=set)
    #: Requests made, over its life, and those that it may make before it waits for its turn.
    requests: int = 0
    allowed: int = 0


class Play:
    """One run of an overlap by one schedule.

    The invariant. Let an overwrite be *later* than a job if its intent was published after the
    last part of that job had become visible. When all jobs are over and a last one has recovered
    the target, of every job either all parts are there, or all but those that some of the later
    overwrites cover, each of which then is gone; with `partition_overwrite_mode=dynamic` an
    overwrite covers the partitions that it writes to. A job that failed may also have left nothing.
    An overwrite that succeeded has removed what it covers of every job that had ended before its
    commit began. A manifest lists files that are there.
    """

    def __init__(self, overlap: Overlap, turns: Sequence[Turn], killed: frozenset[int]) -> None:
        self.overlap, self.turns, self.killed = overlap, turns, killed
        self.server = server = MemoryServer(**overlap.server)
        server.make("/out")
        for name, data in overlap.old.items():
            server.put(f"/out/{name}", data)
        # As the jobs have left it that wrote the old files of a template's names.
        registry = {"version": 1, "names": sorted(overlap.old)}
        server.put(f"/out/_sftp_async/file_names/{'0' * 32}.json", json.dumps(registry).encode())
        self.lives = [self._life(kind) for kind in overlap.kinds]
        self._ids = {life.job.layout.job_id: life for life in self.lives}
        self._waiting: list[list[asyncio.Future[None]]] = [[] for _ in self.lives]
        #: Done when the job whose turn it is waits for another one, or is over.
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._dead: set[int] = set()
        self.broken: list[str] = []

    def _life(self, kind: Kind) -> Life:
        job = MemoryJob(self.server, kind.path, overwrite=kind.overwrite, **kind.options)
        return Life(kind, job)

    async def run(self) -> list[str]:
        """Play it; returns the rules that were broken."""
        if self.overlap.together:
            for number in range(len(self.lives)):
                await self._prepare(number)
        self.server.names_per_reply = self.overlap.names_per_reply
        self.server.order = _against_time
        self.server.turn = self._turn
        self.server.watch = self._watch
        tasks = [asyncio.create_task(self._play(number)) for number in range(len(self.lives))]
        await settle()
        rest: list[Turn] = [(number, None) for number in range(len(self.lives))]
        for number, count in [*self.turns, *rest]:
            if number in self.killed and count is None:
                continue
            await self._let(number, count)
        for number in self.killed:
            self._dead.add(number)
            for waiter in self._waiting[number]:
                waiter.set_exception(Crash())
            await settle()
        self.server.turn = None
        self.server.names_per_reply = 0
        for task in tasks:
            await task
        await self._recover()
        self._judge()
        return self.broken

    async def _let(self, number: int, count: int | None) -> None:
        """Let a job make requests, until it has none."""
        waiting, life = self._waiting[number], self.lives[number]
        life.allowed = sys.maxsize if count is None else count
        if not waiting or not life.allowed:
            return
        self._stopped = asyncio.get_running_loop().create_future()
        while waiting and life.allowed:
            life.allowed -= 1
            waiting.pop(0).set_result(None)
        if not waiting:
            await self._stopped
        await settle()

    async def _turn(self) -> None:
        number = ACTOR.get()
        if number in self._dead:
            raise Crash
        life = self.lives[number]
        if life.allowed:
            # Others of this job that have come before go first, as on a connection.
            life.allowed -= 1
            await asyncio.sleep(0)
        else:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[number].append(waiter)
            self._stop()
            await waiter
        life.requests += 1
        self.server.now += 1  # seconds: what is newer than an intent shows

    def _stop(self) -> None:
        """Let the schedule go on: a job waits for its turn, or is over."""
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def _prepare(self, number: int) -> None:
        life = self.lives[number]
        await life.job.prepare()
        kind = life.kind
        data = [b"%d:%d" % (number, index) for index in range(kind.parts)]
        if kind.uploads:
            life.contents = [("", content) for content in data]
            return
        life.parts = life.job.stage(*data, directories=kind.directories)
        if life.job.layout.file_name is not None:
            life.contents = [("", b"".join(data))]
        else:
            life.contents = [
                (part.directory, content) for part, content in zip(life.parts, data, strict=True)
            ]
        if life.job.layout.direct:
            life.seen = {data for _, data in life.contents}
            life.visible = len(self.server.log)

    async def _play(self, number: int) -> None:
        ACTOR.set(number)
        life = self.lives[number]
        try:
            try:
                if not self.overlap.together:
                    await self._prepare(number)
                if life.kind.uploads:
                    await self._upload(life)
                life.begun = len(self.server.log)
                await life.job.commit(life.parts)
                life.outcome = "succeeded"
            except SFTPAsyncError as error:
                life.outcome = f"failed: {error}"
                await life.job.abort()
        except SFTPAsyncError as error:
            life.outcome += f", its abort failed: {error}"
        except Crash:
            life.outcome = "killed"
        life.ended = len(self.server.log)
        self._stop()

    async def _upload(self, life: Life) -> None:
        """Write the parts under their final names, as tasks do, which look for their job then."""
        layout, connection = life.job.layout, self.server.connect()
        for index, (_, data) in enumerate(life.contents):
            staged, final = layout.part_names(index, 0, f"{index:032x}")
            await connection.write_file(layout.paths.staged(staged), data, new=True)
            try:
                await connection.stat(layout.staging)
            except RemoteNotFoundError:
                await connection.remove(layout.paths.staged(staged))
                raise
            life.parts.append(PartFile(staged, final, 1, len(data), sha256(data).hexdigest()))

    async def _recover(self) -> None:
        # A server that cannot rename refuses every other job before it recovers anything.
        mode = "rename" if self.server.rename else "direct"
        last = MemoryJob(self.server, "/out", commit_mode=mode)
        try:
            await last.prepare()
            await last.abort()
        except SFTPAsyncError as error:
            self.broken.append(f"the next job cannot be done: {error}")

    def _watch(self) -> None:
        operation = self.server.log[-1]
        if operation.name not in MOVES:
            return
        node = self.server.nodes.get(operation.target or operation.path)
        if node is None or node.is_dir:
            return
        path = operation.target or operation.path
        if path.endswith(".intent.json"):
            try:
                life = self._ids.get(json.loads(bytes(node.data))["paths"]["job_id"])
            except ValueError:
                return
            if life is not None and operation.name != "remove":
                life.published = len(self.server.log)
        elif not path.startswith("/out/_"):
            data = bytes(node.data)
            for life in self.lives:
                wanted = {data for _, data in life.contents}
                if data in wanted and data not in life.seen:
                    life.seen.add(data)
                    if life.seen == wanted:
                        life.visible = len(self.server.log)

    def _files(self) -> dict[str, bytes]:
        tree = self.server.tree("/out")
        return {n: d for n, d in tree.items() if d is not None and is_data(name_of(n))}

    def _covers(self, one: Life, other: Life) -> set[bytes]:
        """What an overwrite replaces of another job."""
        if not one.kind.overwrite or one is other:
            return set()
        mine, theirs = one.job.layout, other.job.layout
        if mine.file_name is not None or theirs.file_name is not None:
            return {d for _, d in other.contents} if mine.file_name == theirs.file_name else set()
        if one.kind.options.get("overwrite_scope") == "directory":
            return {data for _, data in other.contents}
        if theirs.names is not None and (
            mine.names is None or mine.names.template != theirs.names.template
        ):
            return set()
        if one.kind.options.get("partition_overwrite_mode") == "dynamic":
            return {d for where, d in other.contents if where in one.kind.directories}
        return {data for _, data in other.contents}

    def _judge(self) -> None:
        files = self._files()
        there = set(files.values())
        for number, life in enumerate(self.lives):
            wanted = {data for _, data in life.contents}
            found = wanted & there
            later = [
                self._covers(other, life)
                for other in self.lives
                if life.visible >= 0 and other.published > life.visible
            ]
            sets = chain.from_iterable(combinations(later, n) for n in range(len(later) + 1))
            allowed = [wanted - set().union(*covered) for covered in sets]
            if life.outcome != "succeeded":
                allowed.append(set())
            if found not in allowed:
                self.broken.append(
                    f"job {number} {life.outcome}, and {len(found)} of {len(wanted)} parts "
                    "are there"
                )
            for other in self.lives:
                if other.outcome == "succeeded" and 0 <= life.ended <= other.begun:
                    stays = self._covers(other, life) & there
                    if stays:
                        self.broken.append(f"job {number} had ended, and {sorted(stays)} stay")
            if self.overlap.all_succeed and life.outcome != "succeeded":
                self.broken.append(f"job {number} {life.outcome}")
        self._judge_old(files)
        if "_manifest.json" in self.server.names("/out"):
            self._judge_manifest(files)
        self._judge_checksums(files)
        staging = {
            name
            for name in self.server.names("/out/_temporary")
            # Where attempts share an intent, an empty one is left to be swept: it may be replaced.
            if not self._is_overtaken_key(name)
        }
        if staging and not self.killed:
            self.broken.append(f"{sorted(staging)} is left in staging")

    def _is_overtaken_key(self, name: str) -> bool:
        node = self.server.nodes[f"/out/_temporary/{name}"]
        keys = {life.job.layout.paths.document_id for life in self.lives if life.job.layout.once}
        document = document_of(name)
        return document is not None and document[0] in keys and not node.data

    def _judge_old(self, files: dict[str, bytes]) -> None:
        for name, data in self.overlap.old.items():
            if not is_data(name):
                continue
            gone_by = [
                life
                for life in self.lives
                if life.kind.overwrite and life.published >= 0 and self._replaces(life, name)
            ]
            stays = files.get(name) == data
            if not gone_by and not stays:
                self.broken.append(f"{name} was there before, and is gone")
            if stays and any(life.outcome == "succeeded" for life in gone_by):
                self.broken.append(f"{name} was replaced, and is there")

    def _replaces(self, life: Life, name: str) -> bool:
        layout = life.job.layout
        if layout.file_name is not None:
            return layout.file_name == name
        directory, base = posixpath.split(name)
        if life.kind.options.get("partition_overwrite_mode") == "dynamic":
            return directory in life.kind.directories
        return is_part(base) or (layout.names is not None and layout.names.matches(base, directory))

    def _judge_manifest(self, files: dict[str, bytes]) -> None:
        for listed in json.loads(self.server.read("/out/_manifest.json"))["files"]:
            name = listed["name"]
            if name not in files:
                self.broken.append(f"the manifest lists {name}, which is not there")
            elif sha256(files[name]).hexdigest() != listed["sha256"]:
                self.broken.append(f"the manifest lists another {name} than is there")

    def _judge_checksums(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            of, ending = posixpath.splitext(name)
            if ending == ".sha256" and (
                of not in files or sha256(files[of]).hexdigest() != data.decode().split()[0]
            ):
                self.broken.append(f"{name} is not that of the file that is there")


def _against_time(name: str) -> tuple[int, str]:
    """Order names so that a listing misses what is renamed meanwhile: later states come first.

    Between an intent's first state and the others are the staging directories.
    """
    document = document_of(name)
    return (2 * STATES.index(document[1]) if document else 2 * len(STATES) - 3), name
