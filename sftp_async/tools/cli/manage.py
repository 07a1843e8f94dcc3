"""Implements `sftp-async rm`, `mkdir` and `mv`, which change names on the server."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from sftp_async.errors import (
    OptionsError,
    RemoteExistsError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.humanize import counted, printable
from sftp_async.tools.cli.completion import complete_targets
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.sources import Login

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.tools.cli.remote_paths import Node
    from sftp_async.tools.cli.sources import Remotes

_TARGETS = typer.Argument(
    metavar="TARGET",
    help="The paths; further ones as `:/path`.",
    show_default=False,
    autocompletion=complete_targets,
)


def rm(
    login: Login,
    output: Output,
    targets: Annotated[list[str], _TARGETS],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Remove directories with all that is in them.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="What does not exist is no error.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove files. A link is removed, and what it leads to stays.

    Before directories are removed, the command shows what is in them and asks; without a terminal
    it needs --yes. Patterns in TARGET are matched on the server; quote them for the shell.
    """
    from sftp_async.tools.cli.run import run

    remotes = login.remotes(targets)
    tops, below = run(_to_remove(remotes, recursive=recursive, force=force))
    trees = [node for node in tops if node.entry.is_dir]
    nodes = [*tops, *below]
    files = sum(not node.entry.is_dir for node in nodes)
    if trees:
        what = counted((files, "file"), (len(nodes) - files, "directory"))
        for node in trees if not yes else ():
            output.line(f"{printable(node.path)}/")
        if not (yes or (output.interactive and typer.confirm(f"Remove {what}?", err=True))):
            output.document({"done": False, "files": files, "directories": len(nodes) - files})
            output.line(f"Nothing was removed. Add --yes to remove {what}.", "yellow")
            raise typer.Exit(1)
    run(_remove(remotes, nodes))
    output.document({"done": True, "files": files, "directories": len(nodes) - files})
    output.report(f"Removed: {counted((files, 'file'), (len(nodes) - files, 'directory'))}")


async def _to_remove(
    remotes: Remotes, *, recursive: bool, force: bool
) -> tuple[list[Node], list[Node]]:
    """Return what is to be removed: what the user named, and what is below it."""
    from sftp_async.tools.cli.remote_paths import expand, walk
    from sftp_async.tools.cli.run import pool_of

    tops: dict[str, Node] = {}
    below: dict[str, Node] = {}
    async with pool_of(remotes.options) as pool, pool.lease() as connection:
        for path in remotes.paths:
            try:
                nodes = await expand(connection, [path], follow=False)
            except RemoteNotFoundError:
                if not force:
                    raise
                continue
            for node in nodes:
                tops[node.path] = node
                if not node.entry.is_dir:
                    continue
                await _refuse_root(connection, node.path)
                if not recursive:
                    raise TransferError(
                        "It is a directory",
                        host=connection.address,
                        path=node.path,
                        hint="Add -r to remove it with all that is in it",
                    )
                below |= {each.path: each for each in await walk(connection, node.path)}
    return list(tops.values()), [node for path, node in below.items() if path not in tops]


async def _refuse_root(connection: RemoteFileSystem, path: str) -> None:
    """Refuse the root, the login directory, and what is above it."""
    real = await connection.realpath(path)
    home = await connection.realpath(".")
    if real == "/" or f"{home.rstrip('/')}/".startswith(f"{real.rstrip('/')}/"):
        raise SFTPAsyncError(
            "The root and the login directory are not removed",
            host=connection.address,
            path=path,
            hint="Name what is in it, for example with a pattern",
        )


async def _remove(remotes: Remotes, nodes: Sequence[Node]) -> None:
    from sftp_async.remote.concurrency import each
    from sftp_async.tools.cli.run import pool_of

    async with pool_of(remotes.options) as pool, pool.lease() as connection:

        async def remove(node: Node) -> None:
            with suppress(RemoteNotFoundError):  # another program was faster
                await (connection.rmdir if node.entry.is_dir else connection.remove)(node.path)

        await each([node for node in nodes if not node.entry.is_dir], remove)
        depths: dict[int, list[Node]] = {}
        for node in nodes:
            if node.entry.is_dir:
                depths.setdefault(node.path.rstrip("/").count("/"), []).append(node)
        for depth in sorted(depths, reverse=True):
            await each(depths[depth], remove)


