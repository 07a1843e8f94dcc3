"""Recodes what is read to UTF-8, from any character set, as Java's decoders do.

Bytes that mean nothing in the character set become U+FFFD.
"""

from __future__ import annotations

import codecs
import itertools
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The character sets of several bytes whose further bytes are 0x30 or more: a byte below that is
#: the character of ASCII wherever it stands. GB 18030 goes down to 0x30, the others to 0x31 (Johab)
#: or 0x40.
_SAFE_MULTIBYTE = frozenset(
    {"big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jisx0213", "euc_jp"}
    | {"euc_kr", "gb18030", "gb2312", "gbk", "johab", "shift_jis", "shift_jis_2004"}
    | {"shift_jisx0213"}
)
_SAFE_BELOW = 0x30
#: The byte order mark of the little-endian form. Without any, Java takes the big-endian one, and
#: Python that of the processor.
_LITTLE_ENDIAN_MARK = {"utf_16": codecs.BOM_UTF16_LE, "utf_32": codecs.BOM_UTF32_LE}
_NEXT_LINE = "\x85"


def charset_of(encoding: str) -> str | None:
    """Return Python's name of a character set; None for UTF-8, which needs no recoding."""
    name = codecs.lookup(encoding).name.replace("-", "_")
    return None if name in ("utf_8", "utf_8_sig") else name


def raw_separator(separator: bytes | None, charset: str) -> bytes | None:
    """Return the bytes by which line ends can be found before recoding; None if they cannot.

    Args:
        separator: in UTF-8; None: the usual ones, for which empty bytes are returned.
        charset: of the file.

    """
    text = (separator or b"\r\n").decode()
    try:
        raw = text.encode(charset)
    except UnicodeEncodeError:
        return None
    if charset in _SAFE_MULTIBYTE:
        safe = text.isascii() and max(raw) < _SAFE_BELOW
    else:
        safe = is_single_byte(charset) and not is_ebcdic(charset)
    return (raw if separator else b"") if safe else None


def recoded(data: bytes, charset: str) -> bytes:
    """Return whole characters of a character set in UTF-8."""
    if data.isascii() and _has_bytes_of_ascii(charset):
        return data
    return _utf8(data.decode(charset, "replace"))


def recoded_pieces(pieces: Iterable[bytes], charset: str) -> Iterator[bytes]:
    """Yield a file in UTF-8 that comes in pieces cut anywhere, without a byte order mark.

    The line ends of EBCDIC, which are the next line of Unicode (U+0085), become line feeds.
    """
    pieces = iter(pieces)
    if charset in _LITTLE_ENDIAN_MARK:
        charset, pieces = _with_byte_order(pieces, charset)
    decoder = codecs.getincrementaldecoder(charset)("replace")
    texts = (decoder.decode(piece, final) for piece, final in _and_end(pieces))
    started = False
    for text in filter(None, texts):
        if not started:
            started = True
            text = text.removeprefix("\ufeff")
        if is_ebcdic(charset):
            text = text.replace(_NEXT_LINE, "\n")
        if text:
            yield _utf8(text)


def _and_end(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in pieces:
        yield piece, False
    yield b"", True


def _with_byte_order(pieces: Iterator[bytes], charset: str) -> tuple[str, Iterator[bytes]]:
    """Return the character set with the byte order of the file, and the whole file's pieces."""
    mark = _LITTLE_ENDIAN_MARK[charset]
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(mark):
            break
    order = "le" if start.startswith(mark) else "be"
    return f"{charset}_{order}", itertools.chain([start], pieces)


def _utf8(text: str) -> bytes:
    # UTF-7 can hold halves of characters.
    return text.encode("utf-8", "replace")


@cache
def is_single_byte(charset: str) -> bool:
    """Return whether each byte is a character, of a set by Python's name."""
    # ISO 2022 and HZ switch to sets of two bytes within a file.
    switches = charset.startswith(("iso2022", "hz"))
    return not switches and len(bytes(range(256)).decode(charset, "replace")) == 256


@cache
def is_ebcdic(charset: str) -> bool:
    """Return whether a character set, by Python's name, is a code page of EBCDIC."""
    return "A".encode(charset) == b"\xc1"


@cache
def _has_bytes_of_ascii(charset: str) -> bool:
    ascii_bytes = bytes(range(128))
    return ascii_bytes.decode(charset, "replace").encode() == ascii_bytes
