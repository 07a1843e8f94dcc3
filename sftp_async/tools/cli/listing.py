"""Implements `sftp-async ls` and `tree`, which show what is in a remote directory."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import (
    OptionsError,
    RemoteFailureError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.humanize import counted, in_units, printable
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry
    from sftp_async.tools.cli.remote_paths import Node

_ALL = typer.Option("--all", "-a", help="Also show names that begin with a dot.")
_BYTES = typer.Option("--bytes", help="Show exact sizes, in bytes.")


def ls(
    server: Server,
    output: Output,
    show_all: Annotated[bool, _ALL] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also list what is in directories below.")
    ] = False,
    exact: Annotated[bool, _BYTES] = False,
    long: Annotated[
        bool,
        typer.Option("--long", "-l", help="With header and total, also if it is not a terminal."),
    ] = False,
    by_time: Annotated[bool, typer.Option("--time", "-t", help="The newest first.")] = False,
    by_size: Annotated[bool, typer.Option("--size", "-S", help="The largest first.")] = False,
    reverse: Annotated[bool, typer.Option("--reverse", help="In the opposite order.")] = False,
) -> None:
    """List a remote directory, one file, or what matches a pattern. Times are UTC.

    Patterns in TARGET are matched on the server; quote them for the shell.
    """
    from sftp_async.tools.cli.run import run

    if by_time and by_size:
        raise OptionsError("-t and -S cannot be combined.")
    path = server.path or "."
    nodes = run(_listing(server.options, path, recursive=recursive, show_all=show_all))
    if by_time:
        nodes.sort(key=lambda node: -node.entry.mtime)
    elif by_size:
        nodes.sort(key=lambda node: -node.entry.size)
    if reverse:
        nodes.reverse()
    files = [node.entry for node in nodes if not node.entry.is_dir]
    size = sum(entry.size for entry in files)
    output.document(
        {
            "path": path,
            "entries": [_to_dict(node.entry) for node in nodes],
            "files": len(files),
            "directories": len(nodes) - len(files),
            "bytes": size,
        }
    )
    framed = long or output.is_terminal()
    sizes = ["-" if n.entry.is_dir else _size(n.entry.size, exact=exact) for n in nodes]
    width = max((len(text) for text in (*sizes, "Size" * framed)), default=0)
    if framed and nodes:
        output.line(f"{'Mode':10}  {'Size':>{width}}  {'Modified (UTC)':16}  Name", "bold")
    for node, text in zip(nodes, sizes, strict=True):
        entry = node.entry
        when = f"{_moment(entry):%Y-%m-%d %H:%M}" if entry.mtime else "-"
        mode = stat.filemode(entry.mode) if entry.mode is not None else "?" * 10
        name = printable(entry.name) + "/" * (entry.is_dir and not entry.name.endswith("/"))
        output.line(f"{mode}  {text:>{width}}  {when:16}  {name}")
    if framed:
        counts = counted((len(files), "file"), (len(nodes) - len(files), "directory"))
        output.line(f"{counts}, {f'{size:,} bytes' if exact else in_units(size)}", "bold")


def _size(count: int, *, exact: bool) -> str:
    return str(count) if exact else in_units(count).replace(" bytes", " B").replace(" byte", " B")


async def _listing(
    options: SFTPOptions, path: str, *, recursive: bool, show_all: bool
) -> list[Node]:
    """Return what `ls` shows; the names are relative to the directory that is listed.

    What the user has named is shown in any case, and hidden names below it with `show_all`.
    """
    from sftp_async.read.path_patterns import is_pattern
    from sftp_async.tools.cli.remote_paths import children, expand, walk
    from sftp_async.tools.cli.run import pool_of

    async with pool_of(options) as pool, pool.lease() as connection:
        found = await expand(connection, [path])
        if not is_pattern(path) and found[0].entry.is_dir:
            listed = await (walk if recursive else children)(connection, path)
            prefix = _prefix(path)
            return [
                _named(node, node.path.removeprefix(prefix))
                for node in _visible(listed, prefix, show_all=show_all)
            ]
        if len(found) == 1 and not found[0].entry.is_dir:
            return found
        nodes: list[Node] = []
        for node in found:
            nodes.append(_named(node, node.path))
            if recursive and node.entry.is_dir:
                below = await walk(connection, node.path)
                below = _visible(below, _prefix(node.path), show_all=show_all)
                nodes += [_named(each, each.path) for each in below]
        return nodes


def _prefix(directory: str) -> str:
    """Return what the paths of all that is in a directory begin with."""
    return "" if directory == "." else directory if directory.endswith("/") else f"{directory}/"


def _named(node: Node, name: str) -> Node:
    return replace(node, entry=replace(node.entry, name=name))


def _visible(nodes: list[Node], prefix: str, *, show_all: bool) -> list[Node]:
    """Return those of which no name behind the prefix begins with a dot; or all of them."""
    if show_all:
        return nodes
    return [
        node
        for node in nodes
        if not any(name.startswith(".") for name in node.path.removeprefix(prefix).split("/"))
    ]


def _to_dict(entry: RemoteEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "type": "directory" if entry.is_dir else _kind(entry.mode),
        "bytes": entry.size,
        "modified": _moment(entry).isoformat() if entry.mtime else None,
        "mode": None if entry.mode is None else f"{stat.S_IMODE(entry.mode):o}",
    }


def _kind(mode: int | None) -> str:
    return "link" if mode is not None and stat.S_ISLNK(mode) else "file"


def _moment(entry: RemoteEntry) -> datetime:
    return datetime.fromtimestamp(entry.mtime, UTC)


def tree(
    server: Server,
    output: Output,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-L", metavar="N", min=1, help="Levels to show.", show_default="all"
        ),
    ] = None,
    show_all: Annotated[bool, _ALL] = False,
    exact: Annotated[bool, _BYTES] = False,
) -> None:
    """Show a remote directory with all that is below it, directories first, and count it.

    Links are shown, and not followed.
    """
    from sftp_async.tools.cli.run import run

    path = server.path or "."
    nodes = run(_tree(server.options, path, depth))
    nodes = _visible(nodes, _prefix(path), show_all=show_all)
    inside: dict[str, list[Node]] = {}
    for node in nodes:
        inside.setdefault(_parent(node.path, path), []).append(node)
    for siblings in inside.values():
        siblings.sort(key=lambda node: (not node.entry.is_dir, node.entry.name))
    files = [node.entry for node in nodes if not node.entry.is_dir]
    size, directories = sum(entry.size for entry in files), len(nodes) - len(files)
    output.document(
        {
            "path": path,
            "entries": _nested(inside, path),
            "files": len(files),
            "directories": directories,
            "bytes": size,
        }
    )
    if output.as_json:
        return
    output.line(printable(path))
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    for line in _lines(inside, path, "", unicode=unicode, exact=exact):
        output.line(line)
    total = f"{size:,} bytes" if exact else in_units(size)
    output.line()
    output.line(f"{counted((directories, 'directory'), (len(files), 'file'))}, {total}", "bold")


async def _tree(options: SFTPOptions, path: str, depth: int | None) -> list[Node]:
    from sftp_async.tools.cli.remote_names import entry_if_any
    from sftp_async.tools.cli.remote_paths import DEEPEST, walk
    from sftp_async.tools.cli.run import pool_of

    async with pool_of(options) as pool, pool.lease() as connection:
        try:
            return await walk(connection, path, depth=depth or DEEPEST)
        except (RemoteNotFoundError, RemoteFailureError):
            found = await entry_if_any(connection, path)
            if found is None or found.is_dir:
                raise
            raise TransferError(
                "It is a file, not a directory",
                host=connection.address,
                path=path,
                hint="sftp-async ls shows files, too",
            ) from None


def _parent(path: str, top: str) -> str:
    before, slash, _ = path.rpartition("/")
    if before.rstrip("/") == top.rstrip("/") or not slash:
        return top
    return before


def _nested(inside: dict[str, list[Node]], path: str) -> list[dict[str, Any]]:
    return [
        _to_dict(node.entry)
        | ({"entries": _nested(inside, node.path)} if node.entry.is_dir else {})
        for node in inside.get(path, ())
    ]


def _lines(
    inside: dict[str, list[Node]], path: str, indent: str, *, unicode: bool, exact: bool
) -> Iterable[str]:
    branch, end, bar = ("├── ", "└── ", "│   ") if unicode else ("|-- ", "`-- ", "|   ")
    siblings: Sequence[Node] = inside.get(path, ())
    for place, node in enumerate(siblings):
        last = place == len(siblings) - 1
        name = printable(node.entry.name)
        size = "/" if node.entry.is_dir else f"  ({_size(node.entry.size, exact=exact)})"
        yield f"{indent}{end if last else branch}{name}{size}"
        if node.entry.is_dir:
            yield from _lines(
                inside,
                node.path,
                indent + ("    " if last else bar),
                unicode=unicode,
                exact=exact,
            )
