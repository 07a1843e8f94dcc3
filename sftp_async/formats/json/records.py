"""Turns JSON records into rows as Spark does, with the partial results of malformed ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.json import tokens as t
from sftp_async.formats.json.members import Field, MemberPatterns, MemberTokens
from sftp_async.formats.json.quick_values import QuickValues
from sftp_async.formats.json.scalars import Scalars, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sftp_async.formats.json.text_values import TextParser

    Convert = Callable[[MemberTokens], Any]


class PartialValueError(Exception):
    """A value could be read in part only: `value`."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True)
class Parsed:
    """What a record became.

    Attributes:
        rows: a list of values, in the order of the columns, for each.
        malformed: whether the record is malformed; `rows` is what could be read.
        partial: whether it is malformed only since values do not fit their columns, as far as the
            record was looked at.

    """

    rows: list[list[Any]]
    malformed: bool = False
    partial: bool = False


@dataclass(frozen=True)
class _Fields:
    """The fields of an object: places by name, what converts them by place, and whole members."""

    names: dict[str, int] = field(default_factory=dict)
    converts: list[Convert] = field(default_factory=list)
    members: dict[str, Field] = field(default_factory=dict)


class RecordParser:
    """Parses records one token after the other: right for every record, and slow.

    Args:
        schema: the columns, without that of corrupt records.
        leniency: what is accepted besides JSON.
        texts: parses dates, timestamps and decimals.
        keeps_source: whether a value other than a string, for a column of strings, is copied as
            it stands in the record, as Spark does for UTF-8; else it is written again.
        by_members: whether plain members are taken at once: the same rows, in less time.

    """

    def __init__(
        self,
        schema: pa.Schema,
        leniency: t.Leniency,
        texts: TextParser,
        *,
        keeps_source: bool,
        by_members: bool = True,
    ) -> None:
        self._leniency = leniency
        self._keeps_source = keeps_source
        self._by_members = by_members
        self._patterns = MemberPatterns(leniency)
        self._scalars = Scalars(texts, leniency, keeps_source=keeps_source)
        self._values = QuickValues(
            texts, non_numeric=leniency.non_numeric, keeps_source=keeps_source
        )
        self._fields = self._fields_of(schema)

    def parse(self, text: str) -> Parsed:
        """Return the rows of a record; bytes that are not UTF-8 are `surrogateescape`s in it."""
        tokens = MemberTokens(text, self._leniency, self._patterns)
        try:
            token = tokens.next()
            if token is None:
                return Parsed([])
            if token == t.OBJECT:
                return self._root_object(tokens)
            if token == t.ARRAY:
                return self._root_array(tokens)
        except t.MalformedJSONError:
            pass
        return Parsed([[None] * len(self._fields.converts)], malformed=True)

    def _root_object(self, tokens: MemberTokens) -> Parsed:
        try:
            return Parsed([self._object(tokens, self._fields)])
        except PartialValueError as error:
            return Parsed([error.value], malformed=True, partial=True)

    def _root_array(self, tokens: MemberTokens) -> Parsed:
        def element(tokens: MemberTokens) -> list[Any]:
            token = tokens.next() if tokens.token == t.NAME else tokens.token
            only(tokens, token, t.OBJECT)
            return self._object(tokens, self._fields)

        try:
            return Parsed(self._array(tokens, element))
        except PartialValueError as error:
            return Parsed(error.value, malformed=True, partial=True)

    def _object(self, tokens: MemberTokens, fields: _Fields) -> list[Any]:
        row: list[Any] = [None] * len(fields.converts)
        partial = False
        while True:
            if self._by_members and tokens.take_members(fields.members, row):
                partial = True
            if tokens.next() in (t.OBJECT_END, None):
                break
            place = fields.names.get(tokens.name)  # type: ignore[arg-type] # None is no field
            if place is None:
                tokens.skip_children()
                continue
            try:
                row[place] = fields.converts[place](tokens)
            except PartialValueError as error:
                partial = True
                row[place] = error.value
            except t.MalformedJSONError:
                partial = True
                tokens.skip_children()
        if partial:
            raise PartialValueError(row)
        return row

    def _array(self, tokens: MemberTokens, convert: Convert) -> list[Any]:
        values = []
        partial = False
        while tokens.next() not in (t.ARRAY_END, None):
            try:
                values.append(convert(tokens))
            except PartialValueError as error:
                partial = True
                values.append(error.value)
        if partial:
            raise PartialValueError(values)
        return values

    def _map(self, tokens: MemberTokens, convert: Convert) -> list[tuple[str, Any]]:
        pairs = []
        partial = malformed = False
        while tokens.next() not in (t.OBJECT_END, None):
            key = tokens.name
            if key is None:
                raise t.MalformedJSONError("a key is missing")
            try:
                pairs.append((key, convert(tokens)))
            except PartialValueError as error:
                partial = True
                pairs.append((key, error.value))
            except t.MalformedJSONError:
                malformed = True
                tokens.skip_children()
        if malformed:
            raise t.MalformedJSONError("a value of a map does not fit")
        if partial:
            raise PartialValueError(pairs)
        return pairs

    def _converter(self, kind: pa.DataType) -> Convert:
        """Return what converts the current token, or the one behind a name, to a type."""
        read = self._reader(kind)

        def convert(tokens: MemberTokens) -> Any:
            token = tokens.token
            if token == t.NAME:
                token = tokens.next()
            if token is None or token == t.NULL:
                return None
            try:
                return read(tokens, token)
            except ValueError as error:
                raise t.MalformedJSONError(str(error)) from None

        return convert

    def _reader(self, kind: pa.DataType) -> Callable[[MemberTokens, str], Any]:
        if pa.types.is_struct(kind):
            return self._struct_reader(kind)
        if pa.types.is_map(kind):
            convert = self._converter(kind.item_type)
            return lambda tokens, token: self._map(only(tokens, token, t.OBJECT), convert)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            convert = self._converter(kind.value_type)
            return lambda tokens, token: self._array(only(tokens, token, t.ARRAY), convert)
        if pa.types.is_null(kind):
            return lambda tokens, token: None
        return self._scalars.reader(kind)

    def _struct_reader(self, kind: pa.StructType) -> Callable[[MemberTokens, str], Any]:
        fields = self._fields_of([kind.field(place) for place in range(kind.num_fields)])

        def read(tokens: MemberTokens, token: str) -> Any:
            only(tokens, token, t.OBJECT)
            try:
                return dict(zip(fields.names, self._object(tokens, fields), strict=True))
            except PartialValueError as error:
                raise PartialValueError(dict(zip(fields.names, error.value, strict=True))) from None

        return read

    def _fields_of(self, fields: Iterable[pa.Field]) -> _Fields:
        made = _Fields()
        for place, column in enumerate(fields):
            text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
            made.names[column.name] = place
            made.converts.append(self._converter(column.type))
            made.members[column.name] = Field(
                place, self._values.converter(column.type), text and self._keeps_source
            )
        return made
