"""Finds what a remote path of a command stands for: patterns, directories with all below them."""

from __future__ import annotations

import asyncio
import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sftp_async.errors import (
    OptionsError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.read.path_patterns import (
    RECURSIVE,
    NamePattern,
    expand_groups,
    is_pattern,
    may_be_a_name,
)
from sftp_async.read.remote_tree import join
from sftp_async.remote.concurrency import AT_ONCE, each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

#: Directories within directories that a command follows: a server may show them without end.
DEEPEST = 256


@dataclass(frozen=True, slots=True)
class Node:
    """What a path is: its entry, links not followed below the path that the user gave."""

    path: str
    entry: RemoteEntry

    @property
    def is_hidden(self) -> bool:
        """Whether its name begins with a dot."""
        return self.entry.name.startswith(".")


def name_of(path: str) -> str:
    """Return the last name of a path, also if it ends in a slash; `.` and `..` are no names."""
    name = posixpath.basename(path.rstrip("/"))
    return "" if name in (".", "..") else name


def without_end(path: str) -> str:
    """Return a path without slashes and `/.` at its end, which make a server follow a link."""
    absolute = path.startswith("/")
    parts = path.rstrip("/").split("/")
    while len(parts) > 1 and parts[-1] in ("", "."):
        parts.pop()
    return "/".join(parts) or ("/" if absolute else ".")


async def expand(
    filesystem: RemoteFileSystem, paths: Sequence[str], *, follow: bool = True
) -> list[Node]:
    """Return what the paths are; a pattern becomes everything that it matches, sorted.

    Patterns are those of a read: `*`, `?`, `[a-c]`, `{a,b}`, and `**` for any number of
    directories. Hidden names are matched by patterns that begin as they do. A name that has the
    characters of a pattern in it, but no `*` or `?`, is taken as it is if it exists.

    Args:
        filesystem: the connection.
        paths: of the user.
        follow: follow a link at the end of a path. Without it, no slash at the end leads through
            the link either, and the paths that are returned end in no slash.

    Raises:
        RemoteNotFoundError: nothing has the name, or matches the pattern.
        TransferError: a path with a slash at its end is a file, and `follow` is false.
        OptionsError: a pattern is malformed.

    """
    found: dict[str, Node] = {}
    for path in paths:
        for node in await _expanded(filesystem, path, follow=follow):
            found.setdefault(node.path, node)
    return list(found.values())


async def _expanded(filesystem: RemoteFileSystem, path: str, *, follow: bool) -> list[Node]:
    if not is_pattern(path):
        return [await _look(filesystem, path, follow=follow)]
    if may_be_a_name(path):
        try:
            return [await _look(filesystem, path, follow=follow)]
        except RemoteNotFoundError:
            pass
    try:
        branches = [_Pattern.of(each) for each in expand_groups(path)]
    except ValueError as error:
        raise OptionsError(f"TARGET: {error}") from None
    matched: dict[str, Node] = {}
    for branch in branches:
        for node in await branch.matches(filesystem):
            matched[node.path] = node
    if not matched:
        raise RemoteNotFoundError("Nothing matches the pattern", host=filesystem.address, path=path)
    nodes = sorted(matched.values(), key=lambda node: node.path)
    if follow:
        nodes = [await _followed(filesystem, node) for node in nodes]
    return nodes


async def _look(filesystem: RemoteFileSystem, path: str, *, follow: bool) -> Node:
    given, path = path, path or "."
    if not follow:
        # With a slash behind it, a server takes the name of a link for the directory behind it.
        path = without_end(path)
    entry = await (filesystem.stat(path) if follow else filesystem.lstat(path))
    if given.endswith(("/", "/.")) and not (follow or entry.is_dir or entry.is_link):
        raise TransferError(
            "It is a file, and the path names a directory",
            host=filesystem.address,
            path=given,
            hint="Write the path without the slash",
        )
    return Node(path, replace(entry, name=name_of(path) or path))


async def _followed(filesystem: RemoteFileSystem, node: Node) -> Node:
    if not node.entry.is_link:
        return node
    try:
        return await _look(filesystem, node.path, follow=True)
    except SFTPAsyncError:
        return node  # it leads to nothing


@dataclass(frozen=True)
class _Pattern:
    """The parts of a path with a pattern, and the directory that it begins in."""

    start: str
    parts: tuple[NamePattern | None, ...]

    @classmethod
    def of(cls, path: str) -> _Pattern:
        start, parts = ("/" if path.startswith("/") else "."), [p for p in path.split("/") if p]
        return cls(start, tuple(None if p == RECURSIVE else NamePattern.of(p) for p in parts))

    async def matches(self, filesystem: RemoteFileSystem) -> list[Node]:
        here = [self.start]
        found: list[Node] = []
        for place, part in enumerate(self.parts):
            last = place == len(self.parts) - 1
            if part is None:
                below = [
                    node
                    for directory in here
                    for node in await walk(filesystem, directory)
                    if not _is_in_hidden(node.path, directory)
                ]
                found = below
                here += [node.path for node in below if node.entry.is_dir]
                continue
            if part.literal is not None and not last:
                here = [join(directory, part.literal) for directory in here]
                continue
            found = []
            for directory in here:
                for node in await children(filesystem, directory, missing_ok=True):
                    if part.matches(node.entry.name) and (
                        not node.is_hidden or part.text.startswith((".", "\\."))
                    ):
                        found.append(node)
            if not last:
                found = [await _followed(filesystem, node) for node in found]
            here = [node.path for node in found if node.entry.is_dir]
        return found


def _is_in_hidden(path: str, start: str) -> bool:
    below = path if start == "." else path.removeprefix(start)
    return any(name.startswith(".") for name in below.split("/"))


async def children(
    filesystem: RemoteFileSystem, directory: str, *, missing_ok: bool = False
) -> list[Node]:
    """Return the entries of a directory, sorted by name, links not followed."""
    try:
        entries = await filesystem.listdir(directory)
    except RemoteNotFoundError:
        if not missing_ok:
            raise
        return []
    nodes = [Node(join(directory, entry.name), entry) for entry in entries]
    incomplete = [place for place, node in enumerate(nodes) if not node.entry.is_complete]

    async def complete(place: int) -> None:
        path = nodes[place].path
        nodes[place] = Node(
            path, replace(await filesystem.lstat(path), name=nodes[place].entry.name)
        )

    await each(incomplete, complete)
    return sorted(nodes, key=lambda node: node.entry.name)


async def walk(filesystem: RemoteFileSystem, directory: str, *, depth: int = DEEPEST) -> list[Node]:
    """Return everything below a directory, each directory before what is in it, links not followed.

    Args:
        filesystem: the connection.
        directory: its path.
        depth: levels to go down; 1 is the directory alone.

    Raises:
        SFTPAsyncError: a directory cannot be listed, or they lie more than `DEEPEST` deep.

    """
    at_once = asyncio.Semaphore(AT_ONCE)

    async def below(path: str, level: int) -> list[Node]:
        if level > DEEPEST:
            raise SFTPAsyncError(
                f"There are more than {DEEPEST} directories within each other",
                host=filesystem.address,
                path=path,
            )
        async with at_once:
            nodes = await children(filesystem, path)
        directories = [node for node in nodes if node.entry.is_dir] if level < depth else []
        results = await asyncio.gather(
            *(below(node.path, level + 1) for node in directories), return_exceptions=True
        )
        inner: dict[str, list[Node]] = {}
        for node, result in zip(directories, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            inner[node.path] = result
        return [found for node in nodes for found in (node, *inner.get(node.path, ()))]

    return await below(directory, 1)
