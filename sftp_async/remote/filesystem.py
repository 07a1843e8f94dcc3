"""What a remote file system holds: its entries and their kinds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: What a name stands for; a file is also everything that is neither of the others.
Kind = Literal["directory", "link", "file"]


@dataclass(frozen=True)
class RemoteEntry:
    """A remote file or directory: name, size in bytes, time of last change (Unix seconds).

    `mode` is its kind and permissions, as `st_mode` of POSIX; None: the server does not send it.
    """

    name: str
    size: int
    is_dir: bool
    mtime: float
    mode: int | None = field(default=None, compare=False)
