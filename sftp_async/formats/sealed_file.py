"""Temporary files on the local disk, encrypted with a key that is nowhere but in memory.

Rows that are decrypted, or not encrypted yet, are never on the local disk in the clear; nor are
they where they outlive a worker that is killed.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import IO, TYPE_CHECKING, Final, cast

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext
    from typing_extensions import Buffer

#: Of the names of the temporary files, where a system shows any.
_PREFIX: Final = "sftp_async-"
#: Bytes of a block of AES, and of a key.
_BLOCK, _KEY = 16, 32


def sealed_file(in_memory: int = 0, directory: str | None = None) -> SealedFile:
    """Return an empty temporary file without a name, which is gone when it is closed.

    Args:
        in_memory: bytes that stay in memory; the file is on the disk when it has more.
        directory: where it is; None: that of `tempfile`, which the variable TMPDIR sets.

    """
    if in_memory:
        spool = tempfile.SpooledTemporaryFile(in_memory, prefix=_PREFIX, dir=directory)  # noqa: SIM115
        return SealedFile(cast("IO[bytes]", spool))
    return SealedFile(tempfile.TemporaryFile(prefix=_PREFIX, dir=directory))


class SealedFile(io.RawIOBase):
    """A file whose content another file has, encrypted.

    AES in counter mode decrypts from any byte (NIST SP 800-38A, 6.5). What is written is appended:
    two contents of one place would give away how they differ.

    Args:
        file: the other one; empty, and open for writing and reading.

    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._key = os.urandom(_KEY)
        self._start = int.from_bytes(os.urandom(_BLOCK), "big")
        self._writing = self._cipher(0)
        self._reading = self._writing
        self._next = -1

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def write(self, data: Buffer) -> int:
        """Append bytes; the position is the end. Return how many there are."""
        return self._file.write(self._writing.update(memoryview(data).cast("B")))

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes: fewer than `size` only at the end."""
        position = self._file.tell()
        data = self._file.read(-1 if size is None else size)
        if position != self._next:
            self._reading = self._cipher(position)
        self._next = position + len(data)
        return self._reading.update(data)

    def flush(self) -> None:
        """Hand to the system what is in a buffer."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        super().close()

    def _cipher(self, position: int) -> CipherContext:
        block, skipped = divmod(position, _BLOCK)
        counter = (self._start + block) % (1 << 8 * _BLOCK)
        mode = modes.CTR(counter.to_bytes(_BLOCK, "big"))
        # Encryption and decryption are the same in this mode.
        cipher = Cipher(algorithms.AES(self._key), mode).encryptor()
        cipher.update(bytes(skipped))
        return cipher
