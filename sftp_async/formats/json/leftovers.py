"""Finds what of JSON records does not fit the schema, for the column of rescued data.

A record is read once more, as it is, and compared with the row that it became: what is in the
record, is not null, and has no place in the schema or is null in the row, is left over. Objects are
compared by their members; of lists and maps with anything left over, all is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.json import tokens as t
from sftp_async.formats.json.text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    #: Returns what is left of a value that is not null, given its type's value in the row.
    Rest = Callable[[Any, Any], Any]

#: In the place of a row's value, where all of them are known to fit.
FITS: Any = object()
_SPACE = re.compile(r"[ \t\r\n]*")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


class _Number(str):
    """The text of a number."""

    __slots__ = ()


# NaN and the like are no JSON, and become strings.
_scan = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=str).raw_decode


class Leftovers:
    """Finds what is left over of records.

    Args:
        columns: those that records fill.
        leniency: what is accepted besides JSON.

    """

    def __init__(self, columns: pa.Schema, leniency: t.Leniency) -> None:
        self._leniency = leniency
        self._rest = _rest_of_object(columns)
        self._names = columns.names

    def of_record(self, text: str, rows: Sequence[Sequence[Any]] | None = None) -> list[str | None]:
        """Return for each row of a record the JSON of what is left over; None for nothing.

        Args:
            text: the record.
            rows: what it became, in the order of the columns; None: one row, and all values that
                have a column fit.

        Raises:
            MalformedJSONError: it is no JSON.

        """
        record = self._tree(text)
        records = record if type(record) is list else [record]
        if rows is None:
            found = [FITS] * len(records)
        else:
            found = [dict(zip(self._names, row, strict=True)) for row in rows]
        if len(found) != len(records) or not all(type(one) is dict for one in records):
            raise t.MalformedJSONError("it is no object")
        return [
            _text(rest) if (rest := self._rest(one, row)) else None
            for one, row in zip(records, found, strict=True)
        ]

    def _tree(self, text: str) -> Any:
        try:
            tree, _ = _scan(text, _SPACE.match(text).end())  # type: ignore[union-attr] # matches all
        except (ValueError, RecursionError):
            tokens = t.Tokens(text, self._leniency)
            tokens.next()
            return _of_token(tokens)
        return tree


def _of_token(tokens: t.Tokens) -> Any:
    token = tokens.next() if tokens.token == t.NAME else tokens.token
    if token == t.STRING:
        return tokens.string()
    if token in (t.TRUE, t.FALSE):
        return token == t.TRUE
    if token in (t.INT, t.FLOAT):
        return _Number(tokens.number) if tokens.number[-1].isdigit() else tokens.number
    if token == t.OBJECT:
        members = {}
        while tokens.next() not in (t.OBJECT_END, None):
            name = tokens.name or ""
            members[name] = _of_token(tokens)
        return members
    if token == t.ARRAY:
        items = []
        while tokens.next() not in (t.ARRAY_END, None):
            items.append(_of_token(tokens))
        return items
    if token in (None, t.NULL):
        return None
    raise t.MalformedJSONError(f"{token} is no value")


def _rest_of_object(fields: Iterable[pa.Field]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    rests = {field.name: _rest_of(field.type) for field in fields}
    # Where all values fit, nothing but objects, lists and maps can have something left over.
    nested = {name for name, rest in rests.items() if rest is not _whole}
    known = rests.keys()

    def rest(record: dict[str, Any], row: Any) -> dict[str, Any]:
        if row is FITS:
            looked_at = (record.keys() - known) | (record.keys() & nested)
            if not looked_at:
                return {}
            left = {name: value for name, value in record.items() if name in looked_at}
        else:
            left = record
        found = {}
        for name, value in left.items():
            if value is not None and name in known:
                value = rests[name](value, row if row is FITS else row[name])
            if value is not None:
                found[name] = value
        return found

    return rest


def _rest_of(kind: pa.DataType) -> Rest:
    """Return what finds the rest of values of a type; it returns None where nothing is left."""
    if pa.types.is_struct(kind):
        of_object = _rest_of_object(kind)

        def of_struct(value: Any, found: Any) -> Any:
            if found is None or type(value) is not dict:
                return value if found is None else None
            return of_object(value, found) or None

        return of_struct
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        of_item = _rest_of(kind.value_type)

        def of_list(value: Any, found: Any) -> Any:
            if found is None or type(value) is not list:
                return value if found is None else None
            items = [FITS] * len(value) if found is FITS else found
            return value if _any_left(of_item, value, items) else None

        return of_list if of_item is not _whole else _whole
    if pa.types.is_map(kind):
        of_member = _rest_of(kind.item_type)

        def of_map(value: Any, found: Any) -> Any:
            if found is None or type(value) is not dict:
                return value if found is None else None
            items = [FITS] * len(value) if found is FITS else [item for _, item in found]
            return value if _any_left(of_member, [*value.values()], items) else None

        return of_map
    return _whole


def _any_left(of_item: Rest, values: Sequence[Any], found: Sequence[Any]) -> bool:
    # A name that is given twice is twice in a map, and once here.
    return len(values) != len(found) or any(
        value is not None and of_item(value, item) is not None
        for value, item in zip(values, found, strict=True)
    )


def _whole(value: Any, found: Any) -> Any:
    return value if found is None else None


def _text(value: Any) -> str:
    """Return the JSON of a value."""
    kind = type(value)
    if kind is _Number:
        return str(value)
    if kind is str:
        return quoted(_NOT_UTF8.sub("\ufffd", value))
    if kind is dict:
        members = (f"{_text(str(name))}:{_text(inner)}" for name, inner in value.items())
        return f"{{{','.join(members)}}}"
    if kind is list:
        return f"[{','.join(map(_text, value))}]"
    return {None: "null", True: "true", False: "false"}[value]
