"""Checks of a schema that all formats share: names, types, intervals, and the error of a column."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import EncodeError
from sftp_async.formats.values.cell_text import CellText
from sftp_async.formats.values.intervals import NarrowIntervals

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_columns(schema: pa.Schema, form: str, *, case_sensitive: bool = True) -> None:
    """Check the columns of a built-in format, before its own checks of their types.

    There must be a column, no two of them nor two fields of a struct may have one name, and none
    may be of a type that Spark has and the format would write as a struct of its parts.

    Args:
        schema: the columns.
        form: the format's name.
        case_sensitive: False: names that differ in case alone count as one.

    Raises:
        EncodeError: names the columns.

    """
    if not len(schema):
        raise EncodeError(
            "There is no column to write", hint="Select at least one column before the write"
        )
    for owner, names in _names(schema):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            where = f"struct {owner!r}" if owner else "the DataFrame"
            raise EncodeError(
                f"Column names occur more than once in {where}: {', '.join(map(repr, twice))}",
                hint="Rename all but one with withColumnRenamed or toDF",
            )
    if not case_sensitive:
        _check_case(schema)
    _check_structs(schema, form)


def _check_case(schema: pa.Schema) -> None:
    """Check that no two columns differ in case alone; Spark's readers take them for one.

    Spark's writers do the same (SchemaUtils.checkColumnNameDuplication), of the columns alone.
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


#: The mark of a type of Spark's that reaches Python as a struct, in the metadata of one of its
#: fields (to_arrow_type in pyspark/sql/pandas/types.py): its name, and what to write instead.
_AS_STRUCTS = {
    b"variant": ("VARIANT", "Write its JSON as a string, to_json(`{0}`), or take format=parquet"),
    b"geometry": ("GEOMETRY", "Write its bytes, ST_AsBinary(`{0}`), or hex(ST_AsBinary(`{0}`))"),
    b"geography": ("GEOGRAPHY", "Write its bytes, ST_AsBinary(`{0}`), or hex(ST_AsBinary(`{0}`))"),
}


def _check_structs(schema: pa.Schema, form: str) -> None:
    """Check that no column is of a type that reaches Python as a struct of its parts."""
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


def check_intervals(schema: pa.Schema, *, nested_only: bool = False) -> None:
    """Check that no interval has fewer fields than day to second, which Arrow's all have.

    Args:
        schema: the columns, with Spark's own schema, which knows the fields.
        nested_only: the format writes such columns, but none inside of other types.

    Raises:
        EncodeError: names the first one.

    """
    narrow = NarrowIntervals.of(schema)
    columns = () if nested_only else tuple(name for name, _ in narrow.columns)
    for name in (*narrow.nested, *columns):
        raise EncodeError(
            f"Column {name!r} is an interval of fewer fields than day to second, which would not "
            "read back",
            hint="Cast it: CAST(… AS INTERVAL DAY TO SECOND)",
        )


def _names(schema: pa.Schema) -> Iterator[tuple[str, list[str]]]:
    yield "", schema.names
    for path, kind in leaves(schema):
        if pa.types.is_struct(kind):
            yield path, [field.name for field in kind]


def is_nested(kind: pa.DataType) -> bool:
    """Return whether values of this Arrow type hold others."""
    types = pa.types
    return bool(
        types.is_struct(kind)
        or types.is_map(kind)
        or types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def is_spark_type(kind: pa.DataType) -> bool:
    """Return whether Spark hands over values of this Arrow type, day-time intervals included."""
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


def unsupported_type(name: str, kind: pa.DataType, form: str, hint: str) -> EncodeError:
    """Return the error of a column that a format cannot hold, with a hint what to do about it."""
    return EncodeError(
        f"Column {name!r} has the type {kind}, which {form} cannot hold so that it reads back",
        hint=hint,
    )
