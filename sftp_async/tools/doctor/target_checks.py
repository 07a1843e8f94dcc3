"""The checks that touch the target: space, write, rename, replace, remove, and how fast it is.

Every file they make is hidden, of a unique name, noted in `CheckContext.probes` before it exists,
and removed at the end whatever happens.
"""

from __future__ import annotations

import posixpath
import time
from typing import TYPE_CHECKING, Final

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteSpaceError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.layout.target import split_target
from sftp_async.tools.doctor.context import Finding

if TYPE_CHECKING:
    from sftp_async.tools.doctor.context import CheckContext

_PROBE: Final = b"sftp_async was here to see whether it may write; this file can be removed.\n"
#: Less than this left, in bytes, and the disk counts as full: as the transport has it.
FULL_DISK: Final = 1024 * 1024
#: What the throughput is estimated with: bytes of the first and of all writes, seconds at most.
FIRST_WRITE: Final = 128 * 1024
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_SECONDS: Final = 3.0


async def find_target(subject: CheckContext) -> Finding:
    """Find the directory that a job would write to, or the one that it would make it in."""
    options = subject.options.model_copy(update={"path": subject.path})
    wanted, name = split_target(options)
    directory, missing = wanted, False
    while (found := await _directory_there(subject, directory)) is None:
        missing = True
        parent = posixpath.dirname(directory) or "."
        if parent == directory:
            break
        directory = parent
    if not found:
        raise TransferError(
            f"{directory} is a file, not a directory",
            hint="Choose another path" if directory == wanted else f"{wanted} cannot be made in it",
        )
    if name and not missing and await _directory_there(subject, subject.path):
        raise TransferError(
            f"{subject.path} is a directory, and is to be an exact file",
            hint="Choose another name, or set single_file=false to write part files into it",
        )
    subject.directory = directory
    for_file = f", for the file {name}" if name else ""
    if not missing:
        return Finding.ok(f"the directory {wanted} is there{for_file}")
    if options.create_dirs:
        return Finding.warning(
            f"the directory {wanted} is missing{for_file}",
            f"A job makes it (create_dirs=true). What follows is tried in {directory}",
        )
    raise RemoteNotFoundError(
        f"The directory {wanted} is missing",
        hint="Create it, check the path for a typing error, or set create_dirs=true",
    )


async def _directory_there(subject: CheckContext, path: str) -> bool | None:
    """Whether a directory is there; None: nothing is."""
    try:
        return (await subject.connection.stat(path)).is_dir
    except RemoteNotFoundError:
        if await subject.connection.is_link(path):
            raise TransferError(
                "A link is there that leads nowhere, so no directory can be made",
                path=path,
                hint="Remove the link, or make what it leads to",
            ) from None
        return None


async def ask_free_space(subject: CheckContext) -> Finding:
    """Ask how much may still be written."""
    free = subject.free_bytes = await subject.connection.free_bytes(subject.directory)
    if free is None:
        return Finding.ok("the server does not tell (no statvfs)")
    if free < FULL_DISK:
        raise RemoteSpaceError(
            f"The remote disk or quota is full: {free:,} bytes are free",
            path=subject.directory,
            hint="Free some space on the server",
        )
    return Finding.ok(f"{free / 1e9:,.1f} GB" if free >= 1e9 else f"{free / 1e6:,.1f} MB")


async def write(subject: CheckContext) -> Finding:
    """Write a small file, and compare its size."""
    path = subject.probe()
    await _write_probe(subject, path)
    size = (await subject.connection.stat(path)).size
    if size != len(_PROBE):
        raise TransferError(
            f"A file of {len(_PROBE)} bytes arrived with {size} bytes",
            path=path,
            hint="The server alters or loses data: do not write to it before that is explained",
        )
    return Finding.ok(f"files can be written in {subject.directory}")


