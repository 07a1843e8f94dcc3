"""Gives a file's columns the names, order and types of the schema that is wanted.

Columns, and the fields of structs, are found by name. Which types may become which others differs
between formats, as it does between Spark's readers: each format brings a rule for single values,
and this module applies it inside of structs, lists and maps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.schema_checks import types_within

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Converts an array of single values.
Cast = Callable[[pa.Array], pa.Array]
#: Returns how values of one type become those of another; None: they cannot.
CastRule = Callable[[pa.DataType, pa.DataType], Cast | None]


def same(values: pa.Array) -> pa.Array:
    """Return the values as they are."""
    return values


def cast_to(target: pa.DataType) -> Cast:
    """Return Arrow's cast, with an error where a value does not fit."""
    return lambda values: values.cast(target)


def wrap_to(target: pa.DataType) -> Cast:
    """Return Arrow's cast, with overflow and malformed text let through."""
    return lambda values: values.cast(target, safe=False)


def is_list(kind: pa.DataType) -> bool:
    """Return whether values of this Arrow type are lists, but not maps."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def find_field(
    names: Sequence[str], wanted: str, *, case_sensitive: bool, path: str, what: str
) -> int | None:
    """Return the number of the field that has a name, or None.

    Args:
        names: of the fields of a file, or of a struct in it.
        wanted: the name.
        case_sensitive: whether the case must be the same.
        path: of the file, for the error.
        what: of what the names are, for the error.

    Raises:
        DecodeError: several fields have the name, as in Spark.

    """
    if case_sensitive:
        found = [number for number, name in enumerate(names) if name == wanted]
    else:
        lowered = wanted.lower()
        found = [number for number, name in enumerate(names) if name.lower() == lowered]
    if len(found) > 1:
        listed = ", ".join(repr(names[number]) for number in found)
        raise malformed(
            f"{what} has several fields that are called {wanted!r} if case does not count: "
            f"{listed}",
            path,
            hint="Set case_sensitive=true and name the one that is meant",
        )
    return found[0] if found else None


@dataclass(frozen=True)
class ColumnCast:
    """Gives the columns of a file the form that is wanted.

    Args:
        schema: what is wanted.
        rule: how single values become those of another type.
        case_sensitive: whether the case of names counts.
        path: of the file, for errors.
        converts_dates: whether the rule changes dates, too, which have one type everywhere.

    """

    schema: pa.Schema
    rule: CastRule
    case_sensitive: bool
    path: str
    converts_dates: bool = False

    def batch(self, names: Sequence[str], columns: Sequence[pa.Array], rows: int) -> pa.RecordBatch:
        """Return the rows in the wanted form; a column that the file lacks is null.

        Raises:
            DecodeError: a column has a type that cannot become the wanted one; names the column.

        """
        arrays = []
        for field in self.schema:
            number = self._find(names, field.name, "The file")
            if number is None:
                arrays.append(pa.nulls(rows, field.type))
            else:
                arrays.append(self._value(columns[number], field.type, field.name))
        if not arrays:
            # A batch without columns keeps its number of rows only this way.
            return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _find(self, names: Sequence[str], wanted: str, what: str) -> int | None:
        return find_field(
            names, wanted, case_sensitive=self.case_sensitive, path=self.path, what=what
        )

    def _value(self, values: pa.Array, target: pa.DataType, where: str) -> pa.Array:
        kind = values.type
        if kind == target and not (self.converts_dates and _has_dates(kind)):
            return values
        types = pa.types
        if types.is_null(kind):
            return pa.nulls(len(values), target)
        if types.is_dictionary(kind):
            return self._value(values.cast(kind.value_type), target, where)
        if types.is_struct(kind) and types.is_struct(target):
            return self._struct(values, target, where)
        if types.is_map(kind) and types.is_map(target):
            return self._map(values, target, where)
        if is_list(kind) and is_list(target):
            return self._list(values, target, where)
        cast = self.rule(kind, target)
        if cast is None:
            raise self._refusal(kind, target, where)
        try:
            return cast(values)
        except pa.ArrowInvalid as error:
            raise malformed(
                f"A value of column {where!r} does not fit the type {target}: {error}", self.path
            ) from error

    def _struct(self, values: pa.Array, target: pa.DataType, where: str) -> pa.Array:
        names = [field.name for field in values.type]
        if "typed_value" in names and any(b"variant" in (field.metadata or {}) for field in target):
            raise malformed(
                f"Column {where!r} is a shredded VARIANT, which this reader cannot put together",
                self.path,
                hint="Read the file with Spark's own reader",
            )
        columns = values.flatten()  # with the nulls of the struct
        children = []
        for field in target:
            number = self._find(names, field.name, f"Column {where!r}")
            inside = f"{where}.{field.name}"
            children.append(
                pa.nulls(len(values), field.type)
                if number is None
                else self._value(columns[number], field.type, inside)
            )
        mask = values.is_null() if values.null_count else None
        return pa.StructArray.from_arrays(children, fields=list(target), mask=mask)

    def _list(self, values: pa.Array, target: pa.DataType, where: str) -> pa.Array:
        if not pa.types.is_list(values.type):
            # Arrow's lists of other sizes; rare, and not worth code of their own.
            values = values.cast(pa.list_(values.type.value_field))
        items = self._value(values.values, target.value_type, f"{where}.element")
        return _rebuilt(values, target, items)

    def _map(self, values: pa.Array, target: pa.DataType, where: str) -> pa.Array:
        keys = self._value(values.keys, target.key_type, f"{where}.key")
        items = self._value(values.items, target.item_type, f"{where}.value")
        fields = [target.key_field, target.item_field]
        return _rebuilt(values, target, pa.StructArray.from_arrays([keys, items], fields=fields))

    def _refusal(self, kind: pa.DataType, target: pa.DataType, where: str) -> Exception:
        return malformed(
            f"Column {where!r} has the type {kind} in the file, which cannot be read as {target}",
            self.path,
            hint="Give the column its own type in the schema, and cast it after the read",
        )


def _has_dates(kind: pa.DataType) -> bool:
    return any(pa.types.is_date(part) for _, part in types_within("", kind))


def _rebuilt(values: pa.Array, target: pa.DataType, items: pa.Array) -> pa.Array:
    """Return lists or maps with other items; nulls and offsets stay as they are."""
    return pa.Array.from_buffers(
        target,
        len(values),
        values.buffers()[:2],
        null_count=values.null_count,
        offset=values.offset,
        children=[items],
    )
