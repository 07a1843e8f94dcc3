"""What the checks of all formats share: columns by name and type, and how one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.encoders.cells import CellText
from sftp_async.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_columns(schema: pa.Schema) -> None:
    """Check that there is a column, and that no two have one name, fields of structs neither.

    Raises:
        EncodeError: says which.

    """
    if not len(schema):
        raise EncodeError(
            "There is no column to write", hint="Select at least one column before the write"
        )
    for owner, names in _names(schema):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            where = f"struct {owner!r}" if owner else "the DataFrame"
            raise EncodeError(
                f"Column names occur more than once in {where}: {', '.join(map(repr, twice))}",
                hint="Rename all but one with withColumnRenamed or toDF",
            )


def _names(schema: pa.Schema) -> Iterator[tuple[str, list[str]]]:
    yield "", schema.names
    for path, kind in leaves(schema):
        if pa.types.is_struct(kind):
            yield path, [field.name for field in kind]


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether values of this Arrow type hold others."""
    types = pa.types
    return bool(
        types.is_struct(kind)
        or types.is_map(kind)
        or types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def is_sparks(kind: pa.DataType) -> bool:
    """Tell whether Spark hands over values of this Arrow type, day-time intervals included."""
    types = pa.types
    return bool(
        is_nested(kind)
        or CellText.holds(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_null(kind)
    )


def leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Yield every type in the schema, those inside nested ones too, with its dotted path."""
    for field in schema:
        yield from types_within(field.name, field.type)


def types_within(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield a type and all those inside it, each with its dotted path."""
    yield path, kind
    if pa.types.is_struct(kind):
        for field in kind:
            yield from types_within(f"{path}.{field.name}", field.type)
    elif pa.types.is_map(kind):
        yield from types_within(f"{path}.key", kind.key_type)
        yield from types_within(f"{path}.value", kind.item_type)
    elif is_nested(kind):
        yield from types_within(f"{path}.element", kind.value_type)


def refused(name: str, kind: pa.DataType, form: str, hint: str) -> EncodeError:
    """Return the error that says which column a format cannot hold, and what to do about it."""
    return EncodeError(
        f"Column {name!r} has the type {kind}, which {form} cannot hold so that it reads back",
        hint=hint,
    )
