"""Seals (encrypts) SSH packets of channel data a batch at a time with one copy, and opens them."""

# ruff: noqa: SLF001 - this folder uses asyncssh's internals; compatibility.py checks them first

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.encryption import ChachaEncryption, Encryption, GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Callable

#: How a packet starts: padding length (RFC 4253, section 6), message type, channel, and the length
#: of the data or the bytes by which the window grows (RFC 4254, section 5.2).
_START = Struct(">BBII")
#: Bytes of padding that every packet has at least: RFC 4253, section 6.
LEAST_PADDING = 4
#: Bytes of AES-GCM's block, of its tag, and of the part of its nonce that counts: RFC 5647,
#: sections 7.1 to 7.3.
_GCM_BLOCK = 16
_GCM_TAG = 16
_GCM_COUNTER = 8


class Sealer(Protocol):
    """Makes packets with one key: until the next key exchange."""

    def seal(
        self, sequence: int, channel: int, sizes: list[int], fill: Callable[[memoryview], None]
    ) -> bytes | bytearray:
        """Return a packet of channel data for each of `sizes`, one behind the other.

        Args:
            sequence: number of the first packet.
            channel: the server's number of the channel.
            sizes: bytes of data in each packet.
            fill: copies the next bytes of data into the buffer that it is given.

        """


class GcmSealer:
    """Seals with AES-GCM (RFC 5647), straight into the buffer that is sent.

    Args:
        encryption: asyncssh's. Its key and counter are used, so that its packets and these can
            follow each other in any order.

    """

    def __init__(self, encryption: GCMEncryption) -> None:
        self._cipher = encryption._cipher
        # asyncssh makes one of these for each packet.
        self._aes = AESGCM(self._cipher._key)
        self._clear = memoryview(bytearray())

    def seal(
        self, sequence: int, channel: int, sizes: list[int], fill: Callable[[memoryview], None]
    ) -> bytearray:
        """Return the packets; the nonce counts by itself, so `sequence` does not matter."""
        lengths = [_length(size, _GCM_BLOCK, 0) for size in sizes]
        if max(lengths) > len(self._clear):
            self._clear = memoryview(bytearray(max(lengths)))
        padding = os.urandom(_GCM_BLOCK + LEAST_PADDING)
        sealed = bytearray(sum(lengths) + (4 + _GCM_TAG) * len(lengths))
        out, start = memoryview(sealed), 0
        for size, length in zip(sizes, lengths, strict=True):
            clear, data_end = self._clear[:length], _START.size + size
            _START.pack_into(clear, 0, length - data_end, MSG_CHANNEL_DATA, channel, size)
            fill(clear[_START.size : data_end])
            clear[data_end:] = padding[: length - data_end]
            header = length.to_bytes(4, "big")
            body, end = start + 4, start + 4 + length + _GCM_TAG
            out[start:body] = header
            self._aes.encrypt_into(self._next_nonce(), clear, header, out[body:end])
            start = end
        return sealed

    def _next_nonce(self) -> bytes:
        nonce: bytes = self._cipher._iv
        # Advanced before it is used: whatever happens next, no nonce is ever used twice.
        self._cipher._update_iv()
        return nonce


class CommonSealer:
    """Seals with every other cipher, by asyncssh's own encryption.

    Args:
        encryption: asyncssh's.
        block: bytes of which a packet's length is a multiple.
        length_field: bytes of the length field that count for that: 4, or 0 for ciphers that
            leave it out.

    """

    def __init__(self, encryption: Encryption, block: int, length_field: int) -> None:
        self._encryption = encryption
        self._block = block
        self._length_field = length_field

    def seal(
        self, sequence: int, channel: int, sizes: list[int], fill: Callable[[memoryview], None]
    ) -> bytes:
        """Return the packets."""
        parts: list[bytes] = []
        for number, size in enumerate(sizes, sequence):
            length, data_end = _length(size, self._block, self._length_field), _START.size + size
            clear = bytearray(length)
            _START.pack_into(clear, 0, length - data_end, MSG_CHANNEL_DATA, channel, size)
            fill(memoryview(clear)[_START.size : data_end])
            clear[data_end:] = os.urandom(length - data_end)
            parts += self._encryption.encrypt_packet(
                number & 0xFFFFFFFF, length.to_bytes(4, "big"), bytes(clear)
            )
        return b"".join(parts)


def sealer_for(
    encryption: Encryption | None, cipher: str, block: int, length_field: int
) -> Sealer | None:
    """Return a sealer for this key; None where packets must be left to asyncssh.

    asyncssh sends an empty MSG_IGNORE before each packet, as RFC 4251, section 9.3.1, advises
    for CBC, whose packets hand their last block on as the next one's initial vector. Counter
    mode and the AEAD ciphers do not, so only they are sealed here, and without it.

    Args:
        encryption: asyncssh's, or None before the first key exchange.
        cipher: its name in SSH.
        block: bytes of which a packet's length is a multiple.
        length_field: bytes of the length field that count for that.

    """
    if isinstance(encryption, GCMEncryption):
        return GcmSealer(encryption)
    if isinstance(encryption, ChachaEncryption):
        return CommonSealer(encryption, block, length_field)
    if encryption is not None and cipher.endswith("-ctr"):
        return CommonSealer(encryption, block, length_field)
    return None


class Message(NamedTuple):
    """A message that a server sends often during a transfer: channel data, or more window.

    Attributes:
        channel: our number of the channel.
        window: bytes by which the window grows, 0 for data.
        data: empty for a window.

    """

    channel: int
    window: int
    data: memoryview


class GcmOpener:
    """Opens packets sealed with AES-GCM.

    Args:
        encryption: asyncssh's, whose key and counter are used.

    """

    def __init__(self, encryption: GCMEncryption) -> None:
        self._cipher = encryption._cipher
        self._aes = AESGCM(self._cipher._key)

    def peek(self, packet: memoryview) -> Message | None:
        """Open a packet, if it is a `Message`; else return None.

        The nonce is not advanced, so asyncssh can still open the packet itself, and treats one
        that is unusual or wrong as it always does.

        Args:
            packet: a whole one, with its length field and tag.

        """
        try:
            clear = self._aes.decrypt(self._cipher._iv, packet[4:], packet[:4])
        except InvalidTag:
            return None
        if len(clear) < _START.size + LEAST_PADDING:
            return None
        padding, kind, channel, number = _START.unpack_from(clear)
        data = memoryview(clear)[_START.size : -padding]
        if kind == MSG_CHANNEL_WINDOW_ADJUST and not data:
            return Message(channel, number, data)
        if kind == MSG_CHANNEL_DATA and len(data) == number:
            return Message(channel, 0, data)
        return None

    @staticmethod
    def size_of(length_field: bytes | bytearray | memoryview) -> int:
        """Return how many bytes a packet takes, from the four that it begins with."""
        return 4 + int.from_bytes(length_field, "big") + _GCM_TAG

    def next(self) -> None:
        """Advance the nonce to the next packet."""
        self._cipher._update_iv()


def _length(size: int, block: int, length_field: int) -> int:
    """Return the value of the length field of a packet with `size` bytes of data."""
    start = _START.size + size
    padding = -(length_field + start) % block
    return start + padding + (block if padding < LEAST_PADDING else 0)
