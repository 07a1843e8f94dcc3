"""Hidden files that `put`, `bench` and `doctor` leave where they are killed: found and removed."""

from __future__ import annotations

import posixpath
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError
from sftp_async.layout.target import split_target
from sftp_async.tools.cli.run import pool_of
from sftp_async.write.commit import Abandoned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions

_HIDDEN = re.compile(r"\.sftp_async-(?:check-|bench-)?[0-9a-f]{32}(?:-[a-z0-9]+)?")


async def find(options: SFTPOptions) -> list[Abandoned]:
    """List those in the target directory that nobody has written to for `staging_ttl` seconds."""
    directory, _ = split_target(options)
    now = time.time()
    async with pool_of(options) as pool, pool.lease() as connection:
        try:
            listing = await connection.listdir(directory)
        except RemoteNotFoundError:
            return []
    return [
        Abandoned(posixpath.join(directory, entry.name), now - entry.mtime)
        for entry in sorted(listing, key=lambda entry: entry.name)
        if _HIDDEN.fullmatch(entry.name)
        and not entry.is_dir
        and entry.mtime
        and now - entry.mtime > options.staging_ttl
    ]


async def remove(options: SFTPOptions, found: Sequence[Abandoned]) -> int:
    """Remove what was found and is there still; return how many."""
    removed = 0
    async with pool_of(options) as pool, pool.lease() as connection:
        for each in found:
            with suppress(RemoteNotFoundError):
                await connection.remove(each.path)
                removed += 1
    return removed
