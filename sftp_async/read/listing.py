"""Finds the files of a read: directories, globs, filters, and why a file is left out."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError, SFTPAsyncError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteFileSystem


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that is to be read.

    Attributes:
        path: on the server.
        size: bytes.
        mtime: time of last change, in seconds since 1970; 0 if the server sends none.
        partition: the texts of its partition columns, None for null; see `Listing.partition_by`.

    """

    path: str
    size: int
    mtime: float
    partition: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a read takes.

    Attributes:
        files: in the order of their paths.
        partition_by: names of the partition columns, in the order of the directories.
        left_out: the files that are not read; of many, the first ones.
        left_out_count: how many these are in all.

    """

    files: Sequence[FoundFile]
    partition_by: tuple[str, ...] = ()
    left_out: Sequence[LeftOut] = field(default=())
    left_out_count: int = 0


async def list_files(
    filesystem: RemoteFileSystem, paths: Sequence[str], options: SFTPOptions
) -> Listing:
    """List the files of a read.

    Args:
        filesystem: where they are.
        paths: files, directories and globs.
        options: of the read.

    Raises:
        SFTPAsyncError: no file matches; says what was looked for and what was there.
        TransferError: a directory cannot be listed.

    """
    files: list[FoundFile] = []
    left_out: list[LeftOut] = []
    for path in paths:
        try:
            found = await filesystem.stat(path)
        except RemoteNotFoundError as error:
            raise SFTPAsyncError(
                "There is no such file or directory", host=filesystem.address, path=path
            ) from error
        if not found.is_dir:
            files.append(FoundFile(path, found.size, found.mtime))
            continue
        for entry in await filesystem.listdir(path):
            name = posixpath.join(path, entry.name)
            if entry.is_dir:
                continue
            if entry.name.startswith(("_", ".")):
                left_out.append(LeftOut(name, "hidden: the name begins with _ or ."))
                continue
            files.append(FoundFile(name, entry.size, entry.mtime))
    files.sort(key=lambda file: file.path)
    return Listing(files, (), left_out, len(left_out))
