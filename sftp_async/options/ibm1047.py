"""Adds the character set IBM1047, the EBCDIC of z/OS Unix, which Python lacks."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NAMES: Final = frozenset({"ibm1047", "cp1047", "ibm_1047", "1047"})
#: Where it differs from code page 037, of which it has all characters (IBM's CDRA tables; Java's
#: `IBM1047`, but for line feed and next line, which Java exchanges).
_MOVED: Final = {0x5F: "^", 0xB0: "¬", 0xAD: "[", 0xBD: "]", 0xBA: "Ý", 0xBB: "¨"}


def _table() -> str:
    characters = [*bytes(range(256)).decode("cp037")]
    for code, character in _MOVED.items():
        characters[code] = character
    return "".join(characters)


#: Any: a text, of which older type information of `codecs` knows nothing.
_DECODING: Final[Any] = _table()
_ENCODING: Final = codecs.charmap_build(_DECODING)


def _encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return codecs.charmap_encode(text, errors, _ENCODING)


def _decode(data: Buffer, errors: str = "strict") -> tuple[str, int]:
    return codecs.charmap_decode(data, errors, _DECODING)


class _IncrementalEncoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        return _encode(text, self.errors)[0]


class _IncrementalDecoder(codecs.IncrementalDecoder):
    def decode(self, data: Buffer, final: bool = False) -> str:
        return _decode(data, self.errors)[0]


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("-", "_") not in _NAMES:
        return None
    return codecs.CodecInfo(
        name="ibm1047",
        encode=_encode,
        decode=_decode,
        incrementalencoder=_IncrementalEncoder,
        incrementaldecoder=_IncrementalDecoder,
    )


codecs.register(_find)
