"""Checks the target: free space, writing, reading, renaming, replacing, removing, and throughput.

Every probe file is hidden and has a unique name. It is recorded in `CheckContext.probes` before it
is created, and removed at the end in any case.
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
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.target import clean, split_target
from sftp_async.remote.filesystem import FULL_DISK
from sftp_async.tools.doctor.context import Finding
from sftp_async.write.commit.remote_steps import remove_tree
from sftp_async.write.commit.rights import Right, examine, needed, refusal

if TYPE_CHECKING:
    from sftp_async.tools.doctor.context import CheckContext

_PROBE: Final = b"sftp_async wrote this file to check its permissions. The file can be removed.\n"
#: Limits of the throughput estimate: bytes of the first write, bytes and seconds of all writes.
FIRST_WRITE: Final = 128 * 1024
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_SECONDS: Final = 3.0


async def find_target(context: CheckContext) -> Finding:
    """Find the directory that a job writes to, or the parent that it creates the directory in."""
    options = context.options.model_copy(update={"path": context.path})
    wanted, name = split_target(options)
    directory, missing = wanted, False
    while (found := await _is_directory(context, directory)) is None:
        missing = True
        parent = posixpath.dirname(directory) or "."
        if parent == directory:
            break
        directory = parent
    if not found:
        raise TransferError(
            f"{directory} is a file, not a directory",
            hint="Choose another path"
            if directory == wanted
            else f"{wanted} cannot be created in it",
        )
    if name and not missing and await _is_directory(context, context.path):
        raise TransferError(
            f"{context.path} is a directory, but an exact file is to be written there",
            hint="Choose another name, or set single_file=false to write part files into it",
        )
    context.directory = directory
    for_file = f", for the file {name}" if name else ""
    if not missing:
        return Finding.ok(f"the directory {wanted} exists{for_file}")
    if options.create_dirs:
        return Finding.warning(
            f"the directory {wanted} is missing{for_file}",
            f"A job creates it (create_dirs=true). The following checks use {directory}",
        )
    raise RemoteNotFoundError(
        f"The directory {wanted} is missing",
        hint="Create it, check the path for a typing error, or set create_dirs=true",
    )


async def _is_directory(context: CheckContext, path: str) -> bool | None:
    """Whether a path is a directory; None if it does not exist."""
    try:
        return (await context.connection.stat(path)).is_dir
    except RemoteNotFoundError:
        if await context.connection.is_link(path):
            raise TransferError(
                "A symbolic link with a missing target is in the place of the directory",
                path=path,
                hint="Remove the link, or create its target",
            ) from None
        return None


async def check_free_space(context: CheckContext) -> Finding:
    """Ask for the free space on the remote disk."""
    free = context.free_bytes = await context.connection.free_bytes(context.directory)
    if free is None:
        return Finding.ok("the server does not report it (no statvfs)")
    if free < FULL_DISK:
        raise RemoteSpaceError(
            f"The remote disk or quota is full: {free:,} bytes are free",
            path=context.directory,
            hint="Free some space on the server",
        )
    return Finding.ok(f"{free / 1e9:,.1f} GB" if free >= 1e9 else f"{free / 1e6:,.1f} MB")


async def write_file(context: CheckContext) -> Finding:
    """Write a small file, and compare its size."""
    path = context.probe_path()
    await _write_probe(context, path)
    size = (await context.connection.stat(path)).size
    if size != len(_PROBE):
        raise TransferError(
            f"A file of {len(_PROBE)} bytes has {size} bytes on the server",
            path=path,
            hint="The server changes or loses data: do not write to it before its operator "
            "explains this",
        )
    return Finding.ok(f"files can be written in {context.directory}")


async def read_file(context: CheckContext) -> Finding:
    """Read the file that was written, and compare it."""
    path = context.probe_path()
    data = await context.connection.read_file(path, len(_PROBE))
    if data != _PROBE:
        raise TransferError(
            "The server sends other data than was written",
            path=path,
            hint="Do not write to it before its operator explains this",
        )
    return Finding.ok("what is written can be read")


async def rename_file(context: CheckContext) -> Finding:
    """Rename the file, as a commit does."""
    old, new = context.probe_path(), context.probe_path("renamed")
    context.probes.add(new)
    try:
        await context.connection.rename(old, new)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        context.probes.discard(new)
        if context.options.commit_mode == "direct":
            return Finding.ok(f"{error.message}; not needed with commit_mode=direct")
        return Finding.failed(
            TransferError(
                error.message,
                hint="Set commit_mode=direct: files then have their final names from the start, "
                "and readers may see incomplete files",
            )
        )
    if not await context.connection.exists(new):
        raise TransferError(
            "The server reported a successful rename, but there is no file with the new name",
            path=new,
            hint="Do not write to it before its operator explains this",
        )
    context.probes.discard(old)
    return Finding.ok("files can be renamed")


async def replace_file(context: CheckContext) -> Finding:
    """Rename a file to an existing name, as an overwrite of an exact file does."""
    if context.probe_path("renamed") not in context.probes:
        return Finding.ok("not tried, since the server cannot rename files")
    old, taken = context.probe_path(), context.probe_path("renamed")
    await _write_probe(context, old)
    try:
        await context.connection.rename(old, taken)
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        plain = "refuses an existing name"
        if not isinstance(error, RemoteExistsError):
            plain = f"to an existing name fails ({error.message})"
    else:
        context.probes.discard(old)
        plain = "replaces an existing file"
        await _write_probe(context, old)
    try:
        await context.connection.replace(old, taken)
    except UNKNOWN_OUTCOME:
        raise
    except RemoteUnsupportedError:
        return Finding.warning(
            f"A plain rename {plain}, and the server does not support posix-rename",
            "You need not change any option. While an exact file is replaced, there is no file of "
            "that name for a moment",
        )
    except TransferError as error:
        return Finding.warning(
            f"A plain rename {plain}, and posix-rename, which the server advertises, fails: "
            f"{error.message}",
            "Only jobs that replace an existing file fail: ask the server's operator, or write "
            "under new names",
        )
    context.probes.discard(old)
    return Finding.ok(f"atomic (posix-rename); a plain rename {plain}")


async def remove_files(context: CheckContext) -> Finding:
    """Remove the probe files."""
    for path in sorted(context.probes):
        try:
            await context.connection.remove(path)
            if await context.connection.exists(path):
                raise TransferError(
                    "The server reported a successful removal, but the file is still there",
                    path=path,
                    hint="Remove it, and ask the server's operator",
                )
        except RemoteNotFoundError:
            pass
        except UNKNOWN_OUTCOME:
            raise
        except TransferError as error:
            left = ", ".join(sorted(context.probes))
            context.probes.clear()  # another attempt would fail, too
            context.removes = False
            return Finding.warning(
                f"{error.message} ({path})",
                f"Remove {left}. A job leaves its staging files, and cannot remove what it "
                "replaces: ask the server's operator for permission to remove files",
            )
        context.probes.discard(path)
    return Finding.ok("files can be removed")


async def check_rights(context: CheckContext) -> Finding:
    """Try in a staging directory what the preparation of a job tries, by the same code."""
    options = context.options.model_copy(update={"path": context.path})
    appends = needed(Layout.new(options, "csv"), options, context.connection)
    overwrites = needed(Layout.new(options, "csv", overwrite=True), options, context.connection)
    staging_dir = clean(options.staging_dir) if options.staging_dir else None
    base = context.directory
    if staging_dir is not None and await _is_directory(context, staging_dir):
        base = staging_dir
    staging = posixpath.join(base, context.hidden("rights"))
    direct = options.commit_mode == "direct"
    try:
        probe = await examine(
            context.connection,
            staging,
            {Right.LIST: "list", **overwrites, **appends},
            file_will_do=direct and base == staging_dir,
        )
    finally:
        await remove_tree(context.connection, staging)
    for rights in (appends, overwrites):
        for right in rights:
            if (error := probe.refused.get(right)) is None:
                continue
            refused = refusal(context.connection, right, error, rights[right], base)
            left = f". Remove {probe.left}" if probe.left is not None else ""
            advice = f"{refused.hint}{left}"
            if rights is appends:
                return Finding("failed", f"{refused.message} ({refused.path})", advice)
            return Finding.warning(f"mode overwrite: {refused.message}", advice)
    if probe.left is not None:
        return Finding.warning(
            f"files cannot be removed: {probe.left} is left",
            "An append works, and leaves its staging files",
        )
    return Finding.ok("a job has all the rights it needs")


async def estimate_throughput(context: CheckContext) -> Finding:
    """Write pieces of growing size for a few seconds, over one channel of one connection."""
    if not context.removes:
        return Finding.ok("not tried, since the server removes no files")
    path = context.probe_path("speed")
    most = MOST_BYTES if context.free_bytes is None else min(MOST_BYTES, context.free_bytes // 2)
    data = memoryview(bytes(most))
    context.probes.add(path)
    file = await context.connection.open_new(path)
    size, written, left = min(FIRST_WRITE, most), 0, MOST_SECONDS
    while written < most:
        start = time.perf_counter()
        await file.write(data[written : written + size], written)
        seconds = max(time.perf_counter() - start, 1e-6)
        written, left = written + size, left - seconds
        # The last and largest write counts: the others were too short to use the full bandwidth.
        context.megabytes_per_second = size / seconds / 1e6
        size = min(2 * size, most - written)
        if left < size / (context.megabytes_per_second * 1e6):
            break
    await file.close()
    await context.connection.remove(path)
    context.probes.discard(path)
    return Finding.ok(
        f"about {context.megabytes_per_second:,.1f} MB/s over one connection "
        f"({written / 1e6:,.1f} MB written)"
    )


async def _write_probe(context: CheckContext, path: str) -> None:
    context.probes.add(path)
    file = await context.connection.open_new(path)
    await file.write(_PROBE, 0)
    await file.close()
