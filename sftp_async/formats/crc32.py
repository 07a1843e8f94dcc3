"""Combines the CRC-32 of two byte strings into that of both, without their bytes."""

from __future__ import annotations

from typing import Final

# The polynomial of CRC-32 with its bits reversed, as zlib has it; the highest bit is x to the 0.
_POLYNOMIAL: Final = 0xEDB88320
_ONE: Final = 1 << 31


def combined(first: int, second: int, length: int) -> int:
    """Return the CRC-32 of bytes that are followed by others.

    Args:
        first: CRC-32 of the first bytes.
        second: that of the bytes behind them.
        length: number of the bytes behind them.

    """
    # As zlib's crc32_combine: further bytes multiply by x to the 8, for each of them.
    factor, power = _ONE, _ONE >> 8
    while length:
        if length & 1:
            factor = _product(factor, power)
        power = _product(power, power)
        length >>= 1
    return _product(factor, first) ^ second


def _product(left: int, right: int) -> int:
    """Return the product of two polynomials, modulo that of CRC-32."""
    found, bit = 0, _ONE
    while left:
        if left & bit:
            found ^= right
            left ^= bit
        bit >>= 1
        right = (right >> 1) ^ _POLYNOMIAL if right & 1 else right >> 1
    return found