async def rename(subject: CheckContext) -> Finding:
    """Give the file another name, as a commit does."""
    old, new = subject.probe(), subject.probe("-renamed")
    subject.probes.add(new)
    try:
        await subject.connection.rename(old, new)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        subject.probes.discard(new)
        if subject.options.commit_mode == "direct":
            return Finding.ok(f"{error.message}; not needed with commit_mode=direct")
        return Finding.failed(
            TransferError(
                error.message,
                hint="Set commit_mode=direct: files then have their names from the start, and "
                "readers can see them grow",
            )
        )
    if not await subject.connection.exists(new):
        raise TransferError(
            "The server says that it renamed a file, which is not there by its new name",
            path=new,
            hint="Do not write to it before its operator has explained that",
        )
    subject.probes.discard(old)
    return Finding.ok("files can be renamed")


async def replace(subject: CheckContext) -> Finding:
    """Rename a file to a name that is taken, as an overwrite of an exact file does."""
    if subject.probe("-renamed") not in subject.probes:
        return Finding.ok("not tried: there is no rename")
    old, taken = subject.probe(), subject.probe("-renamed")
    await _write_probe(subject, old)
    try:
        await subject.connection.rename(old, taken)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        plain = "refuses a name that is taken"
        if not isinstance(error, RemoteExistsError):
            plain = f"to a name that is taken fails ({error.message})"
    else:
        subject.probes.discard(old)
        plain = "replaces what is there"
        await _write_probe(subject, old)
    try:
        await subject.connection.replace(old, taken)
    except UNKNOWN_OUTCOME:
        raise
    except RemoteUnsupportedError:
        return Finding.warning(
            f"A plain rename {plain}, and there is no posix-rename",
            "Nothing needs to be set. While an exact file is replaced, its name is free for a "
            "moment",
        )
    except TransferError as error:
        return Finding.warning(
            f"A plain rename {plain}, and posix-rename, which is offered, fails: {error.message}",
            "Only jobs that replace a file of the same name would fail: ask the server's operator, "
            "or write under new names",
        )
    subject.probes.discard(old)
    return Finding.ok(f"in one step (posix-rename); a plain rename {plain}")


async def remove(subject: CheckContext) -> Finding:
    """Remove what the checks have made."""
    for path in sorted(subject.probes):
        try:
            await subject.connection.remove(path)
            if await subject.connection.exists(path):
                raise TransferError(
                    "The server says that it removed a file, which is still there",
                    path=path,
                    hint="Remove it, and ask the server's operator",
                )
        except RemoteNotFoundError:
            pass
        except UNKNOWN_OUTCOME:
            raise
        except TransferError as error:
            left = ", ".join(sorted(subject.probes))
            subject.probes.clear()  # a second try would be no better
            return Finding.failed(
                error,
                f"A job could not clear up after itself. Remove {left}. Ask the server's operator "
                "for permission to remove files, or choose another path",
            )
        subject.probes.discard(path)
    return Finding.ok("files can be removed")


async def estimate_speed(subject: CheckContext) -> Finding:
    """Write more and more for a few seconds, over one channel of one connection."""
    path = subject.probe("-speed")
    most = MOST_BYTES if subject.free_bytes is None else min(MOST_BYTES, subject.free_bytes // 2)
    data = memoryview(bytes(most))
    subject.probes.add(path)
    file = await subject.connection.open_new(path)
    size, written, left = min(FIRST_WRITE, most), 0, MOST_SECONDS
    while written < most:
        start = time.perf_counter()
        await file.write(data[written : written + size], written)
        seconds = max(time.perf_counter() - start, 1e-6)
        written, left = written + size, left - seconds
        # The last and largest write counts: the others were too short to fill the line.
        subject.megabytes_per_second = size / seconds / 1e6
        size = min(2 * size, most - written)
        if left < size / (subject.megabytes_per_second * 1e6):
            break
    await file.close()
    await subject.connection.remove(path)
    subject.probes.discard(path)
    return Finding.ok(
        f"about {subject.megabytes_per_second:,.1f} MB/s over one connection "
        f"({written / 1e6:,.1f} MB written)"
    )


async def _write_probe(subject: CheckContext, path: str) -> None:
    subject.probes.add(path)
    file = await subject.connection.open_new(path)
    await file.write(_PROBE, 0)
    await file.close()
