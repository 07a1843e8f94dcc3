"""Reads structs in Thrift's compact protocol, as in the footer of a Parquet file.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from typing import Any

#: Structs and lists inside one another that are read at most: malformed data must not nest for
#: ever.
_DEPTH = 64

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


class CompactReader:
    """Reads one struct after the other.

    Args:
        data: what is read.

    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, *, before: int = 1 << 15, depth: int = 0) -> dict[int, Any]:
        """Return the fields of a struct by their numbers.

        Args:
            before: stop at the first field with this number or a higher one.
            depth: how many values this one is inside of.

        Raises:
            ValueError: the data are no such struct, or end within it.

        """
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            delta, kind = header >> 4, header & 15
            number = number + delta if delta else self._signed()
            if number >= before:
                break
            if kind in (_TRUE, _FALSE):
                fields[number] = kind == _TRUE
            else:
                fields[number] = self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEPTH:
            raise ValueError("structs are nested too deeply")
        if kind in (_TRUE, _FALSE, _BYTE):  # booleans in a list
            return self._byte()
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind in (_LIST, _SET):
            header = self._byte()
            count = header >> 4
            if count == 15:
                count = self._varint()
            if count > len(self._data):  # each value has a byte at least
                raise ValueError("a list is longer than the data")
            return [self._value(header & 15, depth + 1) for _ in range(count)]
        if kind == _MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            return {
                self._value(kinds >> 4, depth + 1): self._value(kinds & 15, depth + 1)
                for _ in range(count)
            }
        if kind == _STRUCT:
            return self.struct(depth=depth + 1)
        raise ValueError(f"there is no type {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise ValueError("the data end too early")
        self._at += count
        return piece

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number has too many bytes")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
