"""Makes a column of the values of many records at once, with Arrow, where all are of one kind."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.json.quick_values import Number, OddRecordError
from sftp_async.formats.json.scalars import RANGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.json.quick_values import QuickValues
    from sftp_async.formats.json.text_values import TextParser

    Make = Callable[[list[Any]], pa.Array]

# The bits of a double that a float of 32 bits lacks, and the highest of them.
_BELOW_FLOAT, _HALF_FLOAT = (1 << 29) - 1, 1 << 28
_NULL = type(None)
# What Arrow, or a value, says that is not as expected; then values are converted one by one.
_MIXED = (ValueError, OverflowError, pa.ArrowInvalid)


class QuickColumn:
    """Makes the arrays of one column.

    Args:
        kind: of the column.
        values: converts the values that are not of the usual kind.
        texts: parses dates, timestamps and decimals.

    Attributes:
        is_nested: whether its values are objects or arrays.

    """

    def __init__(self, kind: pa.DataType, values: QuickValues, texts: TextParser) -> None:
        self._kind = kind
        self._convert = values.converter(kind)
        self._plain = plain_maker(kind, texts, keeps_source=values.keeps_source)
        self.is_nested = pa.types.is_nested(kind)

    def make(self, values: list[Any]) -> tuple[pa.Array, list[int], list[int]]:
        """Return the column, the places of values that do not fit, and those of odd values.

        Args:
            values: of Python's scanner, one for each row. Those that do not fit, and odd ones,
                become null.

        """
        try:
            return self._plain(values), [], []
        except _MIXED:
            pass
        made: list[Any] = []
        bad: list[int] = []
        odd: list[int] = []
        for place, value in enumerate(values):
            try:
                made.append(None if value is None else self._convert(value))
            except OddRecordError:
                made.append(None)
                odd.append(place)
            except ValueError:
                made.append(None)
                bad.append(place)
        return pa.array(made, self._kind), bad, odd


def plain_maker(kind: pa.DataType, texts: TextParser, *, keeps_source: bool) -> Make:
    """Return what makes an array of values that are all of the kind that is usual for a type.

    The function raises `ValueError`, `OverflowError` or `pa.ArrowInvalid` if one of them is not.

    Args:
        kind: of the array.
        texts: parses dates, timestamps and decimals.
        keeps_source: see `RecordParser`.

    """
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return lambda values: _strings(values, kind, keeps_source=keeps_source)
    if kind in RANGES:
        return lambda values: pa.array(_all_of(values, {int}), kind)
    if pa.types.is_boolean(kind):
        return lambda values: pa.array(_all_of(values, {bool}), kind)
    if pa.types.is_float32(kind):
        return _singles
    if pa.types.is_floating(kind):
        return _doubles
    if pa.types.is_decimal(kind):
        return lambda values: _decimals(values, kind, texts)
    if pa.types.is_struct(kind):
        return _struct_maker(kind, texts, keeps_source=keeps_source)
    if pa.types.is_map(kind):
        return _map_maker(kind, texts, keeps_source=keeps_source)
    if pa.types.is_list(kind):
        return _list_maker(kind, texts, keeps_source=keeps_source)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return lambda values: texts.column(_filled(values), kind)
    return _mixed


def _all_of(values: list[Any], wanted: set[type]) -> list[Any]:
    if not {*map(type, values)} - {_NULL} <= wanted:
        raise ValueError("values are of several kinds")
    return values


def _mixed(values: list[Any]) -> pa.Array:
    raise ValueError("values are converted one by one")


def _strings(values: list[Any], kind: pa.DataType, *, keeps_source: bool) -> pa.Array:
    kinds = {*map(type, values)} - {_NULL}
    if kinds <= {str}:
        return pa.array(values, kind)
    if not keeps_source or not kinds <= {str, Number, int}:
        raise ValueError("the text of a value is needed")
    if int in kinds:
        if 0 in values:
            raise ValueError("a zero may have a sign")
        values = [str(each) if type(each) is int else each for each in values]
    return pa.array(values, kind)


def _filled(values: list[Any]) -> pa.Array:
    if "" in _all_of(values, {str}):
        raise ValueError("an empty string fits no type but strings")
    return pa.array(values, pa.string())


def _doubles(values: list[Any]) -> pa.Array:
    numbers = _all_of(values, {Number, int, float})
    return pa.array([None if each is None else float(each) for each in numbers], pa.float64())


def _singles(values: list[Any]) -> pa.Array:
    doubles = _doubles(values)
    below = pc.bit_wise_and(doubles.view(pa.int64()), _BELOW_FLOAT)
    if pc.any(pc.equal(below, _HALF_FLOAT)).as_py():
        # Rounded twice, these may go the wrong way.
        raise ValueError("a double is just between two floats")
    return doubles.cast(pa.float32())


def _decimals(values: list[Any], kind: pa.DataType, texts: TextParser) -> pa.Array:
    if not texts.is_english:
        raise ValueError("numbers, and strings of the locale, are read in two ways")
    kinds = {*map(type, _all_of(values, {Number, int, str}))}
    if int in kinds:
        values = [None if each is None else str(each) for each in values]
    return texts.column(pa.array(values, pa.string()), kind)


def _struct_maker(kind: pa.StructType, texts: TextParser, *, keeps_source: bool) -> Make:
    fields = [kind.field(place) for place in range(kind.num_fields)]
    makers = [
        (field.name, plain_maker(field.type, texts, keeps_source=keeps_source)) for field in fields
    ]

    def make(values: list[Any]) -> pa.Array:
        objects: list[dict[str, Any]] = [each or {} for each in _all_of(values, {dict})]
        parts = [make([each.get(name) for each in objects]) for name, make in makers]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=_nulls(values))

    return make if fields else _mixed


def _list_maker(kind: pa.ListType, texts: TextParser, *, keeps_source: bool) -> Make:
    element = plain_maker(kind.value_type, texts, keeps_source=keeps_source)

    def make(values: list[Any]) -> pa.Array:
        lists: list[list[Any]] = [each or [] for each in _all_of(values, {list})]
        inner = element(list(itertools.chain.from_iterable(lists)))
        return pa.ListArray.from_arrays(_offsets(lists), inner, type=kind, mask=_nulls(values))

    return make


def _map_maker(kind: pa.MapType, texts: TextParser, *, keeps_source: bool) -> Make:
    item = plain_maker(kind.item_type, texts, keeps_source=keeps_source)

    def make(values: list[Any]) -> pa.Array:
        maps: list[dict[str, Any]] = [each or {} for each in _all_of(values, {dict})]
        keys = pa.array(list(itertools.chain.from_iterable(maps)), kind.key_type)
        items = item([each for pairs in maps for each in pairs.values()])
        return pa.MapArray.from_arrays(_offsets(maps), keys, items, type=kind, mask=_nulls(values))

    return make


def _offsets(parts: list[Any]) -> pa.Array:
    return pa.array([0, *itertools.accumulate(map(len, parts))], pa.int32())


def _nulls(values: list[Any]) -> pa.Array | None:
    """Return which values are null; None if none is."""
    return pa.array([each is None for each in values], pa.bool_()) if None in values else None
