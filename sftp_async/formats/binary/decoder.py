"""Decodes files as Spark's binaryFile source does: a row for each, with its path and content."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.humanize import in_units, well_formed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
from sftp_async.options import FormatOptions

#: Of org.apache.spark.sql.execution.datasources.binaryfile.BinaryFileFormat. Spark's reader makes
#: all columns nullable.
SCHEMA: Final = pa.schema(
    {
        "path": pa.string(),
        "modificationTime": pa.timestamp("us", "UTC"),
        "length": pa.int64(),
        "content": pa.binary(),
    }
)
#: The default of spark.sql.sources.binaryFile.maxLength, and the size of Java's and Arrow's arrays.
MAX_LENGTH: Final = 2**31 - 1
_CONTENT: Final = "content"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_binary(options: FormatOptions, schema: pa.Schema | None) -> BinaryReadFormat:
    """Check the columns, and return the reading half; see `FormatPlugin.decoder`."""
    wanted = SCHEMA if schema is None else schema
    names = {name.lower(): name for name in SCHEMA.names}
    for field in wanted:
        name = names.get(field.name.lower())
        if name is None:
            raise DecodeError(
                f"Binary files have no column {field.name!r}; they have {', '.join(SCHEMA.names)}",
                hint="Leave the schema out, or give some of these columns",
            )
        if field.type != SCHEMA.field(name).type:
            raise DecodeError(
                f"Column {field.name!r} of binary files is of the type {SCHEMA.field(name).type}, "
                f"not {field.type}",
                hint="Leave the schema out, and cast the column in the DataFrame",
            )
    return BinaryReadFormat(wanted)


class BinaryReadFormat(ReadFormat):
    """A row for each file that is not empty, as in Spark.

    A file is not decompressed, and not fetched if no content is wanted.

    Args:
        schema: some of the four columns, in any order.

    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def is_splittable(self, path: str) -> bool:
        """Return False: a file is one row."""
        return False

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the file's row; see `ReadFormat.decode`.

        Raises:
            DecodeError: the content is wanted, and is too large for a row.

        """
        if not file.size:
            return  # Spark plans no empty file
        columns = [self._column(field.name.lower(), file) for field in self._schema]
        if columns:
            yield pa.RecordBatch.from_arrays(columns, schema=self._schema)
        else:
            yield pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the four columns; no file is looked at."""
        return SCHEMA

    def _column(self, name: str, file: ReadableFile) -> pa.Array:
        if name == _CONTENT:
            return _content(file)
        value: Any = {
            "path": well_formed(file.path),
            "modificationtime": _time(file.mtime),
            "length": file.size,
        }[name]
        kind = {other.lower(): SCHEMA.field(other).type for other in SCHEMA.names}[name]
        return pa.array([value], kind)


def _time(mtime: float) -> datetime | None:
    """Return when a file was changed; None if the server does not say."""
    return _EPOCH + timedelta(seconds=mtime) if mtime else None


def _content(file: ReadableFile) -> pa.Array:
    if file.size > MAX_LENGTH:
        raise DecodeError(
            f"The file has {in_units(file.size)}; a value holds {in_units(MAX_LENGTH)} at most",
            path=file.path,
            hint="Leave the column content out, or the file, by path_glob_filter",
        )
    # Written in place: the content is in memory once.
    buffer = pa.allocate_buffer(file.size)
    view = memoryview(buffer).cast("B")
    at = 0
    with file.chunks(0, file.size) as chunks:
        for chunk in chunks:
            view[at : at + len(chunk)] = chunk
            at += len(chunk)
    offsets = pa.array([0, file.size], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), 1, [None, offsets, buffer])
