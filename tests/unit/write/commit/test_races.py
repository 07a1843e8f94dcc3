"""Two writers on one job: its own driver, and the next job's recovery, begun at every point."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sftp_async.errors import CommitError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation, denied

OLD = {"part-00000-0dd0dd000dd0dd00-c000.csv": b"old"}


async def begin_after(
    server: MemoryServer, requests: int, first: Awaitable[object], second: Awaitable[object]
) -> None:
    """Run both; the second begins when the first has made so many requests."""
    begin = asyncio.Event()
    start = len(server.log)

    def count(operation: Operation) -> None:
        if len(server.log) - start >= requests:
            begin.set()

    async def later() -> None:
        await begin.wait()
        await second

    async def now() -> None:
        try:
            await first
        finally:
            begin.set()

    server.meanwhile = count
    if not requests:
        begin.set()
    await asyncio.gather(now(), later())
    server.meanwhile = lambda operation: None


async def every_start(play: Callable[[int], Awaitable[int]]) -> int:
    """Play with the second writer beginning ever later, until the first was through; how often."""
    begins = 0
    while begins <= await play(begins):
        begins += 1
    return begins


@pytest.mark.asyncio
@pytest.mark.parametrize("posix_rename", [True, False])
@pytest.mark.parametrize(
    ("path", "overwrite"), [("/out", False), ("/out", True), ("/out/all.csv", True)]
)
async def test_a_commit_that_a_recovery_joins_is_complete(
    path: str, overwrite: bool, posix_rename: bool
) -> None:
    async def play(begin: int) -> int:
        server = MemoryServer(posix_rename=posix_rename)
        old = {"all.csv": b"old"} if path.endswith("csv") else OLD
        for name, data in old.items():
            server.put(f"/out/{name}", data)
        job = MemoryJob(server, path, overwrite=overwrite)
        other = MemoryJob(server, path, overwrite=True)
        await job.prepare()
        parts = job.stage(b"new 0", b"new 1")
        start = len(server.log)
        await begin_after(server, begin, job.commit(parts), other.prepare())
        made = len(server.log) - start
        await other.abort()
        found = server.files("/out")
        if path.endswith("csv"):
            assert found == {"all.csv": b"new 0new 1"}
        else:
            new = {parts[0].final: b"new 0", parts[1].final: b"new 1"}
            assert found == (new if overwrite else old | new)
        assert "_temporary" not in server.names("/out")
        return made

    assert await every_start(play) > 15


@pytest.mark.asyncio
@pytest.mark.parametrize("overwrite", [False, True])
async def test_an_abort_that_a_recovery_joins_leaves_all_or_nothing(overwrite: bool) -> None:
    endings = set()

    async def play(begin: int) -> int:
        server = MemoryServer()
        for name, data in OLD.items():
            server.put(f"/out/{name}", data)
        job, other = MemoryJob(server, overwrite=overwrite), MemoryJob(server)
        await job.prepare()
        parts = job.stage(b"new 0", b"new 1", b"new 2")

        def refuse(operation: Operation) -> None:
            if operation.target.startswith("/out/part-00001"):
                raise denied(operation.target)

        server.refuse = refuse
        with pytest.raises(CommitError):
            await job.commit(parts)
        # The server is mended, so the recovery could complete what the abort rolls back.
        server.refuse = lambda operation: None
        start = len(server.log)
        await begin_after(server, begin, job.abort(), other.prepare())
        made = len(server.log) - start
        await other.abort()
        new = {
            part.final: data
            for part, data in zip(parts, (b"new 0", b"new 1", b"new 2"), strict=True)
        }
        found = server.files("/out")
        assert found in (OLD, new if overwrite else OLD | new)
        endings.add(found == OLD)
        return made

    assert await every_start(play) > 15
    assert True in endings
