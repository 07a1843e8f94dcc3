"""Turns the texts of partition directories into values of their columns, and infers the types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence


def partition_value(text: str | None, column: pa.Field, path: str) -> pa.Scalar:
    """Return the value of a partition column.

    Args:
        text: of the directory, unescaped; None for null.
        column: name and type.
        path: of the file, for the error.

    Raises:
        DecodeError: the text does not fit the type.

    """
    if text is None:
        return pa.scalar(None, column.type)
    try:
        return pa.scalar(text).cast(column.type)
    except pa.ArrowInvalid as error:
        raise DecodeError(
            f"The directory's value {text!r} does not fit column {column.name!r}", path=path
        ) from error


def partition_type(texts: Sequence[str | None]) -> pa.DataType:
    """Return the type that Spark infers for the values of a partition column."""
    return pa.string()
