"""Character sets by Java's decoders, which Spark reads with, and by ours: the same characters."""

from __future__ import annotations

import codecs
import random
from typing import TYPE_CHECKING

import pytest

from sftp_async.formats.recoding import charset_of, recoded, recoded_pieces
from sftp_async.formats.values.utf8 import well_formed_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

SINGLE_BYTE = [
    "US-ASCII",
    *(f"ISO-8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16)),
    *(f"windows-{page}" for page in range(1250, 1259)),
    *("IBM437", "IBM775", "IBM850", "IBM852", "IBM855", "IBM857", "IBM862", "IBM866"),
    *("KOI8-R", "KOI8-U"),
]
EBCDIC = ["IBM037", "IBM500", "IBM1026", "cp1140"]
#: Character set -> characters that Java decodes to others than Python does, at most, of all that it
#: has; newer versions of Java have fewer.
MULTI_BYTE = {
    "Shift_JIS": 1,  # U+2015, a dash
    "MS932": 5,  # private ones
    "EUC-JP": 1,
    "EUC-KR": 0,
    "GB2312": 0,
    "GBK": 1,  # U+2295
    "GB18030": 38,  # assigned in 2005, and private before; Java 21 has them
    "Big5": 3,
    "UTF-16": 0,
    "UTF-16LE": 0,
    "UTF-32": 0,
}


def by_java(spark: SparkSession, data: bytes, charset: str) -> str:
    text: str = spark._jvm.java.lang.String(bytearray(data), charset)  # type: ignore[union-attr]
    return text


@pytest.mark.parametrize("charset", SINGLE_BYTE)
def test_every_byte_is_the_character_of_java(spark: SparkSession, charset: str) -> None:
    name = charset_of(charset)
    assert name is not None
    data = bytes(range(256))
    assert recoded(data, name).decode() == by_java(spark, data, charset)


@pytest.mark.parametrize("charset", EBCDIC)
def test_every_byte_of_ebcdic_is_the_character_of_java_but_for_line_feeds(
    spark: SparkSession, charset: str
) -> None:
    name = charset_of(charset)
    assert name is not None
    data = bytes(set(range(256)) - {0x25})  # a line end for us, and for Java U+0085
    assert b"".join(recoded_pieces([data], name)).decode() == by_java(spark, data, charset)


@pytest.mark.parametrize("charset", MULTI_BYTE)
def test_characters_of_several_bytes_are_those_of_java(spark: SparkSession, charset: str) -> None:
    name = charset_of(charset)
    assert name is not None
    known = []
    for number in (*range(0x20, 0xD800), *range(0xE000, 0xFFFE), *range(0x20000, 0x20100)):
        try:
            encoded = chr(number).encode(charset)
            # Python spells Hangul that EUC-KR lacks by eight bytes, which Java has not.
            if (len(encoded) == 8) <= (charset != "EUC-KR") and codecs.decode(
                encoded, charset
            ) == chr(number):
                known.append(chr(number))
        except UnicodeError:
            continue
    data = "\n".join(known).encode(charset)
    ours = b"".join(recoded_pieces([data], name)).decode().split("\n")
    sparks = by_java(spark, data, charset).removeprefix("\ufeff").split("\n")
    assert len(ours) == len(sparks) > 1000
    others = [(mine, other) for mine, other in zip(ours, sparks, strict=True) if mine != other]
    assert len(others) <= MULTI_BYTE[charset], others


def test_malformed_utf_8_is_replaced_as_by_java(spark: SparkSession) -> None:
    chosen = random.Random(1)
    parts = [b"\x80", b"\xbf", b"\xc0", b"\xc2", b"\xe0", b"\xe2", b"\x82", b"\xa0", b"\x9f"]
    parts += [b"\xed", b"\xef", b"\xf0", b"\xf1", b"\xf4", b"\xf5", b"\xff", b"\x90", b"a"]
    lines = [b"".join(chosen.choices(parts, k=chosen.randrange(1, 7))) for _ in range(20_000)]
    data = b"\n".join(lines)
    ours = well_formed_bytes(data).decode().split("\n")
    sparks = by_java(spark, data, "UTF-8").split("\n")
    wrong = [case for case in zip(lines, ours, sparks, strict=True) if case[1] != case[2]]
    assert not wrong, wrong[:5]
