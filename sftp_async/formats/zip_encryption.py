"""Encrypts and decrypts the members of zip archives by AES, as WinZip, 7-Zip and others do.

https://www.winzip.com/en/support/aes-encryption/ describes AE-1 and AE-2. The cipher is that of the
package `cryptography`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from sftp_async.formats.archive_frame import Packer, crc32
from sftp_async.options.compressors import raw_deflate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

#: Id and form of the extra field: version, vendor, strength of the key, compression method.
AES_EXTRA: Final = 0x9901
AES_FIELD: Final = "<H2sBH"
#: Bytes behind the encrypted content: its authentication code.
CODE_BYTES: Final = 10
#: Bytes before it, behind the salt: they tell a wrong password from a damaged member.
VERIFIER_BYTES: Final = 2
#: Key length in bytes by the strength in the extra field; the salt has half as many.
KEY_BYTES: Final = {1: 16, 2: 24, 3: 32}
_ITERATIONS: Final = 1000
_BLOCK: Final = 16
_PIECE: Final = 256 * 1024


class MemberCipher:
    """AES in counter mode over the content of one member, and the code that authenticates it.

    Args:
        password: of the archive.
        salt: of the member; half the length of the key.

    """

    def __init__(self, password: str, salt: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        length = 2 * len(salt)
        # RFC 2898, with the function and the number of rounds that the format has.
        keys = hashlib.pbkdf2_hmac(
            "sha1", password.encode(), salt, _ITERATIONS, 2 * length + VERIFIER_BYTES
        )
        #: Stands behind the salt.
        self.verifier = keys[2 * length :]
        # The counter is little-endian, which no library's counter mode has: blocks of it are
        # encrypted one by one, so that they make the key stream.
        mode = modes.ECB()  # noqa: S305 - never over content
        self._blocks = Cipher(algorithms.AES(keys[:length]), mode).encryptor()
        self._code = hmac.new(keys[length : 2 * length], digestmod="sha1")
        self._counter = 1
        self._left = b""

    def encrypt(self, data: Buffer) -> bytes:
        """Return the next bytes of the content, encrypted."""
        encrypted = self._applied(data)
        self._code.update(encrypted)
        return encrypted

    def decrypt(self, data: Buffer) -> bytes:
        """Return the next bytes of the content, decrypted."""
        self._code.update(data)
        return self._applied(data)

    def code(self) -> bytes:
        """Return the authentication code of all that was encrypted or decrypted."""
        return self._code.digest()[:CODE_BYTES]

    def _applied(self, data: Buffer) -> bytes:
        view = memoryview(data).cast("B")
        pieces = []
        for start in range(0, len(view), _PIECE):
            piece = view[start : start + _PIECE]
            stream = self._stream(len(piece))
            number = int.from_bytes(piece, "little") ^ int.from_bytes(stream, "little")
            pieces.append(number.to_bytes(len(piece), "little"))
        return b"".join(pieces)

    def _stream(self, length: int) -> bytes:
        """Return the next bytes of the key stream."""
        count = -(-max(0, length - len(self._left)) // _BLOCK)
        counters = array("Q", bytes(_BLOCK * count))
        counters[::2] = array("Q", range(self._counter, self._counter + count))
        if sys.byteorder == "big":
            counters.byteswap()
        self._counter += count
        stream = self._left + self._blocks.update(counters.tobytes())
        self._left = stream[length:]
        return stream[:length]


class EncryptedPacker(Packer):
    """A member's whole content: a deflate stream, encrypted with a key of 256 bits.

    Args:
        password: of the archive.
        level: of zlib; None for a fast one.

    """

    def __init__(self, password: str, level: int | None) -> None:
        super().__init__()
        salt = os.urandom(KEY_BYTES[3] // 2)
        self._stream = raw_deflate(level)
        self._cipher = MemberCipher(password, salt)
        self._start = salt + self._cipher.verifier

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return the bytes that are ready."""
        self._crc32 = crc32(data, self._crc32)
        self._size += memoryview(data).nbytes
        return self._counted(self._cipher.encrypt(self._stream.compress(data)))

    def flush(self) -> Buffer:
        """Return the rest, with the authentication code."""
        end = self._cipher.encrypt(self._stream.flush())
        return self._counted(end + self._cipher.code())

    def _counted(self, packed: bytes) -> bytes:
        start, self._start = self._start, b""
        self._packed += len(start) + len(packed)
        return start + packed


@dataclass(frozen=True)
class MemberEncryption:
    """How the member of an archive is encrypted.

    Attributes:
        key_bytes: length of the key.
        method: how the content was compressed before.
        states_checksum: the archive has the CRC-32 of the content (AE-1); else it must be 0 (AE-2).

    """

    key_bytes: int
    method: int
    states_checksum: bool

    @classmethod
    def of(cls, extra: bytes) -> Self | None:
        """Find it in the extra field of a member; None if it is not there, or is not known."""
        while len(extra) >= 4:
            kind, length = struct.unpack_from("<HH", extra)
            field, extra = extra[4 : 4 + length], extra[4 + length :]
            if kind == AES_EXTRA and len(field) == struct.calcsize(AES_FIELD):
                version, _, strength, method = struct.unpack(AES_FIELD, field)
                if strength in KEY_BYTES and version in (1, 2):
                    return cls(KEY_BYTES[strength], method, version == 1)
        return None

    def decrypted(self, password: str, chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
        """Yield the content, which is authenticated behind its last byte.

        Args:
            password: of the archive.
            chunks: the member as it is in the archive.
            size: bytes of `chunks` in all.

        Raises:
            ValueError: the password is wrong, or the member was changed; the text is what is wrong
                with the member.

        """
        source = _Source(chunks)
        salt = self.key_bytes // 2
        left = size - salt - VERIFIER_BYTES - CODE_BYTES
        if left < 0:
            raise ValueError("it is shorter than its encryption makes it")
        cipher = MemberCipher(password, source.take(salt))
        if not hmac.compare_digest(source.take(VERIFIER_BYTES), cipher.verifier):
            raise ValueError("archive_password is not its password")
        while left and (piece := source.some(left)):
            left -= len(piece)
            yield cipher.decrypt(piece)
        if not hmac.compare_digest(source.take(CODE_BYTES), cipher.code()):
            raise ValueError("its authentication code is wrong: it was damaged or changed")


class _Source:
    """Bytes that come in pieces, taken in other ones."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def some(self, most: int) -> bytes:
        """Return the next bytes, so many at most; none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken

    def take(self, length: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        taken = b""
        while len(taken) < length and (piece := self.some(length - len(taken))):
            taken += piece
        return taken
