"""Decides what `get` and `put` copy to where, before any file is copied."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError, SFTPAsyncError, TransferError
from sftp_async.humanize import printable
from sftp_async.read.path_patterns import is_pattern
from sftp_async.read.remote_tree import join
from sftp_async.remote.concurrency import each
from sftp_async.tools.cli.local_files import existing_mode
from sftp_async.tools.cli.remote_names import already_exists, entry_if_any, final_path
from sftp_async.tools.cli.remote_paths import Node, expand, name_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.remote.filesystem import RemoteFileSystem

LINKED_DIRECTORY = "a link to a directory"
DANGLING = "a link that leads to nothing"
SPECIAL = "neither a file nor a directory"


@dataclass(frozen=True)
class Copy:
    """A file to copy. `local`: None is standard input. `size`: bytes; None: not known."""

    remote: str
    local: Path | None
    size: int | None


@dataclass
class Plan:
    """What to copy.

    Attributes:
        files: in order.
        directories: that are made first, each behind its parent: local or remote paths.
        left_out: paths and reasons.

    """

    files: list[Copy] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int | None:
        """All bytes; None: not known."""
        sizes = [copy.size for copy in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


# get


async def remote_sources(
    filesystem: RemoteFileSystem, paths: Sequence[str], *, recursive: bool
) -> list[Node]:
    """Return what the paths of `get` or `cat` are: directories only if `recursive`.

    Raises:
        TransferError: one is a directory, or leads to nothing.

    """
    nodes = await expand(filesystem, paths)
    for node in nodes:
        if node.entry.is_link:
            raise RemoteNotFoundError(f"It is {DANGLING}", host=filesystem.address, path=node.path)
        if node.entry.is_dir and not recursive:
            raise TransferError(
                "It is a directory, not a file",
                host=filesystem.address,
                path=node.path,
                hint="Add -r for all that is in it",
            )
    return nodes


async def plan_get(
    filesystem: RemoteFileSystem,
    paths: Sequence[str],
    local: Path,
    *,
    recursive: bool,
    force: bool,
    create_dirs: bool,
) -> Plan:
    """Return what `get` copies; nothing is made or changed.

    Raises:
        SFTPAsyncError: a source is missing, or a local file is in the way.

    """
    nodes = await remote_sources(filesystem, paths, recursive=recursive)
    several = len(nodes) > 1 or any(is_pattern(path) for path in paths)
    into = _is_directory(local, several=several, create_dirs=create_dirs)
    plan = Plan()
    for node in nodes:
        target = local / name_of(node.path) if into and name_of(node.path) else local
        if node.entry.is_dir:
            await _add_tree(filesystem, node, target, plan)
        else:
            plan.files.append(Copy(node.path, target, node.entry.size))
    _check_local(plan, local, force=force, create_dirs=create_dirs)
    return plan


def _is_directory(local: Path, *, several: bool, create_dirs: bool) -> bool:
    """Whether LOCAL is the directory for what is downloaded; else it is its new name."""
    if local.is_dir():
        return True
    if several and (not create_dirs or local.exists()):
        raise SFTPAsyncError(
            f"{local} is not a directory, and there are several files for it",
            hint="Name a directory that exists, or add --create-dirs",
        )
    return several


async def _add_tree(filesystem: RemoteFileSystem, top: Node, local: Path, plan: Plan) -> None:
    prefix = top.path if top.path.endswith("/") else f"{top.path}/"
    plan.directories.append(str(local))
    below = await walk(filesystem, top.path)
    links: dict[str, Node] = {node.path: node for node in below if node.entry.is_link}

    async def look(path: str) -> None:
        found = await entry_if_any(filesystem, path)
        reason = DANGLING if found is None else LINKED_DIRECTORY if found.is_dir else None
        if reason is not None or found is None:
            plan.left_out.append((path, reason or DANGLING))
            del links[path]
        else:
            links[path] = Node(path, found)

    await each(list(links), look)
    for node in below:
        where = local / (node.path if top.path == "." else node.path.removeprefix(prefix))
        known = links.get(node.path)
        if node.entry.is_dir:
            plan.directories.append(str(where))
        elif node.entry.is_link:
            if known is not None:
                plan.files.append(Copy(node.path, where, known.entry.size))
        elif _is_special(node.entry.mode):
            plan.left_out.append((node.path, SPECIAL))
        else:
            plan.files.append(Copy(node.path, where, node.entry.size))


def _is_special(mode: int | None) -> bool:
    return mode is not None and bool(stat.S_IFMT(mode)) and not stat.S_ISREG(mode)


def _check_local(plan: Plan, local: Path, *, force: bool, create_dirs: bool) -> None:
    made = {Path(directory) for directory in plan.directories}
    seen: dict[Path, str] = {}
    for copy in plan.files:
        target = copy.local
        assert target is not None
        if target in seen:
            raise SFTPAsyncError(
                f"{printable(seen[target])} and {printable(copy.remote)} would both become "
                f"{printable(str(target))}",
                hint="Download them into different directories",
            )
        seen[target] = copy.remote
        if target.is_dir():
            raise SFTPAsyncError(
                f"{printable(str(target))} is a directory",
                hint="Give the name of a file, or another directory",
            )
        if target.is_symlink() and str(target.readlink()).startswith("/proc/"):
            raise SFTPAsyncError(
                f"{printable(str(target))} stands for a file that this process has open",
                hint="Standard output is `-`",
            )
        mode = existing_mode(target)
        if mode is not None and not stat.S_ISREG(mode) and not force:
            raise SFTPAsyncError(
                f"{printable(str(target))} is a pipe or a device",
                hint="Write into it with --force",
            )
        if mode is not None and not force:
            raise SFTPAsyncError(
                f"{printable(str(target))} already exists", hint="Replace it with --force"
            )
    for directory in plan.directories:
        if Path(directory).exists() and not Path(directory).is_dir():
            raise SFTPAsyncError(
                f"{printable(directory)} is a file, and a directory is to be there",
                hint="Choose another name, or move the file away first",
            )
    for parent in {copy.local.parent for copy in plan.files if copy.local} | (
        {Path(plan.directories[0]).parent} if plan.directories else set()
    ):
        if parent in made or parent.is_dir():
            continue
        if not create_dirs:
            raise SFTPAsyncError(
                f"The local directory {printable(str(parent))} does not exist",
                hint="Create it first, or add --create-dirs",
            )
        plan.directories.insert(0, str(parent))


def make_local(plan: Plan) -> None:
    """Make the local directories of a plan of `get`."""
    for directory in plan.directories:
        Path(directory).mkdir(parents=True, exist_ok=True)


# put


@dataclass(frozen=True)
class LocalTree:
    """A local file, or a directory with all that is in it; paths within it are relative."""

    path: Path | None
    is_dir: bool = False
    size: int | None = None
    directories: tuple[str, ...] = ()
    files: tuple[tuple[str, int | None], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str | None:
        """Its own name; None: standard input has none."""
        if self.path is None:
            return None
        # Of a link, its own; `Path.resolve` would give that of what it leads to.
        return os.path.basename(os.path.abspath(self.path)) or None  # noqa: PTH100, PTH119


def local_sources(names: Sequence[str], *, recursive: bool) -> list[LocalTree]:
    """Return what the local arguments of `put` are: directories only if `recursive`.

    Raises:
        OSError: one is missing, or is a directory.

    """
    return [_local_tree(name, recursive=recursive) for name in names]


def _local_tree(name: str, *, recursive: bool) -> LocalTree:
    if name == "-":
        return LocalTree(None)
    top = Path(name)
    status = top.stat()
    if not stat.S_ISDIR(status.st_mode):
        return LocalTree(top, size=status.st_size if stat.S_ISREG(status.st_mode) else None)
    if not recursive:
        raise IsADirectoryError(errno.EISDIR, "Is a directory. Add -r for all that is in it", name)
    directories: list[str] = []
    files: list[tuple[str, int | None]] = []
    left_out: list[tuple[str, str]] = []
    for path, is_dir in _below(top):
        relative = path.relative_to(top).as_posix()
        if is_dir:
            directories.append(relative)
            continue
        try:
            status = path.stat()
        except FileNotFoundError:
            left_out.append((str(path), DANGLING))
            continue
        if stat.S_ISDIR(status.st_mode):
            left_out.append((str(path), LINKED_DIRECTORY))
        elif not stat.S_ISREG(status.st_mode):
            left_out.append((str(path), SPECIAL))
        else:
            files.append((relative, status.st_size))
    return LocalTree(top, True, None, tuple(directories), tuple(files), tuple(left_out))


def _below(top: Path) -> Iterator[tuple[Path, bool]]:
    for entry in sorted(os.scandir(top), key=lambda entry: entry.name):
        is_dir = entry.is_dir(follow_symlinks=False)
        yield Path(entry.path), is_dir
        if is_dir:
            yield from _below(Path(entry.path))


async def plan_put(
    filesystem: RemoteFileSystem,
    sources: Sequence[LocalTree],
    path: str,
    *,
    force: bool,
    create_dirs: bool,
) -> Plan:
    """Return what `put` copies; nothing is made or changed.

    Raises:
        SFTPAsyncError: a directory is missing on the server, or a file is in the way.

    """
    plan = Plan()
    found = await entry_if_any(filesystem, path)
    into = found is not None and found.is_dir
    if len(sources) > 1 and not into:
        if found is not None or not create_dirs:
            raise TransferError(
                "It is not a directory, and there are several files for it",
                host=filesystem.address,
                path=path,
                hint="Name a directory that exists, or add --create-dirs",
            )
        into = True
        plan.directories.append(path)
    for source in sources:
        if not source.is_dir:
            where = path
            if len(sources) == 1:
                where = await final_path(filesystem, path, source.name, replace=force)
            elif source.name is not None:
                where = join(path, source.name)
            plan.files.append(Copy(where, source.path, source.size))
            continue
        assert source.path is not None
        top = join(path, source.name) if into and source.name else path
        plan.directories += [top, *(join(top, name) for name in source.directories)]
        plan.files += [
            Copy(join(top, name), source.path / name, size) for name, size in source.files
        ]
        plan.left_out += source.left_out
    if create_dirs:
        parents = {posixpath.dirname(copy.remote.rstrip("/")) for copy in plan.files}
        plan.directories[:0] = sorted(parents - {"", "/", *plan.directories})
    await _check_remote(filesystem, plan, force=force)
    return plan


async def _check_remote(filesystem: RemoteFileSystem, plan: Plan, *, force: bool) -> None:
    names = [copy.remote for copy in plan.files]
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise SFTPAsyncError(
            f"Two of the files would both become {printable(twice)}",
            hint="Upload them into different directories",
        )
    if force or (len(names) == 1 and not plan.directories):
        return

    async def check(path: str) -> None:
        if await filesystem.exists(path):
            raise already_exists(filesystem.address, path)

    await each(names, check)
