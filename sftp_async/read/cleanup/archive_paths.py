"""Where the files of a read go in an archive, and whether the read would find them there again."""

from __future__ import annotations

import posixpath
from itertools import zip_longest
from typing import TYPE_CHECKING

from sftp_async.read.hidden_names import is_hidden
from sftp_async.read.path_patterns import RECURSIVE, NamePattern, expand_groups, is_pattern
from sftp_async.read.remote_tree import join, parent_of
from sftp_async.read.root_paths import relative_to

if TYPE_CHECKING:
    from collections.abc import Sequence


def archive_directory(path: str, roots: Sequence[str], archive: str) -> str:
    """Return the directory of the archive that a file goes to.

    It is the one that the file has below the directory that is read; below the directories before
    the first pattern, where the path is a pattern.

    Args:
        path: of the file.
        roots: the paths of the read, normalised.
        archive: the directory of the archive, normalised.

    """
    below = [
        relative
        for root in roots
        for base in (root, base_of(root))
        if (relative := relative_to(path, base))
    ]
    # The nearest directory that is read: `/in/orders` and `/in` may both be.
    name = min(below, key=len, default=posixpath.basename(path))
    return join(archive, posixpath.dirname(name)) if posixpath.dirname(name) else archive


def base_of(root: str) -> str:
    """Return the directory below which a path of a read is a pattern; for a file, its own."""
    base = root if is_pattern(root) else parent_of(root)
    while is_pattern(base):
        base = parent_of(base)
    return base


def reading_root(archive: str, roots: Sequence[str]) -> str | None:
    """Return the path of a read that finds, or may find, files in the archive; None: none does.

    As in Spark, the names of both are compared as far as the shorter one goes, since a file keeps
    its directories in the archive. Below a hidden directory nothing is read.

    Args:
        archive: the directory, normalised.
        roots: the paths of the read, normalised; all are absolute, or relative to one directory.

    """
    for root in roots:
        for alternative in expand_groups(root):
            if alternative.startswith("/") == archive.startswith("/") and _may_read(
                _names(alternative), _names(archive)
            ):
                return root
    return None


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _may_read(patterns: list[str], names: list[str]) -> bool:
    pattern: str | None
    name: str | None
    for pattern, name in zip_longest(patterns, names):
        if pattern == RECURSIVE:
            hidden = names[patterns.index(RECURSIVE) :]
            return not any(map(is_hidden, hidden))
        if pattern is None:
            assert name is not None
            if is_hidden(name):
                return False
        elif name is not None and not _matches(pattern, name):
            return False
    return True


def _matches(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    compiled = NamePattern.of(pattern)
    return compiled.matches(name) and (compiled.names_hidden or not is_hidden(name))
