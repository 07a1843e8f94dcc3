"""What the checks of all formats share: columns by name and type, and how one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import EncodeError
from sftp_async.formats.values.cell_text import CellText

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


def check_case(schema: pa.Schema) -> None:
    """Check that no two columns differ in case alone; Spark's readers take them for one.

    Spark's writers do the same (SchemaUtils.checkColumnNameDuplication), of the columns alone.

    Raises:
        EncodeError: says which.

    """
    spellings: dict[str, list[str]] = {}
    for name in dict.fromkeys(schema.names):
        spellings.setdefault(name.lower(), []).append(name)
    alike = [name for names in spellings.values() if len(names) > 1 for name in names]
    if alike:
        raise EncodeError(
            f"Column names differ in case alone: {', '.join(map(repr, alike))}",
            hint="Rename all but one with withColumnRenamed or toDF, or set case_sensitive=true, "
            "if the readers have spark.sql.caseSensitive=true",
        )


#: What marks a type of Spark's that reaches Python as a struct, in the metadata of one of its
#: fields (to_arrow_type in pyspark/sql/pandas/types.py): its name, and what to write instead.
_AS_STRUCTS = {
    b"variant": ("VARIANT", "Write its JSON as a string, to_json(`{0}`), or take format=parquet"),
    b"geometry": ("GEOMETRY", "Write its bytes, ST_AsBinary(`{0}`), or hex(ST_AsBinary(`{0}`))"),
    b"geography": ("GEOGRAPHY", "Write its bytes, ST_AsBinary(`{0}`), or hex(ST_AsBinary(`{0}`))"),
}


def check_structs(schema: pa.Schema, form: str) -> None:
    """Check that no column is of a type that a built-in format would write as Python has it.

    Raises:
        EncodeError: names the first one.

    """
    for name, kind in leaves(schema):
        fields = list(kind) if pa.types.is_struct(kind) else []
        marks = {mark for field in fields for mark in field.metadata or {}}
        for mark in _AS_STRUCTS.keys() & marks:
            if form == "parquet" and mark == b"variant":
                continue  # its reader finds it in Spark's own schema
            spark, hint = _AS_STRUCTS[mark]
            raise EncodeError(
                f"Column {name!r} has the type {spark}, which format={form} would write as a "
                "struct that does not read back",
                hint=hint.format(name),
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
