"""Finds and removes hidden files that killed processes left in a target directory."""

from __future__ import annotations

import posixpath
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError
from sftp_async.layout.hidden_names import is_hidden_name
from sftp_async.layout.target import split_target
from sftp_async.tools.cli.run import pool_of
from sftp_async.write.recovery import Sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions


async def find(options: SFTPOptions) -> list[Sweep]:
    """List those that were not written to for `staging_ttl` seconds."""
    directory, _ = split_target(options)
    now = time.time()
    async with pool_of(options) as pool, pool.lease() as connection:
        try:
            listing = await connection.listdir(directory)
        except RemoteNotFoundError:
            return []
    return [
        Sweep(posixpath.join(directory, entry.name), now - entry.mtime)
        for entry in sorted(listing, key=lambda entry: entry.name)
        if is_hidden_name(entry.name)
        and not entry.is_dir
        and entry.mtime
        and now - entry.mtime > options.staging_ttl
    ]


async def remove(options: SFTPOptions, found: Sequence[Sweep]) -> int:
    """Remove the files that are still there; return how many."""
    removed = 0
    async with pool_of(options) as pool, pool.lease() as connection:
        for each in found:
            with suppress(RemoteNotFoundError):
                await connection.remove(each.path)
                removed += 1
    return removed
