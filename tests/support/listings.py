"""Lists a server in memory, and shows what was found and what was left out."""

from __future__ import annotations

from typing import Any

from sftp_async.read.listing import Listing, list_files
from sftp_async.read.root_paths import asked_paths
from tests.support.memory_server import (
    MemoryServer,
)
from tests.support.readable import read_options

NOW = 1_764_000_000.0


async def listed(server: MemoryServer, *paths: str, **options: Any) -> Listing:
    given = read_options(**options)
    return await list_files(server.connect(), asked_paths(given, paths), given)


def names(listing: Listing) -> list[str]:
    return [file.path for file in listing.files]


def reasons(listing: Listing) -> dict[str, str]:
    return {left.path: left.reason for left in listing.left_out}
