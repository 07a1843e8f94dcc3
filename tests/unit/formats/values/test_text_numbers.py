"""Numbers are read as Java reads them."""

from __future__ import annotations

import random
import struct
from fractions import Fraction

import pyarrow as pa
import pytest

from sftp_async.formats.values.text_numbers import single


def nearest(number: Fraction) -> float:
    """Return the nearest float, by exact arithmetic; the even one of two."""
    bits = struct.unpack("<I", struct.pack("<f", float(number)))[0]
    near = [struct.unpack("<f", struct.pack("<I", bits + step))[0] for step in (-1, 0, 1)]
    order = [
        (abs(Fraction(found) - number), (bits + step) % 2)
        for step, found in zip((-1, 0, 1), near, strict=True)
    ]
    return near[order.index(min(order))]


@pytest.mark.parametrize("seed", range(20))
def test_a_float_is_rounded_once(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        bits = chance.choice((chance.randrange(1, 1 << 20), chance.randrange(1 << 23, 0x7F000000)))
        low, high = (struct.unpack("<f", struct.pack("<I", bits + step))[0] for step in (0, 1))
        middle = (Fraction(low) + Fraction(high)) / 2
        # Digits of the middle, and of what is a little above and below it.
        for share in (0, 1, -1):
            number = middle + share * middle / 10**30
            digits = number.numerator * 10**200 // number.denominator
            text = f"{digits}e-200"
            found = pa.array([single(text)], pa.float32())[0].as_py()
            assert found == nearest(Fraction(digits, 10**200)), text


def test_a_float_that_is_too_large_is_infinite() -> None:
    texts = ["3.4028235677973366e38", "3.40282356779733667e38", "1e999", "-1e999", "NaN"]
    values = pa.array([single(text) for text in texts], pa.float32()).to_pylist()
    assert values[:4] == [
        struct.unpack("<f", b"\xff\xff\x7f\x7f")[0],
        *map(float, ("inf", "inf", "-inf")),
    ]
    assert values[4] != values[4]
