"""Runs one measurement of `bench`: uploads files in parallel, and removes them."""

from __future__ import annotations

import asyncio
import os
import posixpath
import time
import uuid
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sftp_async.errors import RemoteNotFoundError, SFTPAsyncError
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.tools.cli.run import pool_of
from sftp_async.tools.cli.transfer import send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.pool import ConnectionPool

#: Bytes of random data, sent repeatedly: random, so that compression on the network has no effect.
BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Setting:
    """The settings of a measurement: connections, with one file each, and channels of each file."""

    connections: int
    channels_per_file: int | Literal["auto"]


@dataclass(frozen=True)
class Measurement:
    """The result of a measurement; MB are units of 1,000,000 bytes."""

    connections: int
    channels_per_file: int | Literal["auto"]
    bytes: int
    seconds: float
    megabytes_per_second: float


async def measure(
    options: SFTPOptions, directory: str, setting: Setting, total: int
) -> Measurement:
    """Upload `total` bytes in as many files as connections, from the first byte to confirmed sizes.

    Connections are opened before the time is taken.

    Raises:
        SFTPAsyncError: an upload failed; the files are removed.

    """
    options = options.model_copy(
        update={
            "max_connections": setting.connections,
            "channels_per_file": setting.channels_per_file,
        }
    )
    mark = uuid.uuid4().hex
    paths = [
        posixpath.join(directory, hidden_name("bench", mark, str(number)))
        for number in range(setting.connections)
    ]
    each = -(-total // setting.connections)
    async with pool_of(options) as pool:
        try:
            await _open_all(pool, setting.connections)
            started = time.perf_counter()
            sent = await _upload_all(pool, options, paths, each)
            seconds = time.perf_counter() - started
        finally:
            await _remove(pool, paths)
    return Measurement(
        setting.connections, setting.channels_per_file, sent, seconds, sent / seconds / 1_000_000
    )


async def _open_all(pool: ConnectionPool, count: int) -> None:
    async with AsyncExitStack() as leases:
        for _ in range(count):
            await leases.enter_async_context(pool.lease())


async def _upload_all(
    pool: ConnectionPool, options: SFTPOptions, paths: list[str], each: int
) -> int:
    block = os.urandom(BLOCK)
    tasks = [
        asyncio.create_task(send(pool, options, _blocks(block, each), path, lambda _: None))
        for path in paths
    ]
    try:
        return sum(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _blocks(block: bytes, size: int) -> Iterator[bytes]:
    while size > 0:
        yield block[:size]
        size -= len(block)


async def _remove(pool: ConnectionPool, paths: list[str]) -> None:
    with suppress(SFTPAsyncError):
        async with pool.lease() as connection:
            for path in paths:
                with suppress(RemoteNotFoundError):
                    await connection.remove(path)
