"""Converts values of Python's scanner to Spark's types, where their text is not needed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from sftp_async.formats.json.scalars import NON_NUMERIC, RANGES, base64, integer, seconds, single

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.json.text_values import TextParser

    Convert = Callable[[Any], Any]


class OddRecordError(Exception):
    """A record is left to the exact path."""


class Number(str):
    """The text of a number with a fraction or an exponent."""

    __slots__ = ()


class QuickValues:
    """Makes functions that convert a value of the scanner to a type.

    Args:
        texts: parses dates, timestamps and decimals.
        non_numeric: whether NaN and the like are numbers.
        keeps_source: see `RecordParser`.

    """

    def __init__(self, texts: TextParser, *, non_numeric: bool, keeps_source: bool) -> None:
        self._texts = texts
        self._non_numeric = NON_NUMERIC if non_numeric else {}
        self.keeps_source = keeps_source

    def converter(self, kind: pa.DataType) -> Convert:
        """Return what converts a value other than null.

        The function raises `ValueError` if the value does not fit the type, and `OddRecordError` if
        what Spark makes of it cannot be known here. A value within an array, a map or a struct that
        does not fit is odd, too.
        """
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._string
        if kind in RANGES:
            return _integer(kind)
        if pa.types.is_boolean(kind):
            return _boolean
        if pa.types.is_floating(kind):
            return self._single if pa.types.is_float32(kind) else self._double
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return lambda value: base64(_text(value))
        if pa.types.is_decimal(kind):
            return self._decimal(kind)
        if pa.types.is_nested(kind):
            return _odd_where_wrong(self._nested(kind))
        if pa.types.is_null(kind):
            return lambda value: None
        parse = self._texts.of(kind)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return lambda value: (
                seconds(integer(str(value), pa.int64()))
                if type(value) is int
                else parse(_filled(value))
            )
        return lambda value: parse(_filled(value))

    def _string(self, value: Any) -> str:
        if type(value) is str:
            return value
        if type(value) is bool:
            return "true" if value else "false"
        if self.keeps_source:
            if type(value) is Number:
                return str(value)
            if type(value) is int and value:  # zero may have a sign
                return str(value)
        raise OddRecordError

    def _double(self, value: Any) -> float:
        kind = type(value)
        if kind is Number or kind is float:
            return float(value)
        if kind is int:
            return float(str(value))
        return self._non_numeric[_text(value)] if _text(value) in self._non_numeric else refuse()

    def _single(self, value: Any) -> float:
        kind = type(value)
        if kind is Number or kind is int:
            return single(str(value))
        return self._double(value)

    def _decimal(self, kind: pa.Decimal128Type) -> Convert:
        parse = self._texts.of(kind)
        exact = self._texts.decimal(kind)
        whole, scale = kind.precision - kind.scale, kind.scale

        def decimal(value: Any) -> Any:
            if type(value) not in (int, Number):
                return parse(_filled(value))
            text = str(value)
            before, _, behind = text.partition(".")
            # The usual case: it fits, and needs no rounding.
            usual = len(before) <= whole and len(behind) <= scale
            if usual and "e" not in text and "E" not in text:
                return Decimal(text)
            return exact(text)

        return decimal

    def _nested(self, kind: pa.DataType) -> Convert:
        if pa.types.is_struct(kind):
            fields = [(field.name, self.converter(field.type)) for field in kind]

            def struct(value: Any) -> dict[str, Any]:
                if type(value) is not dict:
                    raise OddRecordError
                return {
                    name: None if (inner := value.get(name)) is None else convert(inner)
                    for name, convert in fields
                }

            return struct
        if pa.types.is_map(kind):
            item = self.converter(kind.item_type)

            def pairs(value: Any) -> list[tuple[str, Any]]:
                if type(value) is not dict:
                    raise OddRecordError
                return [(k, None if v is None else item(v)) for k, v in value.items()]

            return pairs
        element = self.converter(kind.value_type)

        def elements(value: Any) -> list[Any]:
            if type(value) is not list:
                raise OddRecordError
            return [None if v is None else element(v) for v in value]

        return elements


def scanner(constant: Any, pairs: Any) -> Callable[[str, int], tuple[Any, int]]:
    """Return what reads one value of JSON; it reads no further, and skips nothing before it.

    Numbers with a fraction or an exponent become a `Number`.

    Args:
        constant: takes NaN and the like.
        pairs: takes the members of an object; None: an object is a dictionary.

    """
    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_float=Number, parse_constant=constant)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]
    return scan


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object.

    Raises:
        OddRecordError: two have the same name.

    """
    made = dict(pairs)
    if len(made) != len(pairs):
        raise OddRecordError
    return made


def refuse(_: object = None) -> NoReturn:
    """Refuse a word such as NaN.

    Raises:
        ValueError: always.

    """
    raise ValueError("a word is not allowed")


def _odd_where_wrong(convert: Convert) -> Convert:
    def nested(value: Any) -> Any:
        try:
            return convert(value)
        except ValueError:
            raise OddRecordError from None

    return nested


def _integer(kind: pa.DataType) -> Convert:
    least, most = RANGES[kind]

    def convert(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError("it is no integer of the type")
        return value - 256 if most == 255 and value > 127 else value

    return convert


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("it is no boolean")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("it is no string")
    return value


def _filled(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError("it is no string with characters")
    return value
