"""Compares the content of a file that is read with the checksum file next to it."""

from __future__ import annotations

import hashlib
import posixpath
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteChangedError, RemoteNotFoundError, VerificationError
from sftp_async.formats.base import ReadableFile
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import Connection

#: Bytes of a checksum file that is read: thousands of lines, if it is one for a whole directory.
LARGEST = 1024 * 1024

_HEX = r"(?P<digest>[0-9a-fA-F]{32,64})"
#: What `sha256sum` and `md5sum` print; a backslash in front tells that the name is escaped.
_GNU = re.compile(rf"(?P<escaped>\\?){_HEX}(?:[ \t]+\*?(?P<name>.*))?")
#: What they print with `--tag`, and BSD's tools: `SHA256 (name) = digest`.
_BSD = re.compile(rf"(?P<escaped>\\?)[A-Z0-9-]+ \((?P<name>.*)\) = {_HEX}")
_ESCAPE = re.compile(r"\\([\\nr])")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}


def digest_in(text: str, name: str) -> str | None:
    """Return the checksum that the text of a checksum file has for a file, in lower-case hex.

    Args:
        text: as `sha256sum`, `md5sum` or BSD's tools print it, or a checksum alone.
        name: of the file, without directories.

    """
    found: list[tuple[str | None, str]] = []
    for line in text.splitlines():
        match = _BSD.fullmatch(line.strip()) or _GNU.fullmatch(line.strip())
        if match is None:
            continue
        named = match["name"]
        if named and match["escaped"]:
            named = _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], named)
        found.append((posixpath.basename(named) if named else None, match["digest"].lower()))
    for named, digest in found:
        if named == name:
            return digest
    # One line without a name, or with the name that the file had elsewhere.
    return found[0][1] if len(found) == 1 else None


class VerifiedFile(ReadableFile):
    """A file whose bytes are digested while they are read from its start to its end.

    Args:
        file: is read.
        algorithm: `sha256` or `md5`.
        expected: its checksum, in lower-case hex.
        host: of the server, for the error.

    """

    def __init__(self, file: ReadableFile, algorithm: str, expected: str, host: str) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self._file = file
        self._algorithm = algorithm
        self._expected = expected
        self._host = host
        self._digested = 0
        self._digest = hashlib.new(algorithm, usedforsecurity=False)

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the bytes of a range, in order; see `ReadableFile.chunks`."""
        with self._file.chunks(start, stop) as chunks:
            yield self._digesting(chunks) if (start, stop) == (0, self.size) else chunks

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; see `ReadableFile.read_ranges`."""
        return self._file.read_ranges(ranges)

    def verify(self) -> None:
        """Compare the checksum; what the decoder has not read in order is read once more.

        Raises:
            VerificationError: the file has another one.

        """
        if self._digested != self.size:
            with self.chunks(0, self.size) as chunks:
                for _ in chunks:
                    pass
        found = self._digest.hexdigest()
        if found != self._expected:
            raise VerificationError(
                f"The {self._algorithm} of the file is {found}, and {self._expected} in its "
                "checksum file",
                host=self._host,
                path=self.path,
                hint="Have the sender send both again, or set verify=size to read the file as it "
                "is",
                retryable=False,
            )

    def _digesting(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self._digested = 0
        self._digest = hashlib.new(self._algorithm, usedforsecurity=False)
        for chunk in chunks:
            self._digest.update(chunk)
            self._digested += len(chunk)
            yield chunk


def verified(options: SFTPOptions, file: ReadableFile, checksum_file: str) -> VerifiedFile:
    """Return a file that is compared with its checksum file.

    Args:
        options: of the read.
        file: is read.
        checksum_file: path of the file with its checksum, which ends in the algorithm's name.

    Raises:
        VerificationError: the checksum file has no checksum of the file.
        RemoteChangedError: the checksum file is gone.

    """

    async def read(connection: Connection) -> bytes:
        return await connection.read_file(checksum_file, LARGEST)

    runtime = get_runtime()
    work = run_operation(runtime.pool(options), RetryPolicy.of(options), read)
    try:
        text = runtime.run(work).decode("utf-8", "surrogateescape")
    except RemoteNotFoundError as error:
        raise RemoteChangedError(
            "The checksum file is gone since the files were listed",
            host=options.address,
            path=checksum_file,
            hint="Load again",
        ) from error
    algorithm = checksum_file.rpartition(".")[2]
    digest = digest_in(text, posixpath.basename(file.path))
    if (
        digest is None
        or len(digest) != 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
    ):
        raise VerificationError(
            f"The checksum file has no {algorithm} of {posixpath.basename(file.path)!r}",
            host=options.address,
            path=checksum_file,
            hint="It must be as sha256sum or md5sum print it; or set verify=size",
            retryable=False,
        )
    return VerifiedFile(file, algorithm, digest, options.address)
