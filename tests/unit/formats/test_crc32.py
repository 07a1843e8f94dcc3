"""The CRC-32 of two byte strings together is made of those of each."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats.crc32 import combined

pytestmark = pytest.mark.one_python


@given(st.binary(), st.binary())
def test_it_is_that_of_both(first: bytes, second: bytes) -> None:
    found = combined(zlib.crc32(first), zlib.crc32(second), len(second))
    assert found == zlib.crc32(first + second)


def test_long_strings_need_no_more_time() -> None:
    # 5 GiB of zeros behind a byte, whose checksum zlib made once.
    zeros, length = 0, 5 * 1024**3
    for bit in range(length.bit_length() - 1, -1, -1):
        zeros = combined(zeros, zeros, (length >> (bit + 1)))
        if length >> bit & 1:
            zeros = combined(zeros, zlib.crc32(b"\0"), 1)
    assert zeros == 423114947