def mkdir(
    login: Login,
    output: Output,
    targets: Annotated[list[str], _TARGETS],
    parents: Annotated[
        bool,
        typer.Option(
            "--parents", "-p", help="Also create missing parents; existing ones are fine."
        ),
    ] = False,
) -> None:
    """Create directories."""
    from sftp_async.tools.cli.run import run

    remotes = login.remotes(targets)
    created, existing = run(_mkdir(remotes, parents=parents))
    output.document({"directories": list(remotes.paths), "created": created})
    for what, paths in (("Created", created), ("Exists already", existing)):
        if paths:
            output.report(f"{what}: {', '.join(map(printable, paths))}")


async def _mkdir(remotes: Remotes, *, parents: bool) -> tuple[list[str], list[str]]:
    """Return the directories that were created, and those that existed, as they were given."""
    from sftp_async.tools.cli.remote_names import entry_if_any, make_directories
    from sftp_async.tools.cli.run import pool_of

    created: list[str] = []
    existing: list[str] = []
    async with pool_of(remotes.options) as pool, pool.lease() as connection:
        for given in remotes.paths:
            path = given.rstrip("/") or "/"
            found = await entry_if_any(connection, path) if parents else None
            if found is not None and found.is_dir:
                existing.append(given)
                continue
            try:
                await make_directories(connection, path, parents=parents)
            except RemoteNotFoundError as error:
                raise RemoteNotFoundError(
                    "The parent of the directory does not exist",
                    host=connection.address,
                    path=path,
                    hint="Add -p to create the parents as well",
                ) from error
            created.append(given)
    return created, existing


def mv(
    login: Login,
    output: Output,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET… NEW",
            help="What to move, and its new path, or a directory: `:/path` or `/path` on the same "
            "server.",
            show_default=False,
            autocompletion=complete_targets,
        ),
    ],
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace existing files.")] = False,
) -> None:
    """Rename files or directories, or move them into a directory of the same server.

    Patterns in TARGET are matched on the server; quote them for the shell.
    """
    from sftp_async.tools.cli.run import run

    *targets, new = arguments
    if not targets:
        raise OptionsError("NEW is missing: sftp-async mv TARGET… NEW.")
    new = f":{new}" if new.startswith("/") else new
    remotes = login.remotes([*targets, new])
    moved = run(_mv(remotes, force=force))
    output.document({"moved": [{"from": old, "to": new} for old, new in moved]})
    for old, new in moved:
        output.report(f"{printable(old)} to {printable(new)}")


async def _mv(remotes: Remotes, *, force: bool) -> list[tuple[str, str]]:
    from sftp_async.read.remote_tree import join
    from sftp_async.tools.cli.remote_names import entry_if_any, rename
    from sftp_async.tools.cli.remote_paths import expand, name_of
    from sftp_async.tools.cli.run import pool_of

    *olds, new = remotes.paths
    async with pool_of(remotes.options) as pool, pool.lease() as connection:
        nodes = await expand(connection, olds, follow=False)
        found = await entry_if_any(connection, new)
        into = found is not None and found.is_dir
        if not into and (len(nodes) > 1 or new.endswith("/")):
            raise TransferError(
                "It is not a directory",
                host=connection.address,
                path=new,
                hint="Name a directory that exists",
            )
        moves = [(node.path, join(new, name_of(node.path)) if into else new) for node in nodes]
        if len({target for _, target in moves}) < len(moves):
            raise SFTPAsyncError("Two of the files have the same name", path=new)
        await _refuse_within_itself(connection, nodes, new if into else posixpath.dirname(new))
        for old, target in moves:
            there = await connection.kind(target)
            if there is None:
                continue
            if await connection.realpath(old) == await connection.realpath(target):
                raise SFTPAsyncError("It has this path already", path=old)
            if not force or there == "directory":
                raise RemoteExistsError(
                    f"A {there} of this name already exists",
                    host=connection.address,
                    path=target,
                    hint="Remove it first" if there == "directory" else "Replace it with --force",
                )
        for old, target in moves:
            await rename(connection, old, target, replace=force)
    return moves


async def _refuse_within_itself(
    connection: RemoteFileSystem, nodes: Sequence[Node], directory: str
) -> None:
    """Refuse to move a directory into itself, or below: the others would be moved by then."""
    directories = [node.path for node in nodes if node.entry.is_dir]
    if not directories:
        return
    goal = await connection.realpath(directory or ".")
    for path in directories:
        real = await connection.realpath(path)
        if f"{goal.rstrip('/')}/".startswith(f"{real.rstrip('/')}/"):
            raise TransferError(
                "A directory cannot be moved into itself",
                host=connection.address,
                path=path,
                hint="Name what is to be moved without it",
            )
