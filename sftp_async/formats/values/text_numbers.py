"""Reads numbers and booleans in text as Java and Scala do, cell by cell; the exact conversions."""

from __future__ import annotations

import math
import re
import struct
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"[+-]?\d+")
# Double.valueOf, after its white space: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Double.html#valueOf(java.lang.String)
_FLOAT = re.compile(
    r"([+-]?)(?:(NaN|Infinity)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?"
    r"|(0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?)"
)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_JAVA_BLANKS = "".join(map(chr, range(33)))
_WIDE = Context(prec=100_000, Emax=10**9, Emin=-(10**9))
#: The bits of a double that a float lacks, what they are in the middle between two floats, and the
#: least number from which on that is so.
_BELOW_FLOAT, _MIDDLE, _LEAST_FLOAT = (1 << 29) - 1, 1 << 28, 2.0**-126
#: Digits before the point that no decimal of Spark has; keeps `1E+999999999` from filling memory.
_MOST_DIGITS = 400


def integer(text: str, bits: int) -> int:
    """Return an integer as `Long.parseLong` and its like read it.

    Raises:
        ValueError: it is none, or does not fit.

    """
    if _INTEGER.fullmatch(text) is None or max(text) > "\uffff":
        raise ValueError(f"{text!r} is no integer")
    number = int(text)
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise ValueError(f"{text} does not fit {bits} bits")
    return number


def floating(text: str) -> float:
    """Return a number as `Double.parseDouble` reads it.

    Raises:
        ValueError: it is none.

    """
    match = _FLOAT.fullmatch(text.strip(_JAVA_BLANKS))
    if match is None:
        raise ValueError(f"{text!r} is no number")
    sign, name, digits, hexadecimal = match.groups()
    if name:
        number = float(name)
    elif digits:
        number = float(digits)
    else:
        try:
            number = float.fromhex(hexadecimal)
        except OverflowError:
            number = float("inf")
    return -number if sign == "-" else number


def single(text: str) -> float:
    """Return a number that becomes the float which `Float.parseFloat` reads, when it is made one.

    A double in the middle between two floats may stand for a text that is nearer to one of them.

    Raises:
        ValueError: it is none.

    """
    number = floating(text)
    (bits,) = struct.unpack("<Q", struct.pack("<d", number))
    if bits & _BELOW_FLOAT == _MIDDLE or 0 < abs(number) < _LEAST_FLOAT:
        match = _FLOAT.fullmatch(text.strip(_JAVA_BLANKS))
        if match is not None and match[3]:
            return math.copysign(pa.scalar(match[3]).cast(pa.float32()).as_py(), number)
    return number


def boolean(text: str) -> bool:
    """Return a boolean as Scala's `toBoolean` reads it: any case of `true` and `false`.

    Raises:
        ValueError: it is none.

    """
    upper = text.upper()
    if upper == "TRUE" and len(text) == 4:
        return True
    if upper == "FALSE" and len(text) == 5:
        return False
    raise ValueError(f"{text!r} is no boolean")


def big_decimal(text: str) -> Decimal:
    """Return a number as `java.math.BigDecimal` reads it, with its scale.

    Raises:
        ValueError: it is none.

    """
    if _DECIMAL.fullmatch(text) is None or max(text) > "\uffff":
        raise ValueError(f"{text!r} is no decimal number")
    try:
        return _WIDE.create_decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no decimal number") from error


def rounded(number: Decimal, precision: int, scale: int) -> Decimal:
    """Return a number as a decimal of Spark: rounded half up to its scale.

    Raises:
        ValueError: it has more digits than the precision.

    """
    if number and number.adjusted() > _MOST_DIGITS:
        raise ValueError(f"The number has more than {precision} digits")
    try:
        found = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE)
    except InvalidOperation as error:
        raise ValueError(f"The number does not fit {precision} digits") from error
    if found and found.adjusted() + 1 + scale > precision:
        raise ValueError(f"The number has more than {precision} digits")
    return found


#: language -> its decimal point and what groups digits (java.text.DecimalFormatSymbols).
_SYMBOLS = {
    "en": (".", ","),
    "ja": (".", ","),
    "ko": (".", ","),
    "zh": (".", ","),
    "de": (",", "."),
    "es": (",", "."),
    "it": (",", "."),
    "nl": (",", "."),
    "pt": (",", "."),
    "tr": (",", "."),
    "da": (",", "."),
    "id": (",", "."),
    "fr": (",", "\u202f"),
    "pl": (",", "\u00a0"),
    "ru": (",", "\u00a0"),
    "cs": (",", "\u00a0"),
    "sv": (",", "\u00a0"),
    "fi": (",", "\u00a0"),
    "uk": (",", "\u00a0"),
}
#: The locales whose numbers `decimal_reader` knows, besides en-US.
LOCALES = frozenset(_SYMBOLS)


def decimal_reader(locale: str) -> Callable[[str], Decimal]:
    """Return what reads decimals of a locale as Spark's `ExprUtils.getDecimalParser`.

    Args:
        locale: such as `en-US` or `de-DE`; its language is one of `LOCALES`.

    """
    if locale.replace("_", "-").lower() == "en-us":
        return lambda text: big_decimal(text.replace(",", ""))
    point, group = _SYMBOLS[locale.replace("_", "-").split("-")[0].lower()]
    point_, group_ = re.escape(point), re.escape(group)
    number = re.compile(rf"-?(?:[\d{group_}]*\d(?:{point_}\d*)?|{point_}\d+)(?:E-?\d+)?")

    def read(text: str) -> Decimal:
        if number.fullmatch(text) is None:
            raise ValueError(f"{text!r} is no decimal number of {locale}")
        return big_decimal(text.replace(group, "").replace(point, "."))

    return read
