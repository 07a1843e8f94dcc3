"""The middle path: reads well-formed records with Python's own scanner, and leaves the odd ones.

Python's scanner is strict, so a record that it takes is JSON. What Spark makes of it depends on
nothing but the values then, unless a name is given twice, a nested value does not fit its type, or
the text of a value is needed: such records are left to `RecordParser`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from sftp_async.formats.json.limits import SHORT, within_limits
from sftp_async.formats.json.records import Parsed
from sftp_async.formats.json.scalars import NON_NUMERIC, RANGES, base64, integer, seconds, single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sftp_async.formats.json.text_values import TextParser

    Convert = Callable[[Any], Any]


class OddRecordError(Exception):
    """A record is left to the exact path."""


class _Number(str):
    """The text of a number with a fraction or an exponent."""

    __slots__ = ()


class QuickRecords:
    """Parses ordinary records.

    Args:
        columns: all columns but that of corrupt records.
        texts: parses dates, timestamps and decimals.
        non_numeric: whether NaN and the like are numbers.
        keeps_source: see `RecordParser`.

    """

    def __init__(
        self, columns: pa.Schema, texts: TextParser, *, non_numeric: bool, keeps_source: bool
    ) -> None:
        self._texts = texts
        self._non_numeric = NON_NUMERIC if non_numeric else {}
        self._keeps_source = keeps_source
        self._columns = [
            (field.name, self._converter(field.type), not pa.types.is_nested(field.type))
            for field in columns
        ]
        decoder = json.JSONDecoder(
            object_pairs_hook=_pairs,
            parse_float=_Number,
            parse_constant=None if non_numeric else _refuse,
        )
        # raw_decode() reads no further than the record, and skips nothing before it.
        self._scan = decoder.raw_decode

    def parse(self, text: str) -> Parsed | None:
        """Return the row of a record, which begins with a brace; None if it is an odd one."""
        if (len(text) >= SHORT and not _is_limited(text)) or "\\ud" in text or "\\uD" in text:
            return None
        try:
            record, _ = self._scan(text, 0)
            return self._row(record)
        except _ODD:
            return None

    def elements(self, text: str) -> Iterator[list[Any]]:
        """Yield the rows of a document, or of an array of documents.

        Raises:
            OddRecordError: it is something else, or malformed.

        """
        if "\\ud" in text or "\\uD" in text:
            raise OddRecordError
        try:
            at = _next(text, 0)
            is_array = text[at] == "["
            at = _next(text, at + 1) if is_array else at
            while text[at] != "]":
                if text[at] != "{":
                    raise OddRecordError
                record, end = self._scan(text, at)
                if end - at >= SHORT and not _is_limited(text[at:end]):
                    raise OddRecordError
                parsed = self._row(record)
                if parsed.malformed:
                    raise OddRecordError
                yield parsed.rows[0]
                if not is_array:
                    return
                at = _next(text, end)
                if text[at] == ",":
                    at = _next(text, at + 1)
                    if text[at] == "]":
                        raise OddRecordError
                elif text[at] != "]":
                    raise OddRecordError
        except (IndexError, *_ODD):
            raise OddRecordError from None

    def _row(self, record: dict[str, Any]) -> Parsed:
        row: list[Any] = []
        malformed = False
        get = record.get
        for name, convert, is_scalar in self._columns:
            value = get(name)
            if value is not None:
                try:
                    value = convert(value)
                except ValueError:
                    if not is_scalar:
                        raise
                    malformed = True
                    value = None
            row.append(value)
        return Parsed([row], malformed)

    def _converter(self, kind: pa.DataType) -> Convert:
        """Return what converts a value other than null; it raises `ValueError` if it cannot."""
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
            return self._nested(kind)
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
        if self._keeps_source:
            if type(value) is _Number:
                return str(value)
            if type(value) is int and value:  # zero may have a sign
                return str(value)
        raise OddRecordError

    def _double(self, value: Any) -> float:
        kind = type(value)
        if kind is _Number or kind is float:
            return float(value)
        if kind is int:
            return float(str(value))
        return self._non_numeric[_text(value)] if _text(value) in self._non_numeric else _refuse()

    def _single(self, value: Any) -> float:
        kind = type(value)
        if kind is _Number or kind is int:
            return single(str(value))
        return self._double(value)

    def _decimal(self, kind: pa.Decimal128Type) -> Convert:
        parse = self._texts.of(kind)
        exact = self._texts.decimal(kind)
        return lambda value: (
            exact(str(value)) if type(value) in (int, _Number) else parse(_filled(value))
        )

    def _nested(self, kind: pa.DataType) -> Convert:
        if pa.types.is_struct(kind):
            fields = [(field.name, self._converter(field.type)) for field in kind]

            def struct(value: Any) -> dict[str, Any]:
                if type(value) is not dict:
                    raise OddRecordError
                return {
                    name: None if (inner := value.get(name)) is None else convert(inner)
                    for name, convert in fields
                }

            return struct
        if pa.types.is_map(kind):
            item = self._converter(kind.item_type)

            def pairs(value: Any) -> list[tuple[str, Any]]:
                if type(value) is not dict:
                    raise OddRecordError
                return [(k, None if v is None else item(v)) for k, v in value.items()]

            return pairs
        element = self._converter(kind.value_type)

        def elements(value: Any) -> list[Any]:
            if type(value) is not list:
                raise OddRecordError
            return [None if v is None else element(v) for v in value]

        return elements


_ODD = (ValueError, StopIteration, RecursionError, OddRecordError)
_SPACE = re.compile(r"[ \t\r\n]*")


def _next(text: str, at: int) -> int:
    """Return the place of the next character that is no white space."""
    found = _SPACE.match(text, at)
    assert found is not None, "it may be empty"
    return found.end()


def _is_limited(text: str) -> bool:
    return within_limits(text.encode(errors="replace"))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise OddRecordError
    return made


def _refuse(_: object = None) -> NoReturn:
    raise ValueError("a word is not allowed")


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
