"""What a decoder reads of a split: the file itself, a verified copy, or an archive's members."""

from __future__ import annotations

import hashlib
import logging
import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError, RemoteNotFoundError, VerificationError
from sftp_async.formats.archive import is_archive, members
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.spooled_file import spooled
from sftp_async.layout.checksum_files import digest_in
from sftp_async.layout.sidecars import ALGORITHMS, checksum_name
from sftp_async.read.path_patterns import NamePattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sftp_async.formats.base import ReadFormat
    from sftp_async.options import SFTPOptions
    from sftp_async.read.readable_file import RemoteReadable

log = logging.getLogger("sftp_async.read.sources")

#: Bytes of a checksum file at most: it may have a line for each file of a directory.
_LONGEST = 1024 * 1024


def may_split(path: str, options: SFTPOptions, file_format: ReadFormat) -> bool:
    """Whether several tasks may share a file.

    Args:
        path: of the file.
        options: of the read.
        file_format: of the files.

    """
    if options.split == "false" or options.access in ("sequential", "once"):
        return False
    if options.verify == "checksum" or reads_members(path, options):
        return False
    return file_format.is_splittable(path)


def reads_members(path: str, options: SFTPOptions) -> bool:
    """Whether a file is an archive whose members are read; in format binary it is a file itself."""
    return options.archive == "auto" and options.format != "binary" and is_archive(path)


@contextmanager
def sources(
    file: RemoteReadable, options: SFTPOptions, file_format: ReadFormat
) -> Iterator[Iterator[ReadableFile]]:
    """Yield what is to be decoded of a file, one after the other.

    A copy on the local disk is gone behind the block.

    Args:
        file: of the server.
        options: of the read.
        file_format: of the files.

    Raises:
        VerificationError: with `verify=checksum`, the content is not what a checksum file says.

    """
    in_order = options.access in ("sequential", "once")
    if options.verify == "checksum":
        with _verified(file) as copy:
            yield _parts(copy, options, in_order=False)
    elif in_order and not reads_members(file.path, options) and file_format.reads_ranges(file.path):
        with spooled(file) as copy:
            yield iter((copy,))
    else:
        yield _parts(file, options, in_order=in_order)


def _parts(file: ReadableFile, options: SFTPOptions, *, in_order: bool) -> Iterator[ReadableFile]:
    if not reads_members(file.path, options):
        yield file
        return
    pattern = options.path_glob_filter
    wanted = NamePattern.of(pattern) if pattern is not None else None
    for member in members(file, in_order=in_order):
        name = posixpath.basename(member.path)
        if name.endswith(options.ignore_suffixes) or (wanted and not wanted.matches(name)):
            log.info("%s: left out by its name", member.path)
        else:
            yield member


@contextmanager
def _verified(file: RemoteReadable) -> Iterator[ReadableFile]:
    """Yield a local copy of a file that has the digest of its checksum file, or the file itself."""
    expected = _expected_digest(file)
    if expected is None:
        yield file
        return
    algorithm, wanted = expected
    hashing = _Hashing(file, hashlib.new(algorithm, usedforsecurity=False))
    with spooled(hashing) as copy:
        found = hashing.digest.hexdigest()
        if found != wanted:
            raise VerificationError(
                f"The content has the {algorithm.upper()} {found}, its checksum file says {wanted}",
                path=file.path,
                hint="Ask the sender for the file again",
                retryable=False,
            )
        yield copy


def _expected_digest(file: RemoteReadable) -> tuple[str, str] | None:
    """Return the algorithm and the digest of the file's checksum file; None if there is none."""
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
        return algorithm, found
    log.info("%s: it has no checksum file", file.path)
    return None


class _Hashing(ReadableFile):
    """A file whose bytes are hashed as they come, from its start to its end."""

    def __init__(self, file: ReadableFile, digest: hashlib._Hash) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self.digest = digest
        self._file = file

    def chunks(self, start: int, stop: int) -> AbstractContextManager[Iterator[bytes]]:
        """Return the bytes of the whole file; see `ReadableFile.chunks`."""
        return self._hashed(start, stop)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Refuse: a part has no digest."""
        raise NotImplementedError

    @contextmanager
    def _hashed(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        def update(chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                self.digest.update(chunk)
                yield chunk

        with self._file.chunks(start, stop) as chunks:
            yield update(chunks)
