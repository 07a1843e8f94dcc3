"""Reads the same files by Spark's own reader and by a decoder, and compares their rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.spark.schema import arrow_schema
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: What stands for the rows where a reader fails.
FAILS = "fails"


@dataclass(frozen=True)
class Files:
    """Files that are read with one schema and the same options.

    Args:
        form: the format.
        contents: the bytes of each.
        schema: as DDL; None: inferred.
        options: in Spark's spelling.
        extension: of the files' names.

    """

    form: str
    contents: Sequence[bytes]
    schema: str | None
    options: dict[str, str] = field(default_factory=dict)
    extension: str = ""


def sparks_rows(spark: SparkSession, directory: Path, files: Files) -> list[Any]:
    """Return the rows of each file, as Spark reads them.

    Args:
        spark: a session.
        directory: an empty one.
        files: all are read at once.

    """
    suffix = files.extension or f".{files.form}"
    for number, content in enumerate(files.contents):
        (directory / f"{number:06d}{suffix}").write_bytes(content)
    from pyspark.sql import functions as f

    frame = spark.read.format(files.form).options(**files.options)
    frame = frame.schema(files.schema).load(str(directory))  # type: ignore[arg-type]
    named = frame.select(f.struct("*").alias("row"), f.input_file_name().alias("file"))
    found: list[Any] = [[] for _ in files.contents]
    table = named.toArrow()
    for row, name in zip(rows_of(table.select(["row"])), table["file"].to_pylist(), strict=True):
        found[int(name.rpartition("/")[2].partition(".")[0])].append(row[0])
    return found


def our_rows(
    schema: pa.Schema,
    files: Files,
    cuts: Callable[[bytes], Sequence[int]] = lambda _: (),
    chunk: int = 64 * 1024,
) -> list[Any]:
    """Return the rows of each file, as the decoder reads them.

    Args:
        schema: the columns.
        files: each is read by itself.
        cuts: where a file is cut into ranges.
        chunk: bytes that are served at once.

    """
    options = read_options(**{"format": files.form, "timeZone": TIME_ZONE} | files.options)
    reading = open_read_format(options, schema)
    suffix = files.extension or f".{files.form}"
    found: list[Any] = []
    for number, content in enumerate(files.contents):
        file = MemoryFile(f"/in/{number:06d}{suffix}", content, chunk=chunk)
        edges = [0, *cuts(content), len(content)]
        try:
            batches = [
                batch
                for start, stop in itertools.pairwise(edges)
                for batch in reading.decode(file, start, stop)
            ]
        except DecodeError:
            found.append(FAILS)
        else:
            assert all(batch.schema.equals(schema) for batch in batches)
            found.append(rows_of(pa.Table.from_batches(batches, schema)))
    return found


def schema_of(spark: SparkSession, ddl: str) -> pa.Schema:
    """Return a schema as the data source hands it to a decoder."""
    from pyspark.sql.types import StructType

    parsed = StructType.fromDDL(ddl)
    assert isinstance(parsed, StructType)
    return arrow_schema(parsed)


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Return rows that can be compared: NaN equals itself, bytes that are not UTF-8 are replaced.

    Numbers of 1970 stand for dates and timestamps, which may be beyond Python's.
    """
    columns = [_values(column) for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in _values(chunk)]
    kind = column.type
    if pa.types.is_struct(kind):
        parts = [_values(part) for part in (column.flatten() if kind.num_fields else ())]
        rows = list(zip(*parts, strict=True)) if parts else [()] * len(column)
        return _masked(column, rows)
    if pa.types.is_map(kind):
        keys, items = _values(column.keys), _values(column.items)
        pairs = list(zip(keys, items, strict=True))
        return _masked(column, _slices(column, pairs))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _masked(column, _slices(column, _values(column.values)))
    if pa.types.is_date32(kind):
        return list(column.view(pa.int32()).to_pylist())
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time64(kind):
        return list(column.view(pa.int64()).to_pylist())
    if pa.types.is_string(kind):
        raw = column.cast(pa.binary()).to_pylist()
        return [None if text is None else text.decode(errors="replace") for text in raw]
    if pa.types.is_floating(kind):
        return [value if value is None else repr(value) for value in column.to_pylist()]
    return list(column.to_pylist())


def _slices(column: pa.Array, values: list[Any]) -> list[Any]:
    offsets = column.offsets.to_pylist()
    return [values[start:stop] for start, stop in itertools.pairwise(offsets)]


def _masked(column: pa.Array, values: list[Any]) -> list[Any]:
    valid = column.is_valid().to_pylist()
    return [value if known else None for value, known in zip(values, valid, strict=True)]
