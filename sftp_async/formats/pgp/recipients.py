"""Reads for which keys a message is encrypted, from its start: RFC 9580, 4.2, 5.1 and 6.2."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Types of packets: RFC 9580, 5.
_PKESK, _SKESK, MARKER, PADDING = 1, 3, 10, 21
#: Those of packets that hold what is encrypted.
ENCRYPTED: Final = (9, 18, 20)
#: Bytes of a packet before its content at most: RFC 9580, 4.2.
_LONGEST_START: Final = 6
#: Bytes of the ID of a key.
_ID: Final = 8
ARMOR: Final = re.compile(rb"\s*-----BEGIN PGP MESSAGE-----[^\n]*\n(?:[^\n]*:[^\n]*\n)*\s*\n")
_LINE: Final = re.compile(rb"[A-Za-z0-9+/=\r]+\n")
#: The ID of a recipient that is not named (gpg --throw-keyids).
ANONYMOUS: Final = "0" * 2 * _ID


def recipient_ids(head: bytes) -> list[str] | None:
    """Return the IDs of the keys, in hex, that a message is encrypted for.

    Args:
        head: the first bytes of a message, in either form; what is behind the recipients may lack.

    Returns:
        The IDs; None if the bytes are not the start of an encrypted message.

    """
    found = []
    for kind, body in _packets(_dearmored(head)):
        if kind == _PKESK:
            found.append(_recipient(body))
        elif kind not in (_SKESK, MARKER, PADDING):
            return found if found or kind in ENCRYPTED else None
    return found or None


def first_packet(data: bytes) -> int | None:
    """Return the length of the first packet; None: its start does not say that yet.

    Args:
        data: the first bytes of a message without armor.

    """
    if len(data) < _LONGEST_START:
        return None
    kind, start, length = _packet(data, 0)
    assert kind == _PKESK, kind
    return start + length


def _recipient(body: bytes) -> str:
    if body[:1] != b"\x06":
        return body[1 : 1 + _ID].hex()
    if body[1] == 0:
        return ANONYMOUS
    # The length of what follows, the version of the key, and its fingerprint.
    fingerprint = body[3 : 2 + body[1]]
    return (fingerprint[:_ID] if body[2] == 6 else fingerprint[-_ID:]).hex()


def _dearmored(head: bytes) -> bytes:
    """Return the bytes that the text stands for, as far as whole lines of it are there."""
    start = ARMOR.match(head)
    if start is None:
        return head
    lines = []
    position = start.end()
    while line := _LINE.match(head, position):
        lines.append(line[0])
        position = line.end()
    try:
        return binascii.a2b_base64(b"".join(lines))
    except binascii.Error:
        return b""


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each packet; the content may be cut off."""
    at = 0
    while at < len(data) and data[at] & 0x80:
        kind, start, length = _packet(data, at)
        yield kind, data[start : start + length]
        at = start + length


def _packet(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the type of a packet, where its content starts, and its length."""
    first = data[at]
    if first & 0x40:
        return first & 0x3F, *new_length(data, at + 1)
    size = {0: 1, 1: 2, 2: 4}.get(first & 3, 0)
    start = at + 1 + size
    length = int.from_bytes(data[at + 1 : start], "big") if size else len(data)
    return (first >> 2) & 0x0F, start, length


def new_length(data: bytes, at: int) -> tuple[int, int]:
    """Return where a packet's content starts, and its length; a partial one counts as the rest."""
    first = data[at] if at < len(data) else 0
    if first < 192:
        return at + 1, first
    if first < 224:
        return at + 2, ((first - 192) << 8) + int.from_bytes(data[at + 1 : at + 2], "big") + 192
    if first == 255:
        return at + 5, int.from_bytes(data[at + 1 : at + 5], "big")
    return at + 1, len(data)
