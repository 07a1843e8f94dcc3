"""Finds the end of a message while its bytes pass by, and whether anything is behind it.

Sequoia may stop at the end of the first of several messages without an error, as GnuPG does, and
the content of the others would be lost. And it takes most of a minute to notice that a large
message lacks its end.
"""

from __future__ import annotations

import sys
from typing import Final, Protocol

from sftp_async.formats.pgp.recipients import ARMOR, ENCRYPTED, MARKER, PADDING, new_length

#: What ends a message in ASCII armor, and stands nowhere within it: RFC 9580, 6.2.
_END: Final = b"-----END PGP MESSAGE-----"
#: The length of a packet that ends with the file.
_ENDLESS: Final = sys.maxsize


class MessageEnd(Protocol):
    """Looks for the end of a message in the bytes of a file, piece by piece."""

    def is_over(self, piece: bytes) -> bool:
        """Take the next bytes, and return whether something is behind the message."""

    @property
    def is_whole(self) -> bool:
        """Whether the message may end with the bytes so far: if not, the file is truncated."""


def message_end(head: bytes) -> MessageEnd:
    """Return what looks for the end of a message.

    Args:
        head: the first bytes of the file.

    """
    return _Armor() if ARMOR.match(head) else _Packets()


class _Armor:
    """A message in ASCII armor; blank lines may be behind it."""

    def __init__(self) -> None:
        self._ended = False
        self._last = b""

    def is_over(self, piece: bytes) -> bool:
        if not self._ended:
            _, end, behind = (self._last + piece).partition(_END)
            self._ended = bool(end)
            self._last = (self._last + piece[-len(_END) :])[-len(_END) :]
            piece = behind
        return self._ended and bool(piece.strip())

    @property
    def is_whole(self) -> bool:
        return self._ended


class _Packets:
    """A message in bytes: packets, the last one of which holds what is encrypted."""

    def __init__(self) -> None:
        #: Bytes of the packet, or of its part, that are to come.
        self._left = 0
        #: Whether another part of the packet follows.
        self._parts = False
        #: The start of a header that is not whole yet.
        self._held = b""
        self._encrypted = False
        #: Whether the packet has no length, and ends with the file.
        self._endless = False

    def is_over(self, piece: bytes) -> bool:
        data = self._held + piece if self._held else piece
        self._held = b""
        at = 0
        while True:
            step = min(self._left, len(data) - at)
            self._left -= step
            at += step
            if at == len(data):
                return False
            kind = None
            if self._parts:
                start, length, parts = _new_form(data, at)
            else:
                kind = _kind(data[at])
                if kind is None or (self._encrypted and kind not in (MARKER, PADDING)):
                    return True
                form, place = (_new_form, at + 1) if data[at] & 0x40 else (_old_form, at)
                start, length, parts = form(data, place)
            if start > len(data):
                self._held = data[at:]
                return False
            self._encrypted |= kind in ENCRYPTED
            self._left, self._parts, at = length, parts, start
            self._endless = length == _ENDLESS

    @property
    def is_whole(self) -> bool:
        within = self._left or self._parts or self._held
        return self._encrypted and (self._endless or not within)


def _kind(first: int) -> int | None:
    """Return the type of a packet by its first byte; None if it begins none: RFC 9580, 4.2."""
    if not first & 0x80:
        return None
    return first & 0x3F if first & 0x40 else (first >> 2) & 0x0F


def _new_form(data: bytes, at: int) -> tuple[int, int, bool]:
    """Return where content starts, its length, and whether it is a part: RFC 9580, 4.2.1."""
    if at < len(data) and 224 <= data[at] < 255:
        return at + 1, 1 << (data[at] & 0x1F), True
    return *new_length(data, at), False


def _old_form(data: bytes, at: int) -> tuple[int, int, bool]:
    """Return the same of the legacy form, whose last kind ends with the file: RFC 9580, 4.2.2."""
    size = {0: 1, 1: 2, 2: 4}.get(data[at] & 3)
    if size is None:
        return at + 1, _ENDLESS, False
    return at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size], "big"), False
