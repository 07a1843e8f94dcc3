"""Copies a file to the local disk, and ensures that it has the digests that are stated of it."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import VerificationError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.spooled_file import spooled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sftp_async.read.readable_file import RemoteReadable
    from sftp_async.read.stated import Digest


@contextmanager
def verified_copy(file: RemoteReadable, expected: Sequence[Digest]) -> Iterator[ReadableFile]:
    """Yield a local copy of a file, which is gone behind the block.

    Args:
        file: of the server.
        expected: the digests that are stated of it.

    Raises:
        VerificationError: it has others.

    """
    digests = {
        each.algorithm: hashlib.new(each.algorithm, usedforsecurity=False) for each in expected
    }
    hashing = _Hashing(file, list(digests.values()))
    with spooled(hashing) as copy:
        for each in expected:
            found = digests[each.algorithm].hexdigest()
            if found != each.value:
                raise VerificationError(
                    f"The content has the {each.algorithm.upper()} {found}, {each.source} says "
                    f"{each.value}",
                    path=file.path,
                    hint="Ask the sender for the file again",
                    retryable=False,
                )
        yield copy


class _Hashing(ReadableFile):
    """A file whose bytes are hashed as they come, from its start to its end."""

    def __init__(self, file: ReadableFile, digests: Sequence[hashlib._Hash]) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self._digests = digests
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
                for digest in self._digests:
                    digest.update(chunk)
                yield chunk

        with self._file.chunks(start, stop) as chunks:
            yield update(chunks)
