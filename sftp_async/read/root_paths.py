"""Finds what the paths of a read stand for: files and directories, literally or by pattern."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    OptionsError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.layout.cleanup_names import is_set_aside
from sftp_async.layout.target import clean
from sftp_async.options.parsing import parse_remote_path
from sftp_async.options.urls import is_url, parse_url
from sftp_async.read.hidden_names import (
    HIDDEN,
    UNCOMMITTED,
    holds_uncommitted_files,
    is_hidden,
    is_uncommitted,
)
from sftp_async.read.left_out import SET_ASIDE
from sftp_async.read.path_patterns import (
    RECURSIVE,
    NamePattern,
    expand_groups,
    is_pattern,
    may_be_a_name,
)
from sftp_async.read.remote_tree import Directory, join, parent_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.left_out import LeftOutFiles
    from sftp_async.read.remote_tree import RemoteTree
    from sftp_async.remote.filesystem import RemoteEntry


@dataclass(frozen=True, slots=True)
class Root:
    """A file or directory that a path of a read stands for.

    Attributes:
        path: on the server.
        entry: what it is.
        siblings: the names next to it, itself included; None: they are not known.
        is_named: whether the path names it, rather than a pattern.
        may_be_hidden: whether hidden names are asked for.

    """

    path: str
    entry: RemoteEntry
    siblings: frozenset[str] | None = None
    is_named: bool = True
    may_be_hidden: bool = True


def asked_paths(options: SFTPOptions, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of a read, on the server.

    Args:
        options: of the read; `path` counts where there are no others.
        paths: of `load([…])`: paths, patterns, or URLs of the same server.

    Raises:
        OptionsError: there is no path, one is invalid, or a URL names another server.

    """
    asked = tuple(paths) or ((options.path,) if options.path is not None else ())
    if not asked:
        raise OptionsError("path is missing: give what to read, as in .load('/in/orders').")
    problems: list[str] = []
    found = []
    for path in asked:
        try:
            cleaned = path_on_server(options, path)
        except OptionsError as error:
            problems += error.problems
            continue
        if holds_uncommitted_files(cleaned):
            problems.append(
                f"path {cleaned!r} is in a directory of files that no job has committed yet: read "
                "the directory above it."
            )
        if not may_be_a_name(cleaned) and (problem := _pattern_problem(cleaned)):
            problems.append(problem)
        found.append(cleaned)
    if problems:
        raise OptionsError(problems)
    return tuple(found)


def path_on_server(options: SFTPOptions, path: str, option: str = "path") -> str:
    """Return a path or URL as a normalised path on the server.

    Args:
        options: of the read.
        path: as the user gave it.
        option: where.

    Raises:
        OptionsError: it is invalid, or names another server.

    """
    try:
        return clean(parse_remote_path(_path_of_url(options, path) if is_url(path) else path))
    except OptionsError:
        raise
    except ValueError as error:
        raise OptionsError(f"{option} {error}.") from None


def _pattern_problem(path: str) -> str | None:
    """Return why a pattern is none; None if it is one."""
    try:
        for alternative in expand_groups(path):
            for name in alternative.split("/"):
                NamePattern.of(name)
    except ValueError as error:
        return f"path: {error}."
    return None


def _path_of_url(options: SFTPOptions, url: str) -> str:
    parsed = parse_url(url, "a URL in paths")
    if parsed.problems:
        raise OptionsError(parsed.problems)
    parts = parsed.parts
    host = parts.get("host", options.host)
    bare = host[1:-1] if host.startswith("[") else host
    same = (
        bare.lower() == options.host.lower()
        and parts.get("username", options.username) == options.username
        and parts.get("port", str(options.port)) == str(options.port)
    )
    if not same:
        raise OptionsError(
            f"All paths of a read must be on one server, {options.address}, and a URL names "
            "another one: read them separately, and union the DataFrames."
        )
    return parts.get("path", ".")


