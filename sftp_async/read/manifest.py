"""Reads a directory as its `_manifest.json` says, which this package's writer leaves there."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    RemoteChangedError,
    RemoteNotFoundError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.layout.part_names import part_tag
from sftp_async.layout.sidecars import MANIFEST_FILE
from sftp_async.read.remote_tree import join, parent_of
from sftp_async.read.root_paths import relative_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.read.manifest")

#: Version of the form that is known.
VERSION = 1
#: Bytes of a manifest that is read: 100,000 files take about 20 MB.
LARGEST = 64 * 1024 * 1024

NOT_LISTED = "it is not in _manifest.json (use_manifest)"


@dataclass
class _Manifest:
    """The sizes of a job's files by their path below the directory, and those that were seen."""

    directory: str
    sizes: dict[str, int]
    seen: set[str] = field(default_factory=set)

    @property
    def is_of_parts(self) -> bool:
        """Whether the job wrote part files, rather than files of names that a user chose."""
        return all(part_tag(name.rpartition("/")[2]) for name in self.sizes)


class Manifests:
    """The manifests in the directories of a read.

    With `use_manifest=auto`, the files of a manifest must be there as it says. A directory has one
    manifest, that of the last job, so part files of other jobs are read as well, and files of other
    names are not: they are no job's. A manifest of files whose names a user chose says
    nothing about the files next to them. With `require`, nothing but the manifest's files is read.

    Args:
        filesystem: where they are.
        options: of the read.

    """

    def __init__(self, filesystem: RemoteFileSystem, options: SFTPOptions) -> None:
        self._filesystem = filesystem
        self._use = options.use_manifest
        self._found: dict[str, _Manifest] = {}

    async def load(self, directory: str, *, there: bool) -> None:
        """Read the manifest of a directory, if it has one.

        Args:
            directory: a path of the read, or one below it; before any file below it.
            there: whether it has a manifest.

        Raises:
            SFTPAsyncError: it is required, and there is none of this package.

        """
        path = join(directory, MANIFEST_FILE)
        if self._use == "never":
            return
        if not there:
            if self._use == "require":
                raise self._missing(path, "There is no manifest")
            return
        try:
            text = await self._filesystem.read_file(path, LARGEST)
            sizes = {name: file.size for name, file in files_in(text).items()}
        except UNKNOWN_OUTCOME:
            raise
        except RemoteNotFoundError as error:
            if self._use == "require":
                raise self._missing(path, "The manifest has vanished") from error
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            if self._use == "require":
                raise self._missing(path, "The manifest is not one of this package") from error
            log.info("%s is not a manifest of this package: not used", path)
        except TransferError:
            if self._use == "require":
                raise
            log.warning("the manifest %s cannot be read: not used", path)
        else:
            self._found[directory] = _Manifest(directory, sizes)

    def reason(self, path: str, entry: RemoteEntry) -> str | None:
        """Return why a manifest leaves a file out; None: it does not.

        Raises:
            RemoteChangedError: the file does not have the size that a manifest says.

        """
        for manifest in self._above(path) if self._found else ():
            name = relative_to(path, manifest.directory) or ""
            size = manifest.sizes.get(name)
            if size is None:
                other_job = manifest.is_of_parts and part_tag(name.rpartition("/")[2]) is not None
                if self._use == "require" or (manifest.is_of_parts and not other_job):
                    return NOT_LISTED
                continue
            manifest.seen.add(name)
            if size != entry.size:
                raise RemoteChangedError(
                    f"The file has {entry.size:,} bytes, and {size:,} by its manifest",
                    host=self._filesystem.address,
                    path=path,
                    hint=self._hint(manifest),
                )
        return None

    def missing(self) -> Iterator[RemoteChangedError]:
        """Yield an error for each file of the manifests that is not there."""
        for manifest in self._found.values():
            missing = sorted(manifest.sizes.keys() - manifest.seen)
            for place, name in enumerate(missing, start=1):
                left = len(missing) - place
                error = RemoteChangedError(
                    "The manifest of the directory names a file that is not there"
                    + (f", and {left:,} more" if left else ""),
                    host=self._filesystem.address,
                    path=join(manifest.directory, name),
                    hint=self._hint(manifest),
                )
                error.gone = True
                yield error

    def _above(self, path: str) -> Iterator[_Manifest]:
        """Yield the manifests of the directories above a file, the nearest first."""
        while path not in ("/", "."):
            path = parent_of(path)
            if path in self._found:
                yield self._found[path]

    def _hint(self, manifest: _Manifest) -> str:
        return (
            f"Something has changed the directory since {MANIFEST_FILE} was written: have the "
            "files written again, or set use_manifest=never to read what is there"
        )

    def _missing(self, path: str, what: str) -> SFTPAsyncError:
        return SFTPAsyncError(
            what,
            host=self._filesystem.address,
            path=path,
            hint="use_manifest=require reads directories that were written with manifest=true: "
            "leave it out to read others",
        )


class ManifestFile(NamedTuple):
    """What a manifest states of a file.

    Attributes:
        size: bytes.
        rows: None if it is not stated, as by another version of this package.
        sha256: in hex; empty if it is not stated.

    """

    size: int
    rows: int | None
    sha256: str


def files_in(text: bytes) -> dict[str, ManifestFile]:
    """Return each file in a manifest, by its path below the directory.

    Raises:
        ValueError, TypeError, LookupError, RecursionError: it is not of this package.

    """
    document = json.loads(text)
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']!r}")
    files = {}
    for file in document["files"]:
        name, size, rows, digest = (file.get(key) for key in ("name", "bytes", "rows", "sha256"))
        if not isinstance(name, str) or not isinstance(size, int):
            raise TypeError("a file without name or size")
        files[name] = ManifestFile(
            size,
            rows if isinstance(rows, int) else None,
            digest if isinstance(digest, str) else "",
        )
    return files
