"""Encodes Parquet files row group by row group, in a form that Spark and others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as arrow_parquet

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import ARRAY_BYTES, nullable
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.compressed_stream import Drain
from sftp_async.formats.schema_checks import check_columns, leaves, unsupported_type
from sftp_async.options.codecs import embedded
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions
    from sftp_async.options.codecs import Embedded

# A row group is written at this many bytes of Arrow memory or rows: large enough that readers skip
# and scan well, small enough that a task's memory stays bounded.
ROW_GROUP_BYTES = 32 * 1024 * 1024
ROW_GROUP_ROWS = 1024 * 1024

# Batches of so many bytes of arrays, and a quarter of the bytes of their values, are made one.
MERGE_BYTES = 4 * 1024 * 1024

# A column whose distinct values take more is written without a dictionary. Arrow tries up to 1 MiB,
# in vain for keys and free text: a fifth of the time, for larger files.
DICTIONARY_BYTES = 256 * 1024


def open_parquet(options: FormatOptions, schema: pa.Schema) -> ParquetFormat:
    """Check the columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    with problems.collect():
        check_columns(schema, "parquet", case_sensitive=options.case_sensitive)
    for name, kind in leaves(schema):
        with problems.collect():
            _check_type(name, kind)
    problems.raise_all()
    codec = embedded("parquet", options.compression)
    return ParquetFormat(schema, codec=codec, level=options.compression_level)


def _check_type(name: str, kind: pa.DataType) -> None:
    if pa.types.is_null(kind):
        raise unsupported_type(name, kind, "Parquet", f"Cast it: CAST(`{name}` AS STRING)")
    if pa.types.is_struct(kind) and not kind.num_fields:
        raise unsupported_type(name, kind, "Parquet", "Leave it out, or give it a field")


class ParquetFormat(Format):
    """Parquet files.

    Args:
        schema: the columns, checked by `open_parquet`.
        codec: how pages are compressed.
        level: the codec's own; None for a fast one.

    """

    concatenable = False
    buffered_bytes = ROW_GROUP_BYTES

    def __init__(self, schema: pa.Schema, *, codec: Embedded, level: int | None = None) -> None:
        self.extension = f"{codec.extension}parquet"
        # The metadata hold Spark's own schema, from which its reader takes the types that Parquet
        # does not have.
        fields = [field.with_type(nullable(field.type)) for field in schema]
        self._schema = pa.schema(fields, metadata=schema.metadata)
        self._codec = codec.name
        self._level = codec.level if level is None else level

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; every one has its schema."""
        return _ParquetEncoder(self._schema, self._codec, self._level)


class _ParquetEncoder(PartEncoder):
    def __init__(self, schema: pa.Schema, codec: str, level: int | None) -> None:
        self._schema = schema
        self._ready = Drain()
        self._gathered: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._writer = arrow_parquet.ParquetWriter(
            pa.PythonFile(self._ready, mode="w"),
            schema,
            compression=codec,
            compression_level=level,
            # Spark's timestamps: microseconds, as INT64.
            coerce_timestamps="us",
            version="2.6",
            # As Spark: INT32 and INT64 where the digits fit, which also costs less to write.
            store_decimal_as_integer=True,
            dictionary_pagesize_limit=DICTIONARY_BYTES,
        )

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return a row group's bytes when one is full, else nothing."""
        self._gathered.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        arrays = ARRAY_BYTES * batch.num_columns * len(self._gathered)
        if len(self._gathered) > 1 and arrays > MERGE_BYTES + self._bytes // 4:
            # Many columns of few rows: the arrays take more memory than the values.
            self._gathered = pa.Table.from_batches(self._gathered).combine_chunks().to_batches()
        if self._bytes >= ROW_GROUP_BYTES or self._rows >= ROW_GROUP_ROWS:
            self._write_row_group()
        return self._ready.take()

    def finish(self) -> Buffer:
        """Return the last row group and the footer."""
        if self._rows:
            self._write_row_group()
        self._writer.close()
        return self._ready.take()

    def _write_row_group(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._rows = self._bytes = 0
        try:
            table = pa.Table.from_batches(gathered).cast(self._schema)
            self._writer.write_table(table, row_group_size=table.num_rows)
        except pa.ArrowException as error:
            raise EncodeError(f"Rows do not fit Parquet: {error}") from error
