"""Finds the partition columns in the names of directories, by the rules of Spark's file sources.

The rules are those of PartitioningUtils.parsePartitions: the walk from each directory that has
files up to the base path, and what is a conflict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.errors import SFTPAsyncError
from sftp_async.layout.hive import NULL, unescaped
from sftp_async.layout.target_paths import STAGING
from sftp_async.read.partition_values import partition_type
from sftp_async.read.remote_tree import parent_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pyarrow as pa

#: Directories that an error names.
_SHOWN = 10


@dataclass(frozen=True)
class Partitioning:
    """The partition columns of a tree; none if it is not partitioned.

    Attributes:
        names: of the columns, the outermost first.
        types: as Spark infers them.
        values: by directory, the texts as they are in its path, None for null. A directory without
            them is not part of the partitioned data.

    """

    names: tuple[str, ...] = ()
    types: tuple[pa.DataType, ...] = ()
    values: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)


def find_partitions(
    directories: Iterable[str], base_paths: Collection[str], address: str, *, case_sensitive: bool
) -> Partitioning:
    """Return the partition columns of directories.

    Args:
        directories: those that have files in them.
        base_paths: where the columns begin: names of these and above are none.
        address: of the server, for errors.
        case_sensitive: whether `a` and `A` are two columns.

    Raises:
        SFTPAsyncError: the directories disagree about the columns.

    """
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    bases: dict[str, str] = {}
    for directory in sorted(directories):
        parsed = _parse(directory, base_paths, address)
        if parsed is None:
            continue
        columns, base = parsed
        bases.setdefault(base.lower(), base)
        if columns:
            found[directory] = columns
    if not found:
        return Partitioning()
    if len(bases) > 1:
        raise SFTPAsyncError(
            "Conflicting directory structures detected: partition directories begin in several "
            f"places, {_listed(bases.values())}",
            host=address,
            hint="Set base_path to the directory below which the partitions are; or set "
            "recursive_file_lookup=true to read all files without partition columns; or read the "
            "directories separately, and union the DataFrames",
        )
    by_names: dict[tuple[str, ...], str] = {}
    for directory, columns in found.items():
        names = tuple(name if case_sensitive else name.lower() for name, _ in columns)
        by_names.setdefault(names, directory)
    if len(by_names) > 1:
        raise SFTPAsyncError(
            "Conflicting partition column names detected: "
            + "; ".join(
                f"{', '.join(names)} in {directory}"
                for names, directory in list(by_names.items())[:_SHOWN]
            ),
            host=address,
            hint="Files may be in the innermost directories only, and directories of one level "
            "need the same column; set recursive_file_lookup=true to read all files without "
            "partition columns",
        )
    (names,) = by_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SFTPAsyncError(
            f"Partition column {twice[0]!r} occurs twice in a path",
            host=address,
            path=by_names[names],
        )
    first = next(iter(found.values()))
    values = {
        directory: tuple(None if text == NULL else text for _, text in columns)
        for directory, columns in found.items()
    }
    return Partitioning(
        tuple(name for name, _ in first),
        tuple(partition_type(texts) for texts in zip(*values.values(), strict=True)),
        values,
    )


def _parse(
    directory: str, base_paths: Collection[str], address: str
) -> tuple[tuple[tuple[str, str], ...], str] | None:
    """Return the columns in a path, and where they begin; None: the directory does not count."""
    columns: list[tuple[str, str]] = []
    path = directory
    while path not in ("/", "."):
        name = path.rpartition("/")[2]
        if name.lower() == STAGING:
            return None
        if path in base_paths:
            break
        column, equals, text = name.partition("=")
        if equals:
            if not column or not text:
                missing = "value" if column else "name"
                raise SFTPAsyncError(
                    f"The name of a partition directory, {name!r}, has an empty {missing}",
                    host=address,
                    path=path,
                    hint="Rename it, or set recursive_file_lookup=true",
                )
            columns.append((unescaped(column), text))
        elif columns:
            break
        path = parent_of(path)
    return tuple(reversed(columns)), path if columns else directory


def _listed(paths: Iterable[str]) -> str:
    every = sorted(paths)
    return ", ".join(every[:_SHOWN]) + (
        f" and {len(every) - _SHOWN} more" if every[_SHOWN:] else ""
    )
