"""Keeps a copy of a document while it is read: its text is the corrupt record of malformed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.sealed_file import SealedFile, sealed_file

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Most bytes of a document whose text is the corrupt record of its malformed rows.
CORRUPT_BYTES = 128 * 1024 * 1024
#: Bytes that are kept in memory; more are in a temporary file.
_IN_MEMORY = 4 * 1024 * 1024
#: Bytes of a piece that is read from the copy.
_PIECE = 256 * 1024


class KeptText:
    """The bytes of a document, as an iterator that can return all of them as text.

    So a file is read once, even from a server that gives it away with its first read.

    Args:
        chunks: the bytes.
        path: of the file, for errors.

    """

    def __init__(self, chunks: Iterator[bytes], path: str) -> None:
        self._chunks = chunks
        self._path = path
        # It is closed with this object. The directory is that of `tempfile`, which TMPDIR sets.
        self._copy: SealedFile | None = sealed_file(_IN_MEMORY)
        self._size = 0
        self._passed = 0
        self._is_complete = False

    def __iter__(self) -> KeptText:
        return self

    def __next__(self) -> bytes:
        if self._is_complete:
            assert self._copy is not None
            self._copy.seek(self._passed)
            chunk = self._copy.read(_PIECE)
            if not chunk:
                raise StopIteration
        else:
            chunk = next(self._chunks)
            self._keep(chunk)
        self._passed += len(chunk)
        return chunk

    def text(self, charset: str) -> str:
        """Return the text of the whole document, with U+FFFD for what is none.

        Raises:
            DecodeError: it is too large.

        """
        for chunk in self._chunks:
            self._keep(chunk)
            if self._copy is None:
                break
        if self._copy is None:
            raise malformed(
                "A row is malformed. Its corrupt record is the text of the whole file, as in "
                f"Spark, which is larger than {CORRUPT_BYTES} bytes",
                self._path,
                hint="Leave the column of corrupt records out of the schema, or correct the file",
            )
        self._is_complete = True
        self._copy.seek(0)
        return self._copy.read().decode(charset, "replace")

    def close(self) -> None:
        """Remove the copy."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _keep(self, chunk: bytes) -> None:
        if self._copy is None:
            return
        self._size += len(chunk)
        if self._size > CORRUPT_BYTES:
            self.close()
            return
        self._copy.seek(0, 2)
        self._copy.write(chunk)
