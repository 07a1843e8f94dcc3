"""Turns the texts of partition directories into values of their columns, and infers the types.

The rules are those of Spark's PartitioningUtils (inferPartitionColumnValue,
castPartValueToDesiredType), whose types are those of Java's parsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from decimal import Context, Decimal
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.values import text_times
from sftp_async.formats.values.zones import zone_of
from sftp_async.humanize import well_formed
from sftp_async.layout.hive import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Most digits of Spark's decimals (DecimalType.MAX_PRECISION).
_MOST_DIGITS = 38
#: More digits than a name has: no digit is lost before they are counted.
_EXACT = Context(prec=2000, Emax=999_999, Emin=-999_999)
#: Java's Integer.parseInt and Long.parseLong; they take the digits of every script.
_WHOLE = re.compile(r"[+-]?\d+")
#: java.math.BigDecimal(String).
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
#: java.lang.Double.valueOf, after white space at the ends is gone.
_DOUBLE = re.compile(r"[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)", re.ASCII)
_HEX_DOUBLE = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?\d+[fFdD]?", re.ASCII
)
#: The characters that Java's String.trim removes.
_BLANK = "".join(map(chr, range(33)))
#: PartitioningUtils.timestampPartitionPattern and DateFormatter.defaultPattern, read strictly.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

TIMESTAMP = pa.timestamp("us", "UTC")


def partition_type(texts: Iterable[str | None]) -> pa.DataType:
    """Return the type that Spark infers for the values of a partition column.

    Args:
        texts: of the directories, as they are; None for null.

    """
    return reduce(_wider, map(_type_of, set(texts)), pa.null())


def partition_value(
    text: str | None, column: pa.Field, path: str, *, zone: str = "UTC"
) -> pa.Scalar:
    """Return the value of a partition column.

    Args:
        text: of the directory, as it is; None for null.
        column: name and type.
        path: of the file, for the error.
        zone: of the session, in which times without a zone are.

    Raises:
        DecodeError: the text does not fit the type.

    """
    if text is None:
        return pa.scalar(None, column.type)
    try:
        return pa.scalar(_parsed(well_formed(text), column.type, zone), column.type)
    except (ValueError, ArithmeticError, pa.ArrowException) as error:
        raise DecodeError(
            f"The directory's value {unescaped(text)!r} does not fit the type {column.type} of "
            f"partition column {column.name!r}",
            path=path,
            hint="Give the column another type in .schema(), or move the directory away",
        ) from error


def _type_of(text: str | None) -> pa.DataType:
    if text is None:
        return pa.null()
    if _WHOLE.fullmatch(text):
        if -(2**31) <= int(text) < 2**31:
            return pa.int32()
        if -(2**63) <= int(text) < 2**63:
            return pa.int64()
    digits = _digits_of(text)
    if digits is not None:
        return pa.decimal128(digits, 0)
    if _is_double(text):
        return pa.float64()
    if _fits(lambda: _strict_moment(unescaped(text))):
        return TIMESTAMP
    if _fits(lambda: _strict_day(text)):
        return pa.date32()
    return pa.string()


def _digits_of(text: str) -> int | None:
    """Return the digits of a whole decimal; None: it has a fraction, or more than 38 digits."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        _, unscaled, exponent = _EXACT.create_decimal(text).as_tuple()
    except ArithmeticError:
        return None
    assert isinstance(exponent, int)
    # An exponent above zero becomes digits (Decimal.set).
    digits = len(unscaled) + exponent
    return digits if exponent >= 0 and digits <= _MOST_DIGITS else None


def _is_double(text: str) -> bool:
    trimmed = text.strip(_BLANK)
    return bool(_DOUBLE.fullmatch(trimmed) or _HEX_DOUBLE.fullmatch(trimmed))


def _strict_moment(text: str) -> None:
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError(text)
    text_times.timestamp(text, UTC)


def _strict_day(text: str) -> None:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    text_times.date(text)


def _fits(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except ValueError:
        return False
    return True


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return PartitioningUtils.findWiderTypeForPartitionColumn of two inferred types."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    kinds = {one, other}
    if kinds == {pa.int32(), pa.int64()}:
        return pa.int64()
    if kinds == {pa.int32(), pa.float64()}:
        return pa.float64()
    if kinds == {pa.date32(), TIMESTAMP}:
        return TIMESTAMP
    digits = [_as_digits(kind) for kind in (one, other)]
    if all(digits):
        return pa.decimal128(max(digits), 0)
    return pa.string()


def _as_digits(kind: pa.DataType) -> int:
    """Return the digits of a type as a decimal (DecimalType.forType); 0 for others."""
    if pa.types.is_decimal(kind):
        return int(kind.precision)
    return {pa.int32(): 10, pa.int64(): 20}.get(kind, 0)


def _parsed(text: str, kind: pa.DataType, zone: str) -> object:
    """Return the text as a value of the type, as castPartValueToDesiredType does."""
    is_ = pa.types
    if is_.is_string(kind) or is_.is_large_string(kind):
        return unescaped(text).encode("utf-8", "replace").decode()
    if is_.is_integer(kind):
        if not _WHOLE.fullmatch(text):
            raise ValueError(text)
        return int(text)
    if is_.is_floating(kind):
        return _double(text)
    if is_.is_decimal(kind):
        if not _DECIMAL.fullmatch(text):
            raise ValueError(text)
        return Decimal(text).quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT)
    if is_.is_date(kind):
        return text_times.date(text)
    if is_.is_timestamp(kind):
        own_zone = UTC if kind.tz is None else zone_of(zone)
        return text_times.timestamp(unescaped(text), own_zone)
    if is_.is_boolean(kind):
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if is_.is_binary(kind) or is_.is_large_binary(kind):
        return text.encode("utf-8", "surrogateescape")
    if is_.is_null(kind):
        return None
    raise ValueError(f"a partition column cannot have the type {kind}")


def _double(text: str) -> float:
    trimmed = text.strip(_BLANK)
    if _HEX_DOUBLE.fullmatch(trimmed):
        return float.fromhex(trimmed.rstrip("fFdD"))
    if not _DOUBLE.fullmatch(trimmed):
        raise ValueError(text)
    word = trimmed.lstrip("+-")
    return float(trimmed if word in ("NaN", "Infinity") else trimmed.rstrip("fFdD"))
