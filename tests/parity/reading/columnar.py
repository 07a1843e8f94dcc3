"""Compares what a decoder makes of files with what Spark's own reader makes of the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats import open_read_format
from sftp_async.spark.schema import arrow_schema
from tests.support.readable import MemoryFile, decode_file, read_options

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def parts(directory: Path) -> list[Path]:
    """Return the data files that Spark wrote."""
    return sorted(directory.glob("part-*"))


def spark_rows(frame: DataFrame) -> pa.Table:
    """Return the rows of a frame with all columns plain: times of zones in UTC."""
    table = frame.toArrow()
    return table.cast(plain_schema(table.schema))


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema without what does not matter: nullability, metadata, names of zones."""
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    if types.is_list(kind):
        return pa.list_(pa.field("element", _plain(kind.value_type)))
    if types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    return kind


def memory_files(paths: Iterable[Path]) -> list[MemoryFile]:
    """Return files in memory with the bytes of those on the disk."""
    return [MemoryFile(str(path), path.read_bytes()) for path in paths]


def decoder_schema(form: str, files: Sequence[MemoryFile], **options: Any) -> pa.Schema:
    """Return the columns that the decoder infers."""
    reading = open_read_format(read_options(format=form, **options), None)
    return reading.infer_schema(files)


def decoder_rows(
    form: str,
    files: Sequence[MemoryFile],
    schema: pa.Schema,
    cuts: Sequence[int] = (),
    **options: Any,
) -> pa.Table:
    """Return the rows of several files that the decoder yields, in a plain form."""
    tables = [
        decode_file(file, read_options(format=form, **options), schema, cuts) for file in files
    ]
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    return table.cast(plain_schema(table.schema))


def compare(
    spark: SparkSession,
    form: str,
    paths: Sequence[Path],
    *,
    ddl: str | None = None,
    **options: Any,
) -> pa.Table:
    """Assert that Spark and the decoder find the same columns and rows, and return the rows.

    Args:
        spark: the session.
        form: the format's name in Spark.
        paths: of the files, each of one row group at most if their order is to be kept.
        ddl: the schema; None: both infer it.
        options: for both readers, with the names of `SFTPOptions`.

    """
    files = memory_files(paths)
    tables = []
    for path in paths:
        reader = spark.read.format(form)
        if "case_sensitive" in options:
            spark.conf.set("spark.sql.caseSensitive", str(options["case_sensitive"]).lower())
        if ddl is not None:
            reader = reader.schema(ddl)
        elif options.get("merge_schema"):
            merged = spark.read.option("mergeSchema", "true").format(form)
            reader = reader.schema(merged.load([str(path) for path in paths]).schema)
        else:
            reader = reader.schema(spark.read.format(form).load(str(paths[0])).schema)
        frame = reader.load(str(path))
        schema = frame.schema
        tables.append(spark_rows(frame))
        spark.conf.unset("spark.sql.caseSensitive")
    theirs = pa.concat_tables(tables)
    wanted = arrow_schema(schema)
    if ddl is None:
        found = decoder_schema(form, files, **options)
        assert plain_schema(found) == plain_schema(wanted)
    ours = decoder_rows(form, files, wanted, **options)
    assert ours.schema == theirs.schema
    for name in ours.schema.names:
        assert _values(ours[name]) == _values(theirs[name]), name
    return ours


def _values(column: pa.ChunkedArray) -> list[str]:
    # As text: NaN is equal to itself, and days beyond Python's own calendar can be compared.
    return [str(scalar) for scalar in _comparable(column)]


def _comparable(column: pa.ChunkedArray) -> Iterable[Any]:
    if pa.types.is_temporal(column.type):
        return column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    return column
