"""Which names a read never takes unless they are asked for: hidden ones, and this package's own."""

from __future__ import annotations

from sftp_async.layout.once import MARKERS
from sftp_async.layout.target_paths import STAGING

HIDDEN = "its name begins with _ or ., which hides it"


def is_hidden(name: str) -> bool:
    """Whether Spark passes over a file or directory of this name.

    As HadoopFSUtils.shouldFilterOutPathName and PartitioningAwareFileIndex.isDataPath together: a
    name that begins with `_` is a partition directory if it has a `=`.
    """
    return (
        (name.startswith("_") and "=" not in name)
        or name.startswith(".")
        or name.endswith("._COPYING_")
    )


def holds_uncommitted_files(path: str) -> bool:
    """Whether a path is in a directory in which the jobs of this package keep their state."""
    return not {STAGING, MARKERS}.isdisjoint(path.split("/"))
