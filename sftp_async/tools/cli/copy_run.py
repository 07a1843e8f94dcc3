"""Carries out what `get`, `put` and `cat` copy: several files at once, over the pool."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.remote.concurrency import each
from sftp_async.tools.cli import copy_plan
from sftp_async.tools.cli.copy_plan import Copy, LocalTree, Plan
from sftp_async.tools.cli.local_files import on_thread
from sftp_async.tools.cli.output import writing_out
from sftp_async.tools.cli.remote_names import make_directories
from sftp_async.tools.cli.run import pool_of
from sftp_async.tools.cli.transfer import Source, TransferProgress, copy_out, download, upload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sftp_async.options import SFTPOptions

#: Files in flight for each connection: small files take more round trips than bandwidth.
FILES_PER_CONNECTION = 4


@dataclass
class Copied:
    """What was copied so far: the files with their sizes, and what was left out."""

    total: int = 0
    files: list[tuple[Copy, int]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, plan: Plan) -> None:
        """Note what there is to do."""
        self.total, self.left_out = len(plan.files), plan.left_out


async def get(
    options: SFTPOptions,
    paths: Sequence[str],
    local: Path,
    progress: TransferProgress,
    copied: Copied,
    *,
    recursive: bool,
    force: bool,
    create_dirs: bool,
) -> None:
    """Download files, each atomically; `copied` gets what is complete.

    Raises:
        SFTPAsyncError, OSError: a download failed; those in flight have ended, and no unfinished
            file is left.

    """
    async with pool_of(options) as pool:
        async with pool.lease() as connection:
            plan = await copy_plan.plan_get(
                connection,
                paths,
                local,
                recursive=recursive,
                force=force,
                create_dirs=create_dirs,
            )
        copied.begin(plan)
        copy_plan.make_local(plan)
        progress.start(plan.size)

        async def copy(item: Copy) -> None:
            assert item.local is not None
            size = await download(pool, item.remote, item.local, progress.add, replace=force)
            copied.files.append((item, size))

        await each(plan.files, copy, at_once=FILES_PER_CONNECTION * options.max_connections)


async def write_out(
    options: SFTPOptions, paths: Sequence[str], progress: TransferProgress
) -> list[tuple[str, int]]:
    """Write the content of files to standard output, in order; return their paths and sizes.

    Raises:
        SFTPAsyncError: a file cannot be read, or changed meanwhile; or standard output cannot be
            written.
        BrokenPipeError: the reader of standard output has ended.

    """
    loop = asyncio.get_running_loop()
    with writing_out():
        sink = sys.stdout.buffer

    async def write(piece: bytes) -> None:
        # On another thread: a reader that is slow must not stop the event loop.
        with writing_out():
            await loop.run_in_executor(None, sink.write, piece)

    async with pool_of(options) as pool, pool.lease() as connection:
        nodes = await copy_plan.remote_sources(connection, paths, recursive=False)
        progress.start(sum(node.entry.size for node in nodes))
        sizes = []
        for node in nodes:
            await copy_out(connection, node.path, write, progress.add)
            sizes.append((node.path, node.entry.size))
        with writing_out():
            await loop.run_in_executor(None, sink.flush)
    return sizes


async def put(
    options: SFTPOptions,
    sources: Sequence[LocalTree],
    path: str,
    progress: TransferProgress,
    copied: Copied,
    *,
    force: bool,
    create_dirs: bool,
) -> None:
    """Upload files, each atomically; `copied` gets what is complete.

    Raises:
        SFTPAsyncError, OSError: an upload failed; those in flight have ended, and no hidden file
            is left, if the server can be reached.

    """
    at_once = FILES_PER_CONNECTION * options.max_connections
    async with pool_of(options) as pool:
        async with pool.lease() as connection:
            plan = await copy_plan.plan_put(
                connection, sources, path, force=force, create_dirs=create_dirs
            )
            copied.begin(plan)
            for directory in plan.directories:
                await make_directories(connection, directory, parents=True)
        progress.start(plan.size)
        shares = min(at_once, len(plan.files))

        async def copy(item: Copy) -> None:
            # Opening a pipe waits for the program that writes to it.
            waits = item.local is not None and item.size is None
            source = await on_thread(lambda: Source(item.local)) if waits else Source(item.local)
            try:
                size = await upload(
                    pool,
                    options,
                    source,
                    item.remote,
                    progress.add,
                    replace=force,
                    budget_bytes=max(options.chunk_size, options.max_buffer_bytes // shares),
                )
            finally:
                source.close()
            copied.files.append((item, size))

        await each(plan.files, copy, at_once=at_once)
