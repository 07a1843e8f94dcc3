"""Which names a read never takes unless they are asked for: hidden ones, and this package's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.layout.intent_names import document_of
from sftp_async.layout.once import MARKERS
from sftp_async.layout.target_paths import STAGING, STAGING_MARK

if TYPE_CHECKING:
    from collections.abc import Collection

HIDDEN = "its name begins with _ or ., which hides it"
UNCOMMITTED = "it is in a staging directory, and no job has committed it"


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


def is_uncommitted(name: str, siblings: Collection[str]) -> bool:
    """Whether a file is one of a job, in a `staging_dir` that is in the directory that is read.

    Args:
        name: of the file.
        siblings: the names in its directory: a staging directory holds a mark.

    """
    return STAGING_MARK in siblings or document_of(name) is not None
