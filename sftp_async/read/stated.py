"""Finds what sidecar files state of a file that is read: digests, and the number of its rows."""

from __future__ import annotations

import hashlib
import logging
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import ControlRecordError, DecodeError, RemoteNotFoundError
from sftp_async.layout.checksum_files import digest_in
from sftp_async.layout.sidecars import ALGORITHMS, MANIFEST_FILE, checksum_name
from sftp_async.read.control import has_control_lines
from sftp_async.read.manifest import LARGEST, files_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sftp_async.options import SFTPOptions
    from sftp_async.read.manifest import ManifestFile
    from sftp_async.read.readable_file import RemoteReadable

log = logging.getLogger("sftp_async.read.stated")

#: Bytes of a checksum file at most: it may have a line for each file of a directory.
_LONGEST = 1024 * 1024


@dataclass(frozen=True)
class Digest:
    """A digest of a file.

    Attributes:
        algorithm: `sha256` or `md5`.
        value: in hex, in lower case.
        source: what states it, as a message names it.

    """

    algorithm: str
    value: str
    source: str


@dataclass(frozen=True)
class Stated:
    """What sidecar files state of one file.

    Attributes:
        digests: of its content, as it is on the server.
        rows: how many it has; None: no file states that.
        source: the path of the manifest that states the rows.

    """

    digests: tuple[Digest, ...] = ()
    rows: int | None = None
    source: str = ""


class StatedFiles:
    """Reads the sidecar files of the files of one task, each manifest once.

    Args:
        options: of the read.

    """

    def __init__(self, options: SFTPOptions) -> None:
        self._options = options
        self._manifests: dict[str, Mapping[str, ManifestFile] | None] = {}

    def of(self, file: RemoteReadable) -> Stated:
        """Return what is stated of a file; nothing unless an option asks for it.

        Raises:
            ControlRecordError: with `verify_control=true`, what has to be there is not.
            DecodeError: a checksum file has no digest of the file.
            TransferError, ConnectError: a sidecar file cannot be read, retries included.

        """
        options = self._options
        thorough = options.verify_control is True
        if not thorough and options.verify != "checksum":
            return Stated()
        checksum = checksum_of(file)
        digests = () if checksum is None else (checksum,)
        if not thorough:
            return Stated(digests)
        wanted = options.checksum_files
        if wanted != "none" and (checksum is None or checksum.algorithm != wanted):
            name = posixpath.basename(checksum_name(file.path, wanted))
            raise _missing(file, f"The file has no checksum file {name} (checksum_files)")
        entry, source = self._entry(file)
        if entry is None:
            if options.manifest:
                raise _missing(file, f"No {MANIFEST_FILE} states what the file holds (manifest)")
            if checksum is None and not has_control_lines(options):
                raise _missing(
                    file,
                    "Nothing states what the file holds: there are no header_lines or "
                    f"footer_lines, no checksum file, and no entry in a {MANIFEST_FILE}",
                )
            return Stated(digests)
        if entry.sha256:
            digests = (*digests, Digest("sha256", entry.sha256.lower(), source))
        return Stated(digests, entry.rows, source)

    def _entry(self, file: RemoteReadable) -> tuple[ManifestFile | None, str]:
        """Return what the nearest manifest states of a file, and the manifest's path.

        A manifest is in the directory that a job wrote, and the files are there, or below it in
        directories of partition columns.
        """
        directory, name = posixpath.split(file.path)
        while self._options.use_manifest != "never":
            path = posixpath.join(directory, MANIFEST_FILE)
            if path not in self._manifests:
                self._manifests[path] = _manifest(file, path)
            found = self._manifests[path]
            if found is not None and name in found:
                return found[name], path
            directory, above = posixpath.split(directory)
            if "=" not in above:
                break
            name = posixpath.join(above, name)
        return None, ""


def check_rows(path: str, rows: int, stated: Stated) -> None:
    """Compare the number of a file's rows with what is stated.

    Raises:
        ControlRecordError: they differ.

    """
    if stated.rows is None or rows == stated.rows:
        return
    error = ControlRecordError(
        f"The file has {rows:,} rows, and {stated.rows:,} by {stated.source}",
        path=path,
        hint="It was written with other options than it is read with (header, comment, mode, "
        "multi_line), or was changed: have it written again, or leave out verify_control",
    )
    error.stated = {"rows": str(stated.rows)}
    raise error


def checksum_of(file: RemoteReadable) -> Digest | None:
    """Return what the checksum file of a file states; None if there is none.

    Raises:
        DecodeError: it has no digest of the file.

    """
    for algorithm in ALGORITHMS:
        path = checksum_name(file.path, algorithm)
        try:
            text = file.read_sidecar(path, _LONGEST)
        except RemoteNotFoundError:
            continue
        name = posixpath.basename(file.path)
        found = digest_in(text.decode("utf-8", "surrogateescape"), name)
        size = hashlib.new(algorithm, usedforsecurity=False).digest_size
        if found is None or len(found) != 2 * size:
            raise DecodeError(
                f"The checksum file has no {algorithm.upper()} of {name!r}",
                path=path,
                hint="It must be as sha256sum or md5sum write it; or set verify=size",
            )
        return Digest(algorithm, found, "its checksum file")
    log.info("%s: it has no checksum file", file.path)
    return None


def _manifest(file: RemoteReadable, path: str) -> Mapping[str, ManifestFile] | None:
    try:
        return files_in(file.read_sidecar(path, LARGEST))
    except RemoteNotFoundError:
        return None
    except (ValueError, TypeError, LookupError, RecursionError):
        log.info("%s is not a manifest of this package: not used", path)
        return None


def _missing(file: RemoteReadable, what: str) -> ControlRecordError:
    return ControlRecordError(
        what, path=file.path, hint="Ask the sender for what is missing, or leave out verify_control"
    )
