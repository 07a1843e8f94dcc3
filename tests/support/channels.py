"""Uploads over several channels: a server that counts the writes of each, files fed in blocks."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from sftp_async import SFTPOptions
from sftp_async.remote.pool import ConnectionPool
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.ssh import connect
from sftp_async.remote.upload import FileUpload
from sftp_async.tools.testing.embedded_server import FolderServer

MIB = 1024 * 1024
BLOCK = os.urandom(MIB)


class CountingServer(FolderServer):
    """One instance a channel: counts the writes of each."""

    all: ClassVar[list[CountingServer]] = []

    def __init__(self, chan: Any, root: bytes) -> None:
        super().__init__(chan, root)
        self.writes = 0
        self.number = len(CountingServer.all)
        CountingServer.all.append(self)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self.writes += 1
        return super().write(file_obj, offset, data)


def carried() -> int:
    """How many channels carried writes."""
    return sum(server.writes > 0 for server in CountingServer.all)


@asynccontextmanager
async def pool_to(
    options: dict[str, str], way: Any = None, **more: object
) -> AsyncIterator[ConnectionPool]:
    if way is not None:
        more |= {"host": way.host, "port": way.port}
    given = SFTPOptions(**{**options, **more})
    retry = RetryPolicy(4, 0.01)
    pool = ConnectionPool(
        lambda: connect(given),
        address=given.address,
        max_size=1,
        max_idle=60,
        timeout=60,
        retry=retry,
    )
    try:
        yield pool
    finally:
        await pool.close()


class Upload:
    """A file of as many blocks as are fed, a bounded number of them in memory."""

    def __init__(self, pool: ConnectionPool, path: str, channels: int | None) -> None:
        self._blocks = asyncio.Semaphore(32)
        self._acknowledged = 0
        self._digest = hashlib.sha256()
        self.transfer = FileUpload(path, pool, RetryPolicy(4, 0.01), self._acknowledge, channels)
        self.done = asyncio.create_task(self.transfer.run())

    async def feed(self, blocks: int) -> None:
        """Give it blocks, at once while memory is free: what is queued keeps every channel busy."""
        for _ in range(blocks):
            if not self._blocks.locked():
                await self._blocks.acquire()  # returns without a turn of the loop
                self._give()
                continue
            waiting = asyncio.create_task(self._blocks.acquire())
            await asyncio.wait([waiting, self.done], return_when=asyncio.FIRST_COMPLETED)
            if self.done.done():
                waiting.cancel()
                return
            self._give()

    def _acknowledge(self, size: int) -> None:
        before = self._acknowledged
        self._acknowledged += size  # pieces are smaller than a block
        for _ in range(self._acknowledged // MIB - before // MIB):
            self._blocks.release()

    def _give(self) -> None:
        self._digest.update(BLOCK)
        self.transfer.feed(memoryview(BLOCK))

    async def end(self) -> str:
        self.transfer.end()
        await self.done
        return self._digest.hexdigest()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def upload(pool: ConnectionPool, path: str, channels: int | None, blocks: int) -> str:
    one = Upload(pool, path, channels)
    await one.feed(blocks)
    return await one.end()
