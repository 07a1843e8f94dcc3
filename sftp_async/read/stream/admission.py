"""Chooses the files of one micro-batch among those that wait: by age, up to files and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.read.listing import FoundFile


@dataclass(frozen=True)
class Limits:
    """How much a micro-batch may take; None: any number.

    Attributes:
        files: number of files.
        bytes: sum of their sizes; a batch takes one file even if that is larger.

    """

    files: int | None = None
    bytes: int | None = None


def admit(
    waiting: Iterable[FoundFile], limits: Limits, *, latest_first: bool = False
) -> list[FoundFile]:
    """Return the files of the next micro-batch, in the order in which they are taken.

    The first file that does not fit ends the batch: none is overtaken by a smaller one.

    Args:
        waiting: files that may be read.
        limits: of the batch.
        latest_first: whether to take the newest files first, rather than the oldest ones.

    """
    sign = -1 if latest_first else 1
    taken: list[FoundFile] = []
    size = 0
    for file in sorted(waiting, key=lambda file: (sign * int(file.mtime), file.path)):
        size += file.size
        full = limits.files is not None and len(taken) >= limits.files
        too_much = limits.bytes is not None and size > limits.bytes
        if taken and (full or too_much):
            break
        taken.append(file)
    return taken
