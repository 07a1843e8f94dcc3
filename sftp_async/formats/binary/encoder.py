"""Encodes binary files, one for each row: a column has its path, another one its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.base import PartEncoder, RowFiles
from sftp_async.formats.schema_checks import check_columns, check_intervals, unsupported_type
from sftp_async.formats.values.cell_text import is_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions


#: Characters of a path that an error shows.
SHOWN = 200


def open_binary(options: FormatOptions, schema: pa.Schema) -> BinaryFormat:
    """Check the columns, and return the format; see `FormatPlugin.encoder`.

    Raises:
        EncodeError: a column is missing, is of another type, or would be left out.

    """
    check_columns(schema, "binary")
    check_intervals(schema)
    path = _column(schema, "path_column", options.path_column)
    content = _column(schema, "content_column", options.content_column)
    if {*schema.names} != {path.name, content.name} or path.name == content.name:
        raise EncodeError(
            f"Binary files are made of two columns, {path.name!r} and {content.name!r} "
            f"(path_column, content_column), but there are {', '.join(map(repr, schema.names))}",
            hint="Select just the two",
        )
    if not is_text(path.type):
        hint = f"Cast it: CAST(`{path.name}` AS STRING)"
        raise unsupported_type(path.name, path.type, "the path of a binary file", hint)
    types = pa.types
    kind = content.type
    if not (types.is_binary(kind) or types.is_large_binary(kind) or is_text(kind)):
        hint = f"Cast it: CAST(`{content.name}` AS BINARY)"
        raise unsupported_type(content.name, kind, "a binary file", hint)
    return BinaryFormat(path.name, content.name)


def _column(schema: pa.Schema, option: str, wanted: str) -> pa.Field:
    """Find a column, in any case as Spark does, but the exact name first."""
    found = [name for name in schema.names if name == wanted] or [
        name for name in schema.names if name.lower() == wanted.lower()
    ]
    if len(found) != 1:
        raise EncodeError(
            f"There is no column {wanted!r} for binary files ({option}); there are "
            f"{', '.join(map(repr, schema.names))}",
            hint=f"Set {option}, or rename a column",
        )
    return schema.field(found[0])


class BinaryFormat(RowFiles):
    """A file for each row, with the bytes of its content; text is UTF-8.

    Args:
        path_column: has the file's path in the target directory.
        content_column: has its content.

    """

    extension = "bin"

    def __init__(self, path_column: str, content_column: str) -> None:
        self.path_column = path_column
        self._content_column = content_column

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one file. There is no header."""
        return _Content(self._content_column)

    def paths(self, batch: pa.RecordBatch) -> list[str]:
        """Return the file of each row, as a path in the target directory.

        Raises:
            EncodeError: a row has no path, or no content.

        """
        column, contents = batch.column(self.path_column), batch.column(self._content_column)
        if column.null_count:
            raise EncodeError(f"Column {self.path_column!r} is null: a file needs a path")
        paths: list[str] = column.to_pylist()
        if contents.null_count:
            path = paths[contents.is_null().to_pylist().index(True)]
            raise EncodeError(
                f"Column {self._content_column!r} is null for the file {path[:SHOWN]!r}",
                hint="Leave the row out, or coalesce it to an empty value",
            )
        return paths


class _Content(PartEncoder):
    """One file; the content of a row is not copied."""

    def __init__(self, column: str) -> None:
        self._column = column

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the content of the rows, one after the other."""
        content: Buffer = text_buffer(batch.column(self._column))
        return content

    def finish(self) -> Buffer:
        """Return no bytes: the content is the whole file."""
        return b""
