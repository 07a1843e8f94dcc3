"""Infers the columns of JSON records, by the rules of Spark's JsonInferSchema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats import inferred_types as it
from sftp_async.formats.json import tokens as t
from sftp_async.formats.json.record_text import given_text, record_text

if TYPE_CHECKING:
    from sftp_async.options import FormatOptions

_LONGS = range(-(1 << 63), 1 << 63)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: How bytes that are not UTF-8 stand in the text of a record (the error handler surrogateescape).
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_WORDS = ("NaN", "Infinity", "-Infinity", "+Infinity", "-INF", "+INF")


_MERGING = it.Merging()


class _Pairs(list[tuple[str, Any]]):
    """The fields of an object, in their order, with names that are given twice."""


class _Number(str):
    """The text of a number with a fraction or an exponent."""

    __slots__ = ()


class Inference:
    """Collects the types of records.

    Args:
        options: of the read.
        leniency: what is accepted besides JSON.

    Attributes:
        records: how many were looked at.

    """

    def __init__(self, options: FormatOptions, leniency: t.Leniency) -> None:
        self._options = options
        self._leniency = leniency
        self._detects = "encoding" not in options.model_fields_set
        self._root = it.Struct({})
        self._corrupt = False
        self.records = 0
        self._scan = json.JSONDecoder(
            object_pairs_hook=_Pairs, parse_float=_Number, parse_constant=self._constant
        ).raw_decode

    def add(self, record: bytes, path: str) -> None:
        """Look at a record.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST.

        """
        self.records += 1
        try:
            kind = self._type_of(record)
        except t.MalformedJSONError as error:
            self._malformed(path, str(error))
            return
        while isinstance(kind, it.Array):
            kind = kind.element
        if isinstance(kind, it.Struct):
            root = _MERGING.merged(self._root, kind)
            assert isinstance(root, it.Struct)
            self._root = root
        elif kind != it.NULL:
            self._malformed(path, "it is no object")

    def schema(self, path: str) -> pa.Schema:
        """Return the columns.

        Args:
            path: of a file, for errors.

        Raises:
            DecodeError: two columns have the same name.

        """
        fields = dict(self._root.fields)
        name = self._options.column_name_of_corrupt_record
        if self._corrupt and name not in fields:
            fields[name] = it.STRING
        drops = self._options.drop_field_if_all_null
        root = it.arrow_type(it.Struct(fields), drops_null=drops)
        if root is None:
            return pa.schema([])
        check_names(root, path, case_sensitive=self._options.case_sensitive)
        return pa.schema(list(root))

    def _malformed(self, path: str, why: str) -> None:
        if self._options.mode == "failfast":
            raise DecodeError(
                f"A JSON record is malformed ({why}), and mode=FAILFAST",
                path=path,
                hint="Set mode=PERMISSIVE to get what can be read of such records",
            )
        self._corrupt |= self._options.mode == "permissive"

    def _type_of(self, record: bytes) -> it.Type:
        try:
            text = record_text(record) if self._detects else given_text(record)
        except UnicodeDecodeError as error:
            raise t.MalformedJSONError(str(error)) from None
        if _NOT_UTF8.search(text):
            raise t.MalformedJSONError("it is not UTF-8")
        try:
            value, _ = self._scan(text, re.match(r"[ \t\r\n]*", text).end())  # type: ignore[union-attr]
            return self._of_value(value)
        except (ValueError, StopIteration, RecursionError):
            pass
        tokens = t.Tokens(text, self._leniency)
        tokens.next()
        return self._of_token(tokens)

    def _constant(self, word: str) -> _Number:
        if not self._leniency.non_numeric:
            raise ValueError(word)
        return _Number(word)

    def _of_value(self, value: Any) -> it.Type:
        """Return the type of a value that Python's scanner has read."""
        kind = type(value)
        if kind is str:
            return self._of_string(value)
        if value is None:
            return it.NULL
        if kind is bool:
            return it.STRING if self._options.primitives_as_string else it.BOOLEAN
        if kind is int or kind is _Number:
            return self._of_number(str(value), whole=kind is int)
        if kind is _Pairs:
            return self._of_fields([(name, self._of_value(inner)) for name, inner in value])
        element: it.Type = it.NULL
        for inner in value:
            element = _MERGING.merged(element, self._of_value(inner))
        return it.Array(element)

    def _of_token(self, tokens: t.Tokens) -> it.Type:
        token = tokens.next() if tokens.token == t.NAME else tokens.token
        if token is None or token == t.NULL:
            return it.NULL
        if token == t.STRING:
            return self._of_string(tokens.string())
        if token in (t.TRUE, t.FALSE):
            return it.STRING if self._options.primitives_as_string else it.BOOLEAN
        if token in (t.INT, t.FLOAT):
            return self._of_number(tokens.number, whole=token == t.INT)
        if token == t.OBJECT:
            fields = []
            while tokens.next() not in (t.OBJECT_END, None):
                fields.append((tokens.name or "", self._of_token(tokens)))
            return self._of_fields(fields)
        if token != t.ARRAY:
            raise t.MalformedJSONError(f"{token} is no value")
        element: it.Type = it.NULL
        while tokens.next() not in (t.ARRAY_END, None):
            element = _MERGING.merged(element, self._of_token(tokens))
        return it.Array(element)

    @staticmethod
    def _of_fields(fields: list[tuple[str, it.Type]]) -> it.Type:
        found: dict[str, it.Type] = {}
        for name, kind in fields:
            found[name] = _MERGING.merged(found[name], kind) if name in found else kind
        return it.Struct(found)

    def _of_string(self, text: str) -> it.Type:
        if not text:
            return it.NULL
        if self._options.prefers_decimal:
            plain = text.replace(",", "")
            if _DECIMAL.fullmatch(plain) and (found := it.decimal_of(plain)):
                return found
        return it.STRING

    def _of_number(self, text: str, *, whole: bool) -> it.Type:
        if self._options.primitives_as_string:
            return it.STRING
        if whole and int(text) in _LONGS:
            return it.LONG
        if whole or self._options.prefers_decimal:
            if text in _WORDS:
                raise t.MalformedJSONError(f"{text} is no decimal number")
            return it.decimal_of(text) or it.DOUBLE
        return it.DOUBLE


def check_names(kind: pa.StructType, path: str, *, case_sensitive: bool) -> None:
    """Refuse names that Spark would refuse, at any depth.

    Raises:
        DecodeError: two are the same, or differ only in case where that does not count.

    """
    seen: dict[str, str] = {}
    for field in kind:
        key = field.name if case_sensitive else field.name.lower()
        if key in seen:
            raise DecodeError(
                f"The file has columns {seen[key]!r} and {field.name!r}, which Spark takes for one",
                path=path,
                hint="Give a schema with one of them, or set case_sensitive=true",
            )
        seen[key] = field.name
        inner = field.type
        while pa.types.is_list(inner):
            inner = inner.value_type
        if pa.types.is_struct(inner):
            check_names(inner, path, case_sensitive=case_sensitive)
