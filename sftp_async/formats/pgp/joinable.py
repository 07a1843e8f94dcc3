"""Encrypts the parts of one exact file so that the driver can join them: `JoinableFormat`.

Messages cannot be joined, and only their recipients can decrypt them. So a part is for a key of the
job, too. The packet that opens it with that key does not go to the server: the driver gets it with
the part. What is on the server is a message for the recipients, and is the exact file if there is
no other part and no control record.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from sftp_async.errors import EncodeError
from sftp_async.formats.pgp.encrypt import EncryptedFormat, EncryptedPart, joined
from sftp_async.formats.pgp.keys import DecryptionKeys, new_key
from sftp_async.formats.pgp.process import PGPFailure, PGPProcess
from sftp_async.formats.pgp.recipients import first_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import Format, PartEncoder
    from sftp_async.formats.pgp.keys import EncryptionKeys


class JoinableFormat(EncryptedFormat):
    """Parts of one exact file, each of them a message. A job has one of its own.

    Args:
        inner: the format of the content, whose parts can be joined.
        keys: of the recipients, and of the signer.
        armor: whether the exact file is text; its parts are not.

    """

    concatenable = True

    def __init__(self, inner: Format, keys: EncryptionKeys, *, armor: bool) -> None:
        super().__init__(inner, keys, armor=armor)
        self.footer = inner.footer
        key, certificate = new_key()
        self._opening = DecryptionKeys("", (key,)).task(key)
        if armor:  # no part is the exact file: it need not be for the recipients
            keys = replace(keys, recipients=(), sign_key=b"", passphrase=None)
        self._part_keys = replace(keys, recipients=(certificate, *keys.recipients))

    @property
    def may_stay(self) -> bool:
        """Whether a part that is the only one is the exact file."""
        return not self._armor

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part, and the process that encrypts it."""
        return _JoinablePart(self._inner.open(header=header), self._part())

    def for_concatenation(self) -> JoinableFormat:
        """Return the format itself."""
        return self

    def sealed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return bytes as a part, and the packet that opens it."""
        message = joined(self._part().through([data]))
        size = first_packet(message)
        return message[size:], message[:size]

    def join(self) -> Joining:
        """Start the message that parts become."""
        return Joining(self._keys.task(armor=self._armor), self._opening)

    def _part(self) -> PGPProcess:
        return PGPProcess(self._part_keys.task(armor=False))


class _JoinablePart(EncryptedPart):
    """One message, without its first packet."""

    _head = b""

    def _written(self, pieces: Iterator[bytes]) -> bytes:
        data = joined(pieces)
        if self.key_packet:
            return data
        self._head += data
        size = first_packet(self._head)
        if size is None or len(self._head) < size:
            return b""
        self.key_packet, rest, self._head = self._head[:size], self._head[size:], b""
        return rest


class Joining:
    """The message that parts become: give each part with `begin`, `send` and `end_part`, in order.

    What is returned is the message so far. Each method raises `EncodeError`, and may wait for a
    process. Memory: that of two processes, one of which decrypts, and of what Sequoia holds back
    (docs/decisions/0032).

    Args:
        encryption: task of the process that encrypts.
        decryption: task of those that decrypt.

    """

    def __init__(self, encryption: dict[str, Any], decryption: dict[str, Any]) -> None:
        self._message = PGPProcess(encryption)
        self._decryption = decryption
        self._part: PGPProcess | None = None

    def begin(self, key_packet: bytes) -> bytes:
        """Begin a part with the packet that opens it."""
        self._part = PGPProcess(self._decryption)
        return self.send(key_packet)

    def send(self, data: bytes) -> bytes:
        """Go on with a part."""
        assert self._part is not None
        return self._encrypted(self._part.send(data))

    def end_part(self) -> bytes:
        """End a part: it is known to be whole then."""
        assert self._part is not None
        return self._encrypted(self._part.end())

    def end(self) -> bytes:
        """End the message."""
        return joined(self._message.end())

    def stop(self) -> None:
        """End the processes, whatever they have done."""
        for process in (self._message, self._part):
            if process is not None:
                process.stop()

    def _encrypted(self, plain: Iterator[bytes]) -> bytes:
        pieces = self._readable(plain)
        return joined(chain.from_iterable(map(self._message.send, pieces)))

    def _readable(self, plain: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from plain
        except PGPFailure as failure:
            raise EncodeError(f"A part of the file cannot be decrypted again: {failure}") from None
