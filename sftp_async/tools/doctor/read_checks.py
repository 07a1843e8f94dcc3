"""Checks what a read needs: listing, times, opening, reading from the middle, and the speed.

They send nothing but what a read sends, and so work for an account that may only read.
"""

from __future__ import annotations

import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.humanize import counted, in_units
from sftp_async.read.listing import list_files
from sftp_async.read.root_paths import asked_paths
from sftp_async.remote.download import read_ahead
from sftp_async.tools.doctor.context import Finding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sftp_async.read.listing import FoundFile
    from sftp_async.remote.filesystem import RemoteFile
    from sftp_async.tools.doctor.context import CheckContext

#: Bytes that are read from the start and from the middle of a file: what a first look at a CSV
#: header or a Parquet footer reads.
_SAMPLE: Final = 4096
#: Limits of the estimate of a download: bytes and seconds, as for an upload.
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_SECONDS: Final = 3.0
#: Bytes in flight while the speed is estimated, as in a task with half of the default of
#: `max_buffer_bytes`.
_IN_FLIGHT: Final = 16 * 1024 * 1024

_ONCE = "not tried with access=once, since the server may give a file away when it is opened"
_NO_FILE = "not tried, since there is no file to read"


async def list_target(context: CheckContext) -> Finding:
    """List what a read would take, by the same code."""
    options = context.options.model_copy(update={"path": context.path})
    listing = await list_files(context.connection, asked_paths(options, ()), options)
    context.listed = listing.files
    left_out = f"; {listing.left_out_summary}" if listing.left_out_count else ""
    if not listing.files:
        return Finding.warning(
            f"there is no file to read in {context.path}{left_out}",
            "A read has no rows. `sftp-async preview` shows why each file is left out; the "
            "following checks need a file",
        )
    size = sum(file.size for file in listing.files)
    return Finding.ok(f"{counted((len(listing.files), 'file'))}, {in_units(size)}{left_out}")


async def look_at_times(context: CheckContext) -> Finding:
    """Look whether the server sends the times of files."""
    if not context.listed:
        return Finding.ok(_NO_FILE)
    missing = sum(not file.mtime for file in context.listed)
    if not missing:
        return Finding.ok("the server sends the times of files")
    return Finding.warning(
        f"the server sends no time for {counted((missing, 'file'))}",
        "A read notices that a file has changed by its size alone, and modified_after, "
        "modified_before and min_age cannot be used",
    )


async def open_file(context: CheckContext) -> Finding:
    """Open the largest file, and compare its size with the listed one."""
    if (file := _largest(context)) is None:
        return Finding.ok(_untried(context))
    async with _opened(context, file) as opened:
        try:
            found = await opened.stat()
        except RemoteUnsupportedError:
            return Finding.warning(
                "files can be opened; the server sends no size of an open file",
                "A read notices only at the end of a file that the file became shorter",
            )
    if found.size != file.size:
        return Finding.warning(
            f"{file.path} had {file.size:,} bytes when it was listed, and now has {found.size:,}",
            "It is being written: a read of it fails. Set stable_for=5s or min_age to leave out "
            "such files",
        )
    return Finding.ok(f"files can be opened ({file.path})")


async def read_start(context: CheckContext) -> Finding:
    """Read the first bytes of a file."""
    if (file := _largest(context)) is None:
        return Finding.ok(_untried(context))
    async with _opened(context, file) as opened:
        data = await opened.read(min(_SAMPLE, file.size), 0)
    if not data and file.size:
        raise TransferError(
            f"A file of {file.size:,} bytes sends none",
            path=file.path,
            hint="Ask the server's operator to look into its log",
        )
    return Finding.ok(f"files can be read ({len(data):,} bytes)")


async def read_middle(context: CheckContext) -> Finding:
    """Read from the middle of a file, and compare with a read of the same bytes from the start."""
    if (file := _largest(context)) is None:
        return Finding.ok(_untried(context))
    if context.options.access == "sequential":
        return Finding.ok("not needed with access=sequential")
    middle = min(file.size // 2, _SAMPLE // 2)
    if not middle:
        return Finding.ok(f"not tried, since the largest file has {counted((file.size, 'byte'))}")
    try:
        async with _opened(context, file) as opened:
            data = await opened.read(middle, middle)
        async with _opened(context, file) as opened:
            whole = await opened.read(2 * middle, 0)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        return _no_ranges(context, f"the server refuses to read from the middle: {error.message}")
    if whole[middle : middle + len(data)] != data or not data:
        return _no_ranges(context, "the server sends other bytes from the middle than are there")
    return Finding.ok("the server reads from any place: tasks share large files")


async def estimate_download(context: CheckContext) -> Finding:
    """Read the largest file for a few seconds, over one connection."""
    if (file := _largest(context)) is None:
        return Finding.ok(_untried(context))
    block = context.connection.capabilities.max_read
    received, start = 0, time.perf_counter()
    async with (
        _opened(context, file) as opened,
        aclosing(
            read_ahead(
                opened,
                0,
                min(file.size, MOST_BYTES),
                block=block,
                in_flight=max(1, _IN_FLIGHT // block),
            )
        ) as pieces,
    ):
        async for piece in pieces:
            received += len(piece)
            if time.perf_counter() - start > MOST_SECONDS:
                break
    seconds = max(time.perf_counter() - start, 1e-6)
    read = f"{in_units(received)} read"
    if received < 1_000_000:  # less measures the round trip, not the network
        return Finding.ok(f"not estimated: the largest file is too small ({read})")
    context.megabytes_per_second = received / seconds / 1e6
    return Finding.ok(
        f"about {context.megabytes_per_second:,.1f} MB/s over one connection ({read})"
    )


def _largest(context: CheckContext) -> FoundFile | None:
    """Return the file that the checks read; None if there is none, or none may be opened."""
    if context.options.access == "once" or not context.listed:
        return None
    return max(context.listed, key=lambda file: file.size)


def _untried(context: CheckContext) -> str:
    return _ONCE if context.options.access == "once" else _NO_FILE


def _no_ranges(context: CheckContext, what: str) -> Finding:
    context.ranges = False
    return Finding.warning(
        what, "Set access=sequential: each file is then read by one task, from its start"
    )


@asynccontextmanager
async def _opened(context: CheckContext, file: FoundFile) -> AsyncIterator[RemoteFile]:
    opened = await context.connection.open_read(file.path)
    try:
        yield opened
    finally:
        if not context.lost:
            await opened.close()
