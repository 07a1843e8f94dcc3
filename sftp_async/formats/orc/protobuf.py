"""Reads and writes messages of Protocol Buffers, as in the tail of an ORC file.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: A field: its number, and a number or bytes.
Field = tuple[int, int | bytes]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message in their order.

    Raises:
        ValueError: the data are no message, or end within it.

    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"there is no kind {kind}")
        piece = data[at : at + length]
        if len(piece) < length:
            raise ValueError("the data end too early")
        at += length
        yield number, piece


def packed(data: int | bytes) -> list[int]:
    """Return the numbers of a field that has one, or several in a row."""
    if isinstance(data, int):
        return [data]
    numbers, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        numbers.append(value)
    return numbers


def number_of(value: int | bytes) -> int:
    """Return a field's number.

    Raises:
        ValueError: it has none.

    """
    if not isinstance(value, int):
        raise ValueError("a number is missing")
    return value


def bytes_of(value: int | bytes) -> bytes:
    """Return a field's bytes.

    Raises:
        ValueError: it has none.

    """
    if not isinstance(value, bytes):
        raise ValueError("a message is missing")
    return value


def write_fields(fields: Iterable[Field]) -> bytes:
    """Return a message of these fields."""
    parts = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            parts += _encoded(number << 3 | _VARINT) + _encoded(value)
        else:
            parts += _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value
    return bytes(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a number has no end")


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
