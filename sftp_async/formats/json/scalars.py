"""Converts the scalar tokens of JSON to Spark's types, with Jackson's ranges."""

from __future__ import annotations

import binascii
import math
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from sftp_async.formats.json import tokens as t
from sftp_async.formats.json.generator import written_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.json.text_values import TextParser

    Read = Callable[[t.Tokens, str], Any]

AnyTokens = TypeVar("AnyTokens", bound=t.Tokens)

#: What Spark takes for numbers, in strings. NaN is one, too.
NON_NUMERIC = {
    "NaN": math.nan,
    **dict.fromkeys(("+INF", "+Infinity", "Infinity"), math.inf),
    **dict.fromkeys(("-INF", "-Infinity"), -math.inf),
}
#: The least and the greatest number of each type. A byte may have no sign: JsonParser.getByteValue.
RANGES = {
    pa.int8(): (-128, 255),
    pa.int16(): (-(1 << 15), (1 << 15) - 1),
    pa.int32(): (-(1 << 31), (1 << 31) - 1),
    pa.int64(): (-(1 << 63), (1 << 63) - 1),
}
# The bits of a double that a float of 32 bits lacks, and the highest of them.
_BELOW_FLOAT, _HALF_FLOAT = (1 << 29) - 1, 1 << 28
# What Jackson's variant MIME_NO_LINEFEEDS takes, white space before each group included.
_GROUP = re.compile(r"[\x00-\x20]*(?:([A-Za-z0-9+/]{4})|([A-Za-z0-9+/]{3}=)|([A-Za-z0-9+/]{2}==))")
_PLAIN = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?")


def only(tokens: AnyTokens, token: str | None, wanted: str) -> AnyTokens:
    """Return the tokens if the current one is as wanted.

    Raises:
        MalformedJSONError: it is another; a string is read to its end, as in Spark.

    """
    if token != wanted:
        mismatch(tokens, token)
    return tokens


def mismatch(tokens: t.Tokens, token: str | None) -> None:
    """Refuse the current token.

    Raises:
        MalformedJSONError: always; a string is read to its end before, as in Spark.

    """
    if token == t.STRING:
        tokens.string()
    raise t.MalformedJSONError(f"{token} does not fit the type of the column")


class Scalars:
    """Makes functions that read a token as a value of one type.

    Args:
        texts: parses dates, timestamps and decimals.
        leniency: whether strings may be numbers that are none.
        keeps_source: see `RecordParser`.

    """

    def __init__(self, texts: TextParser, leniency: t.Leniency, *, keeps_source: bool) -> None:
        self._texts = texts
        self._non_numeric = NON_NUMERIC if leniency.non_numeric else {}
        self._keeps_source = keeps_source

    def reader(self, kind: pa.DataType) -> Read:
        """Return what reads a token other than null.

        The function raises `MalformedJSONError`, or another `ValueError`, if the token does not
        fit.
        """
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._string
        if kind in RANGES:
            return lambda tokens, token: integer(only(tokens, token, t.INT).number, kind)
        if pa.types.is_boolean(kind):
            return _boolean
        if pa.types.is_floating(kind):
            return self._single if pa.types.is_float32(kind) else self._double
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return lambda tokens, token: base64(only(tokens, token, t.STRING).string())
        if pa.types.is_decimal(kind):
            return self._decimal_reader(kind)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return self._timestamp
        parse = self._texts.of(kind)
        return lambda tokens, token: parse(_filled(only(tokens, token, t.STRING)))

    def _string(self, tokens: t.Tokens, token: str) -> str:
        if token == t.STRING:
            return tokens.string()
        if not self._keeps_source:
            return written_again(tokens)
        start = tokens.start
        tokens.skip_children()
        return tokens.since(start).encode(errors="surrogateescape").decode(errors="replace")

    def _double(self, tokens: t.Tokens, token: str) -> float:
        if token in (t.INT, t.FLOAT):
            number = tokens.number
            if number in NON_NUMERIC:
                return NON_NUMERIC[number]
            return 0.0 if number == "-0" else float(number)  # an integer has no negative zero
        text = only(tokens, token, t.STRING).string()
        if text not in self._non_numeric:
            raise ValueError("a string is no number")
        return self._non_numeric[text]

    def _single(self, tokens: t.Tokens, token: str) -> float:
        if token in (t.INT, t.FLOAT) and tokens.number not in ("-0", *NON_NUMERIC):
            return single(tokens.number)
        return self._double(tokens, token)

    def _timestamp(self, tokens: t.Tokens, token: str) -> int:
        if token == t.INT:
            return seconds(integer(tokens.number, pa.int64()))
        parse = self._texts.of(pa.timestamp("us", "UTC"))
        value: int = parse(_filled(only(tokens, token, t.STRING)))
        return value

    def _decimal_reader(self, kind: pa.Decimal128Type) -> Read:
        parse = self._texts.of(kind)
        exact = self._texts.decimal(kind)

        def read(tokens: t.Tokens, token: str) -> Decimal:
            if token in (t.INT, t.FLOAT):
                number: Decimal = exact(tokens.number)
                return number
            value: Decimal = parse(_filled(only(tokens, token, t.STRING)))
            return value

        return read


def integer(text: str, kind: pa.DataType) -> int:
    """Return a number of digits as an integer of a type.

    Raises:
        ValueError: it is out of the type's range.

    """
    number = int(text)
    least, most = RANGES[kind]
    if not least <= number <= most:
        raise ValueError("a number is out of range")
    return number - 256 if kind == pa.int8() and number > 127 else number


def seconds(number: int) -> int:
    """Return seconds as microseconds; beyond 64 bits they overflow, as in Java."""
    micros = number * 1_000_000 & (1 << 64) - 1
    return micros - (1 << 64) if micros >> 63 else micros


def single(text: str) -> float:
    """Return the text of a number as the nearest float of 32 bits."""
    double = float(text)
    bits = int.from_bytes(struct.pack("<d", double), "little")
    if bits & _BELOW_FLOAT == _HALF_FLOAT and math.isfinite(double):
        # The double is just between two floats: rounded twice, it may go the wrong way.
        exact, middle = Decimal(text).copy_abs(), Decimal(double).copy_abs()
        if exact != middle:
            away = exact > middle
            double = math.nextafter(double, math.copysign(math.inf if away else 0.0, double))
    try:
        value: float = struct.unpack("f", struct.pack("f", double))[0]
    except OverflowError:
        return math.copysign(math.inf, double)
    return value


def base64(text: str) -> bytes:
    """Return what base64 text encodes.

    Raises:
        ValueError: it encodes nothing.

    """
    if _PLAIN.fullmatch(text):
        return binascii.a2b_base64(text)
    at = 0
    pieces = []
    while text[at:].strip("".join(map(chr, range(33)))):
        found = _GROUP.match(text, at)
        if found is None:
            raise ValueError("it is no base64")
        pieces.append(binascii.a2b_base64(found[0].strip()))
        at = found.end()
    return b"".join(pieces)


def _boolean(tokens: t.Tokens, token: str) -> bool:
    if token not in (t.TRUE, t.FALSE):
        mismatch(tokens, token)
    return token == t.TRUE


def _filled(tokens: t.Tokens) -> str:
    text = tokens.string()
    if not text:
        raise ValueError("an empty string fits no type but strings")
    return text
