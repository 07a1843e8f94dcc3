"""Checks the columns that are read from records of JSON or XML, before any file is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable


def check_columns(
    schema: pa.Schema, corrupt: str, form: str, is_known: Callable[[pa.DataType], bool]
) -> None:
    """Refuse columns that no record can fill.

    Args:
        schema: the columns.
        corrupt: name of the column of corrupt records.
        form: name of the format, for messages.
        is_known: whether scalar values of a type are read.

    Raises:
        DecodeError: the column of corrupt records is no string, or a type is not read; names the
            column.

    """
    for column in schema:
        if column.name == corrupt and column.type != pa.string():
            raise DecodeError(
                f"Column {corrupt!r} takes malformed rows, and is no string",
                hint="Make it a STRING, or set another column_name_of_corrupt_record",
            )
        if not _is_known(column.type, is_known):
            raise DecodeError(
                f"Column {column.name!r} of type {column.type} cannot be read from {form}",
                hint="Read it as STRING, and cast it",
            )


def _is_known(kind: pa.DataType, is_known: Callable[[pa.DataType], bool]) -> bool:
    if pa.types.is_struct(kind):
        # Spark's variants come as structs with a mark, and cannot be made here.
        variant = any(
            (kind.field(place).metadata or {}).get(b"variant") for place in range(kind.num_fields)
        )
        return not variant and all(_is_known(field.type, is_known) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_known(kind.value_type, is_known)
    if pa.types.is_map(kind):
        return pa.types.is_string(kind.key_type) and _is_known(kind.item_type, is_known)
    return is_known(kind)
