"""The types that values of JSON and XML suggest, and how they merge, as Spark infers them.

A type is one of the names below, a `Decimal`, an `Array` or a `Struct`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as Number
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

NULL, BOOLEAN, LONG, DOUBLE, STRING = "null", "boolean", "long", "double", "string"
DATE, TIMESTAMP = "date", "timestamp"
_MAX_PRECISION = 38
_ARROW = {
    STRING: pa.string(),
    LONG: pa.int64(),
    DOUBLE: pa.float64(),
    BOOLEAN: pa.bool_(),
    DATE: pa.date32(),
    TIMESTAMP: pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True)
class Decimal:
    """A decimal number."""

    precision: int
    scale: int

    @property
    def range(self) -> int:
        """Digits before the point."""
        return self.precision - self.scale


#: The decimal that holds every long: DecimalType.LongDecimal.
_LONG_DECIMAL = Decimal(20, 0)


@dataclass(frozen=True)
class Array:
    """An array."""

    element: Type


@dataclass(frozen=True)
class Struct:
    """A struct; its fields have no order before `arrow_type`."""

    fields: dict[str, Type]


Type = str | Decimal | Array | Struct


class Merging:
    """Merges types as one of Spark's readers does.

    Args:
        value_tag: XML: the field of a struct that a scalar value goes to; None for JSON.
        key: what the names of equal fields have in common.

    """

    def __init__(
        self, value_tag: str | None = None, key: Callable[[str], str] = lambda name: name
    ) -> None:
        self._value_tag = value_tag
        self._key = key

    def merged(self, one: Type, other: Type) -> Type:
        """Return the type that holds the values of two."""
        if one == other:
            return one
        if NULL in (one, other):
            return other if one == NULL else one
        if isinstance(one, Struct) and isinstance(other, Struct):
            return self._struct(one, other)
        if isinstance(one, Array) and isinstance(other, Array):
            return Array(self.merged(one.element, other.element))
        if self._value_tag is not None:
            if isinstance(one, Array):
                return Array(self.merged(one.element, other))
            if isinstance(other, Array):
                return Array(self.merged(one, other.element))
            for struct, scalar in ((one, other), (other, one)):
                if isinstance(struct, Struct) and self._value_tag in struct.fields:
                    value = self.merged(struct.fields[self._value_tag], scalar)
                    return Struct(struct.fields | {self._value_tag: value})
        return _scalar(one, other)

    def _struct(self, one: Struct, other: Struct) -> Struct:
        fields = dict(one.fields)
        names = {self._key(name): name for name in fields}
        for given, kind in other.fields.items():
            name = names.setdefault(self._key(given), given)
            fields[name] = self.merged(fields[name], kind) if name in fields else kind
        return Struct(fields)


def _scalar(one: Type, other: Type) -> Type:
    if (one, other) in ((DATE, TIMESTAMP), (TIMESTAMP, DATE)):
        return TIMESTAMP
    numbers = [kind for kind in (one, other) if isinstance(kind, Decimal) or kind in (LONG, DOUBLE)]
    if len(numbers) < 2:
        return STRING
    if DOUBLE in numbers:
        return DOUBLE
    first, second = (kind if isinstance(kind, Decimal) else _LONG_DECIMAL for kind in numbers)
    scale = max(first.scale, second.scale)
    whole = max(first.range, second.range)
    return Decimal(whole + scale, scale) if whole + scale <= _MAX_PRECISION else DOUBLE


def decimal_of(text: str) -> Decimal | None:
    """Return the decimal type that holds a number; None if none does."""
    number = Number(text)
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "it is no NaN"
    scale = -exponent
    precision = max(len(digits), scale)
    return Decimal(precision, scale) if precision <= _MAX_PRECISION and scale >= 0 else None


def java_order(name: str) -> bytes:
    """Return what names are sorted by: UTF-16, as Java compares text."""
    return name.encode("utf-16-be", "surrogatepass")


def arrow_type(kind: Type, *, drops_null: bool = False) -> pa.DataType | None:
    """Return the Arrow form of a type; None if nothing of it is left, as in an empty struct.

    Args:
        kind: the type.
        drops_null: whether fields that are null in all rows are left out, rather than strings.

    """
    if isinstance(kind, Struct):
        fields = []
        for name in sorted(kind.fields, key=java_order):
            inner = arrow_type(kind.fields[name], drops_null=drops_null)
            if name and inner is not None:
                # Java writes half of a surrogate pair as a question mark.
                fields.append(pa.field(name.encode("utf-8", "replace").decode(), inner))
        return pa.struct(fields) if fields else None
    if isinstance(kind, Array):
        element = arrow_type(kind.element, drops_null=drops_null)
        return None if element is None else pa.list_(pa.field("element", element))
    if isinstance(kind, Decimal):
        return pa.decimal128(kind.precision, kind.scale)
    if kind == NULL:
        return None if drops_null else pa.string()
    return _ARROW[kind]
