"""Divides the files of a read among tasks: large ones are split, small ones packed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile


@dataclass(frozen=True, slots=True)
class Split:
    """A range of a file that one task reads, in bytes; `stop` is the byte behind the last one."""

    file: FoundFile
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes of the range."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class TaskInput:
    """The splits that one task reads, one after the other."""

    splits: tuple[Split, ...]


def split_files(
    files: Sequence[FoundFile],
    options: SFTPOptions,
    may_split: Callable[[str], bool],
    parallelism: int = 1,
) -> list[TaskInput]:
    """Divide files among tasks, as Spark's file sources do (FilePartition.getFilePartitions).

    A task reads as much as makes one for each core, but at most `max_partition_bytes` and at least
    `open_cost_bytes`, which is what opening a file counts (FilePartition.maxSplitBytes). Larger
    files are cut into ranges of at most that size, and the largest ranges come first.

    Args:
        files: to be read.
        options: of the read.
        may_split: whether several tasks may share the file of a path.
        parallelism: tasks that can run at once.

    """
    cost = options.open_cost_bytes
    share = sum(file.size + cost for file in files) // parallelism
    limit = min(options.max_partition_bytes, max(cost, share, 1))
    splits = [
        split for file in files for split in _cut(file, limit if may_split(file.path) else None)
    ]
    # Equal sizes keep the order of paths: sorting is stable.
    splits.sort(key=lambda split: -split.size)
    tasks: list[TaskInput] = []
    packed: list[Split] = []
    size = 0
    for split in splits:
        if packed and size + split.size > limit:
            tasks.append(TaskInput(tuple(packed)))
            packed, size = [], 0
        packed.append(split)
        size += split.size + cost
    if packed:
        tasks.append(TaskInput(tuple(packed)))
    return tasks


def _cut(file: FoundFile, limit: int | None) -> Iterator[Split]:
    if limit is None or file.size <= limit:
        yield Split(file, 0, file.size)
        return
    for start in range(0, file.size, limit):
        yield Split(file, start, min(start + limit, file.size))
