"""Parquet, row group by row group, in a form that Spark and others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as arrow_parquet

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import nullable
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.compression import Drain

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: codec -> what Spark puts before `.parquet` (org.apache.parquet CompressionCodecName). Arrow's
#: lz4 is the format's LZ4_RAW.
CODEC_EXTENSIONS = {
    "none": "",
    "snappy": "snappy.",
    "gzip": "gz.",
    "zstd": "zstd.",
    "lz4": "lz4raw.",
    "brotli": "br.",
}

# A row group is written when this much has gathered, in bytes of Arrow memory or in rows: large
# enough that readers skip and scan well, small enough that a task's memory stays bounded.
ROW_GROUP_BYTES = 32 * 1024 * 1024
ROW_GROUP_ROWS = 1024 * 1024

# A column whose distinct values take more is written without a dictionary. Arrow tries up to 1 MiB,
# in vain for keys and free text: a fifth of the time, for larger files.
DICTIONARY_BYTES = 256 * 1024

# Arrow's gzip is at level 9 by default: some 20 times slower for a few percent.
_LEVELS = {"gzip": 4}


class ParquetFormat(Format):
    """Parquet files.

    Args:
        schema: the columns, checked by `open_format`.
        compression: `none`, `snappy`, `gzip`, `zstd`, `lz4` or `brotli`.
        level: the codec's own; None for a fast one.

    """

    joinable = False
    held = ROW_GROUP_BYTES

    def __init__(self, schema: pa.Schema, *, compression: str, level: int | None = None) -> None:
        self.extension = f"{CODEC_EXTENSIONS[compression]}parquet"
        # Spark's own schema is among the metadata, and tells its reader the types that Parquet has
        # no words for.
        fields = [field.with_type(nullable(field.type)) for field in schema]
        self._schema = pa.schema(fields, metadata=schema.metadata)
        self._compression = compression
        self._level = _LEVELS.get(compression) if level is None else level

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; every one has its schema."""
        return _ParquetEncoder(self._schema, self._compression, self._level)


class _ParquetEncoder(PartEncoder):
    def __init__(self, schema: pa.Schema, compression: str, level: int | None) -> None:
        self._schema = schema
        self._ready = Drain()
        self._gathered: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._writer = arrow_parquet.ParquetWriter(
            pa.PythonFile(self._ready, mode="w"),
            schema,
            compression=compression,
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
