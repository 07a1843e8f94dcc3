"""Decodes the run length encodings of ORC: of whole numbers in both versions, and of booleans.

Source: https://orc.apache.org/specification/ORCv1/, "Run Length Encoding".
"""

from __future__ import annotations

from array import array

#: The numbers of bits that a width of five bits stands for.
_WIDTHS = (*range(1, 25), 26, 28, 30, 32, 40, 48, 56, 64)

_HALF = 1 << 63


def decode_present(data: bytes, rows: int) -> list[bool]:
    """Return which rows have a value.

    Raises:
        ValueError: the data are damaged.

    """
    plain = bytearray()
    at = 0
    while 8 * len(plain) < rows:
        control, at = _byte(data, at)
        if control < 128:
            byte, at = _byte(data, at)
            plain += bytes([byte]) * (control + 3)
        else:
            plain += data[at : at + 256 - control]
            at += 256 - control
    bits = [bool(byte >> shift & 1) for byte in plain for shift in range(7, -1, -1)]
    return bits[:rows]


def decode_integers(data: bytes, count: int, *, signed: bool, version: int) -> array[int]:
    """Return whole numbers.

    Args:
        data: decompressed.
        count: how many there are.
        signed: whether they are stored as such.
        version: of the encoding, 1 or 2.

    Raises:
        ValueError: the data are damaged.

    """
    found: array[int] = array("q")
    at = 0
    run = _run_v2 if version == 2 else _run_v1
    while len(found) < count:
        values, at = run(data, at, signed)
        if min(values) < -_HALF or max(values) >= _HALF:
            # The C++ library stores negative parts of a second this way.
            values = [(value + _HALF) % (2 * _HALF) - _HALF for value in values]
        found.extend(values)
    return found[:count]


def _byte(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise ValueError("a stream ends too early")
    return data[at], at + 1


def _varint(data: bytes, at: int, signed: bool) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = _byte(data, at)
        value |= (byte & 127) << shift
        if byte < 128:
            return (_unzigzag(value) if signed else value), at
        shift += 7


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _run_v1(data: bytes, at: int, signed: bool) -> tuple[list[int], int]:
    control, at = _byte(data, at)
    if control < 128:
        step, at = _byte(data, at)
        step -= 256 if step > 127 else 0
        base, at = _varint(data, at, signed)
        return [base + step * number for number in range(control + 3)], at
    values = []
    for _ in range(256 - control):
        value, at = _varint(data, at, signed)
        values.append(value)
    return values, at


def _run_v2(data: bytes, at: int, signed: bool) -> tuple[list[int], int]:
    first, at = _byte(data, at)
    mode = first >> 6
    if mode == 0:
        size = (first >> 3 & 7) + 1
        value = int.from_bytes(_take(data, at, size), "big")
        return [_unzigzag(value) if signed else value] * ((first & 7) + 3), at + size
    second, at = _byte(data, at)
    length = ((first & 1) << 8 | second) + 1
    code = first >> 1 & 31
    if mode == 1:
        values, at = _packed(data, at, length, _WIDTHS[code])
        return [_unzigzag(value) for value in values] if signed else values, at
    if mode == 2:
        return _patched(data, at, length, _WIDTHS[code])
    return _deltas(data, at, length, _WIDTHS[code] if code else 0, signed)


def _deltas(data: bytes, at: int, length: int, width: int, signed: bool) -> tuple[list[int], int]:
    base, at = _varint(data, at, signed)
    step, at = _varint(data, at, True)
    values = [base]
    if width == 0:
        return [base + step * number for number in range(length)], at
    if length > 1:
        values.append(base + step)
    deltas, at = _packed(data, at, max(0, length - 2), width)
    for delta in deltas:
        values.append(values[-1] + (delta if step >= 0 else -delta))
    return values, at


def _patched(data: bytes, at: int, length: int, width: int) -> tuple[list[int], int]:
    third, at = _byte(data, at)
    fourth, at = _byte(data, at)
    base_bytes, patch_width = (third >> 5) + 1, _WIDTHS[third & 31]
    gap_width, patches = (fourth >> 5) + 1, fourth & 31
    base = int.from_bytes(_take(data, at, base_bytes), "big")
    at += base_bytes
    sign = 1 << (8 * base_bytes - 1)
    if base & sign:
        base = -(base & (sign - 1))
    values, at = _packed(data, at, length, width)
    entry_width = next(w for w in _WIDTHS if w >= min(64, gap_width + patch_width))
    entries, at = _packed(data, at, patches, entry_width)
    place = 0
    for entry in entries:
        place += entry >> patch_width
        if place >= len(values):
            raise ValueError("a patch is of no value")
        values[place] |= (entry & ((1 << patch_width) - 1)) << width
    return [base + value for value in values], at


def _packed(data: bytes, at: int, count: int, width: int) -> tuple[list[int], int]:
    """Return numbers of so many bits each, without a gap."""
    size = (count * width + 7) // 8
    piece = _take(data, at, size)
    mask = (1 << width) - 1
    values = []
    # Eight numbers have as many bytes as one has bits.
    for start in range(0, size, width):
        part = piece[start : start + width]
        bits = int.from_bytes(part, "big")
        total = 8 * len(part)
        values += [bits >> shift & mask for shift in range(total - width, -1, -width)]
    return values[:count], at + size


def _take(data: bytes, at: int, size: int) -> bytes:
    piece = data[at : at + size]
    if len(piece) < size:
        raise ValueError("a stream ends too early")
    return piece
