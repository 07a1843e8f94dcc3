"""The files below a directory of the server, without Spark: ours, and every tool one would take.

Each leaves what it has found at a local target, a name a line. Ours is the listing of a read: with
the size and time of each file, sorted, and checked for what a read leaves out.
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Contender, Outcome
from benchmarks.peers.commands import (
    missing,
    no_rclone_download,
    quoted,
    rclone_list,
    sftp,
)
from benchmarks.peers.tools import connected_paramiko
from sftp_async import SFTPOptions
from sftp_async.read.listing import Listing, list_files
from sftp_async.remote.runtime import Runtime

if TYPE_CHECKING:
    import paramiko

    from benchmarks.context import Context
    from benchmarks.servers import Server

#: What `sftp -b` prints before the answer to a command.
ECHO = "sftp> "


@dataclass(frozen=True)
class Tree:
    """Small files on the server.

    Args:
        path: on the server.
        directories: below it, in which the files are; none: they are in it.
        outcome: the number of files, and a digest of their names.

    """

    path: str
    directories: Sequence[str]
    outcome: Outcome


def names_outcome(names: Sequence[str]) -> Outcome:
    """Return the number of names, and a digest that does not depend on their order."""
    text = "\n".join(sorted(names))
    return Outcome(len(names), 0, hashlib.sha256(text.encode()).hexdigest())


def listings(context: Context, server: Server, tree: Tree) -> list[Contender]:
    """Return contenders that list a tree, ours first.

    Args:
        context: the suite's.
        server: it, or the relay before it.
        tree: what is there.

    """

    def contender(
        name: str,
        title: str,
        write_names: Callable[[Server, Tree, Path], object],
        unavailable: str | None = None,
    ) -> Contender:
        return Contender(
            name,
            title,
            lambda target: write_names(server, tree, Path(target)),
            lambda target: names_outcome(list(found_names(Path(target), tree.path))),
            truth=tree.outcome,
            target=context.new_local,
            unavailable=unavailable,
        )

    return [
        contender("sftp_async", "sftp_async", list_with_sftp_async),
        contender("openssh_sftp", "OpenSSH sftp ls", list_with_openssh, missing("sftp")),
        contender("rclone", "rclone lsf", list_with_rclone, no_rclone_download(server)),
        contender("paramiko", "Paramiko", list_with_paramiko),
    ]


def found_names(listed: Path, root: str) -> Iterator[str]:
    """Yield the names that a contender left, relative to the tree's root."""
    for line in listed.read_text().splitlines():
        if line and not line.startswith(ECHO):
            yield line.strip().removeprefix(f"{root}/")


def list_with_sftp_async(server: Server, tree: Tree, target: Path) -> None:
    """List as a read does."""
    options = SFTPOptions(
        **server.options(), format="csv", recursive_file_lookup=bool(tree.directories)
    ).resolve()
    runtime = Runtime()  # this run's own: the process's would keep the connection for the next run

    async def listed() -> Listing:
        async with runtime.pool(options).lease() as connection:
            return await list_files(connection, [tree.path], options)

    try:
        listing = runtime.run(listed())
    finally:
        runtime.close()
    target.write_text("".join(f"{file.path}\n" for file in listing.files))


def list_with_openssh(server: Server, tree: Tree, target: Path) -> None:
    """List with `ls -1` of OpenSSH's `sftp`, which knows no recursion: a command a directory."""
    places = [f"{tree.path}/{name}" for name in tree.directories] or [tree.path]
    # Unsorted, as the server sends them: no contender needs the order.
    sftp(server, [f"ls -1f {quoted(place)}" for place in places], printed=target)


def list_with_rclone(server: Server, tree: Tree, target: Path) -> None:
    """List with `rclone lsf -R`."""
    rclone_list(server, tree.path, target)


def list_with_paramiko(server: Server, tree: Tree, target: Path) -> None:
    """List with Paramiko's `listdir_attr`, one directory after the other."""

    def walk(session: paramiko.SFTPClient, directory: str) -> Iterator[str]:
        for entry in session.listdir_attr(directory):
            path = posixpath.join(directory, entry.filename)
            if stat.S_ISDIR(entry.st_mode or 0):
                yield from walk(session, path)
            else:
                yield path

    with connected_paramiko(server) as client, client.open_sftp() as session:
        target.write_text("".join(f"{path}\n" for path in walk(session, tree.path)))