async def find_roots(
    tree: RemoteTree,
    paths: Sequence[str],
    options: SFTPOptions,
    left_out: LeftOutFiles,
    *,
    may_match_nothing: bool = False,
) -> list[Root]:
    """Return what paths stand for, in their order, those of a pattern sorted.

    A path that is there is taken as it stands, even if it has brackets or braces in it; one with
    `*` or `?` is always a pattern.

    Args:
        tree: of the server.
        paths: cleaned.
        options: of the read.
        left_out: gets the hidden names that a pattern matches.
        may_match_nothing: whether a pattern that nothing matches stands for nothing.

    Raises:
        RemoteNotFoundError: nothing has a path, or matches a pattern; says what is there.
        TransferError: a directory cannot be listed.

    """
    roots: list[Root] = []
    for path in paths:
        entry = await tree.look(path) if may_be_a_name(path) else None
        if entry is not None:
            roots.append(Root(path, entry))
            continue
        found = []
        if is_pattern(path) and _pattern_problem(path) is None:
            found = await _Expansion(tree, left_out).of(path)
        may_be_missing = may_match_nothing if is_pattern(path) else options.ignore_missing_files
        if not found and not may_be_missing:
            raise await nothing_found(tree, path, left_out)
        roots += found
    return roots


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What matches the first names of a pattern; `entry` is None if it is not looked at yet."""

    path: str
    entry: RemoteEntry | None = None
    trail: tuple[str, ...] = ()
    siblings: frozenset[str] | None = None
    may_be_hidden: bool = True


class _Expansion:
    """Expands one pattern."""

    def __init__(self, tree: RemoteTree, left_out: LeftOutFiles) -> None:
        self._tree = tree
        self._left_out = left_out

    async def of(self, pattern: str) -> list[Root]:
        found: dict[str, Root] = {}
        for alternative in expand_groups(pattern):
            for root in await self._expand(alternative):
                found.setdefault(root.path, root)
        return sorted(found.values(), key=lambda root: root.path)

    async def _expand(self, pattern: str) -> list[Root]:
        candidates = [_Candidate("/" if pattern.startswith("/") else ".")]
        names = [name for name in pattern.split("/") if name not in ("", ".")]
        coming = iter(names)
        for name in coming:
            if name == RECURSIVE:
                name = next((other for other in coming if other != RECURSIVE), RECURSIVE)
                compiled = NamePattern.of(name)
                candidates = await self._matching(candidates, compiled, recursive=True)
                if name == RECURSIVE:
                    candidates = [one for one in candidates if one.entry and not one.entry.is_dir]
                continue
            compiled = NamePattern.of(name)
            if compiled.literal is not None:
                candidates = [
                    _Candidate(join(one.path, compiled.literal))
                    for one in candidates
                    if one.entry is None or one.entry.is_dir
                ]
            else:
                candidates = await self._matching(candidates, compiled)
        roots = [root for one in candidates if (root := await self._root(one)) is not None]
        if RECURSIVE in names:
            # A directory that matches gives its files: none is to be read twice.
            directories = {root.path for root in roots if root.entry.is_dir}
            roots = [
                root
                for root in roots
                if root.entry.is_dir or parent_of(root.path) not in directories
            ]
        return roots

    async def _root(self, candidate: _Candidate) -> Root | None:
        entry = candidate.entry or await self._tree.look(candidate.path)
        if entry is None:
            return None
        named = candidate.siblings is None
        return Root(candidate.path, entry, candidate.siblings, named, candidate.may_be_hidden)

    async def _matching(
        self,
        candidates: Iterable[_Candidate],
        pattern: NamePattern,
        *,
        recursive: bool = False,
    ) -> list[_Candidate]:
        """Return what matches a pattern in directories, or also in all directories below them."""
        found: list[_Candidate] = []

        async def visit(directory: Directory, entries: list[RemoteEntry]) -> Iterable[Directory]:
            names = frozenset(entry.name for entry in entries)
            literally = pattern.text in names and may_be_a_name(pattern.text)
            matching = {
                name
                for name in names
                if (name == pattern.text if literally else pattern.matches(name))
            }
            hidden = pattern.names_hidden or literally
            wanted = self._visible(directory, entries, names, matching if hidden else (), matching)
            # What cannot match, and leads to no directory, is not even looked at.
            wanted = [
                entry
                for entry in wanted
                if entry.name in matching or (recursive and self._tree.may_be_directory(entry))
            ]
            below = []
            for one in await self._tree.resolve(directory, wanted):
                name = one.entry.name
                path = join(directory.path, name)
                if name in matching:
                    found.append(_Candidate(path, one.entry, one.trail, names, hidden))
                if recursive and one.entry.is_dir and not is_hidden(name):
                    below.append(Directory(path, one.trail))
            return below

        await self._tree.walk(await self._directories(candidates), visit)
        return found

    def _visible(
        self,
        directory: Directory,
        entries: Iterable[RemoteEntry],
        names: Collection[str],
        asked_for: Collection[str],
        matching: Collection[str],
    ) -> list[RemoteEntry]:
        """Return the entries that are not hidden, or asked for; those that match are reported."""
        seen = []
        for entry in entries:
            path = join(directory.path, entry.name)
            hidden = is_hidden(entry.name) and entry.name not in asked_for
            uncommitted = holds_uncommitted_files(path) or is_uncommitted(entry.name, names)
            if is_set_aside(entry.name):
                # Whether it matches or not: it is no file of its own.
                self._left_out.add(path, SET_ASIDE)
            elif not hidden and not uncommitted:
                seen.append(entry)
            elif entry.name in matching:
                self._left_out.add(path, HIDDEN if hidden else UNCOMMITTED)
        return seen

    async def _directories(self, candidates: Iterable[_Candidate]) -> list[Directory]:
        """Return the candidates that are directories."""
        found = []
        for one in candidates:
            entry = one.entry
            if entry is None and one.path not in ("/", "."):
                entry = await self._tree.look(one.path)
                if entry is None:
                    continue
            if entry is None or entry.is_dir:
                found.append(Directory(one.path, one.trail))
        return found


async def nothing_found(tree: RemoteTree, path: str, left_out: LeftOutFiles) -> RemoteNotFoundError:
    """Return the error for a path that stands for nothing: says what was there instead."""
    what = "There is no such file or directory"
    if is_pattern(path):
        what = "Nothing matches the pattern"
    return RemoteNotFoundError(
        what,
        host=tree.filesystem.address,
        path=path,
        hint=await _what_is_there(tree, path, left_out),
    )


async def _what_is_there(tree: RemoteTree, path: str, left_out: LeftOutFiles) -> str:
    # The part of the path before its first pattern, or its parent.
    plain = path
    while plain not in ("/", ".") and (plain == path or is_pattern(plain)):
        plain = parent_of(plain)
    try:
        while (entry := await tree.look(plain)) is None and plain not in ("/", "."):
            plain = parent_of(plain)
        if entry is None:
            return "Check the path: it is one on the server"
        if not entry.is_dir:
            return f"{plain} is a file, not a directory"
        names = sorted(one.name for one in await tree.filesystem.listdir(plain))
    except UNKNOWN_OUTCOME:
        raise
    except TransferError:  # the path is what the error is about, not what is around it
        return "Check the path: it is one on the server"
    shown = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
    there = f"{plain} has {len(names):,} entries: {shown}" if names else f"{plain} is empty"
    return f"{there}. {left_out.summary().capitalize()}" if left_out.counts else there


def relative_to(path: str, directory: str) -> str | None:
    """Return a path relative to a directory; empty for itself; None: it is not below it."""
    if path == directory:
        return ""
    if directory == ".":
        return None if path.startswith("/") else path
    start = directory if directory.endswith("/") else f"{directory}/"
    return posixpath.normpath(path[len(start) :]) if path.startswith(start) else None
