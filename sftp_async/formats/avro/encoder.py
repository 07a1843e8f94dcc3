"""Encodes Avro files block by block through fastavro, with the schema that Spark's writer gives."""

from __future__ import annotations

import io
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats.arrow_text import slices
from sftp_async.formats.avro.schema import avro_schema, column_values
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.compressed_stream import Drain
from sftp_async.formats.schema_checks import (
    check_columns,
    check_intervals,
    is_spark_type,
    leaves,
    unsupported_type,
)
from sftp_async.formats.values.cell_text import is_text
from sftp_async.formats.values.utf8 import is_malformed
from sftp_async.options.codecs import DEFAULT_CODECS, embedded
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions
    from sftp_async.options.codecs import Embedded

try:
    from sftp_async.formats.avro import vectorized
except ImportError:  # NumPy is not installed
    vectorized = None  # type: ignore[assignment]

#: Bytes of rows, before compression, in a block: Java's default (DataFileConstants).
BLOCK_BYTES = 64_000
#: Rows made into Python objects at a time.
SLICE_ROWS = 4_096
#: Batches of fewer rows than this do not pay for encoding by column.
COLUMN_ROWS = 32

# https://avro.apache.org/docs/1.12.0/specification/#names
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def open_avro(options: FormatOptions, schema: pa.Schema) -> AvroFormat:
    """Check columns and packages, and return the format; see `FormatPlugin.encoder`."""
    compression = options.compression or DEFAULT_CODECS["avro"]
    codec = embedded("avro", compression)
    problems = Problems()
    with problems.collect():
        _check_packages(codec, compression)
    with problems.collect():
        check_columns(schema, "avro", case_sensitive=options.case_sensitive)
        check_intervals(schema)
    with problems.collect():
        _check_names(schema.names, "column")
    for name, kind in leaves(schema):
        with problems.collect():
            _check_type(name, kind)
    problems.raise_all()
    return AvroFormat(schema, codec=codec, level=options.compression_level)


def _check_type(name: str, kind: pa.DataType) -> None:
    if pa.types.is_struct(kind):
        if not kind.num_fields:
            raise unsupported_type(name, kind, "Avro", "Leave it out, or give it a field")
        _check_names([field.name for field in kind], f"field of {name!r}")
    if not is_spark_type(kind):
        raise unsupported_type(name, kind, "Avro", f"Cast it: CAST(`{name}` AS STRING)")
    if pa.types.is_map(kind) and not is_text(kind.key_type):
        hint = "Avro's keys are strings: cast them with transform_keys"
        raise unsupported_type(name, kind, "Avro", hint)


def _check_packages(codec: Embedded, compression: str) -> None:
    """Check that fastavro is installed, and the package that it compresses with.

    Raises:
        OptionsError: a package is missing; names the extra that brings it.

    """
    try:
        import fastavro

        # Only when a block is written does fastavro miss the package of a codec.
        fastavro.writer(io.BytesIO(), {"type": "null"}, [None], codec=codec.name)
    except (ImportError, ValueError) as error:
        raise OptionsError(
            f"format=avro with compression={compression} needs fastavro and its codecs, here and "
            "on every worker: pip install 'sftp-async[avro]'"
        ) from error


def _check_names(names: list[str], what: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise EncodeError(
                f"Avro cannot hold a {what} of the name {name!r}: names have the letters a to z, "
                "digits and _, and do not begin with a digit",
                hint="Rename it with withColumnRenamed or toDF",
            )


class AvroFormat(Format):
    """Avro object container files.

    Args:
        schema: the columns, checked by `open_avro`.
        codec: how blocks are compressed.
        level: the codec's own; None for its library's default.

    """

    extension = "avro"
    concatenable = False

    def __init__(self, schema: pa.Schema, *, codec: Embedded, level: int | None = None) -> None:
        self._codec = codec.name
        self._schema = schema
        self._level = level

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; every one has its schema."""
        by_column = vectorized is not None and vectorized.suits(self._schema)
        kind = _ColumnEncoder if by_column else _AvroEncoder
        return kind(self._schema, self._codec, self._level)


class _AvroEncoder(PartEncoder):
    def __init__(self, schema: pa.Schema, codec: str, level: int | None) -> None:
        import fastavro
        from fastavro.write import Writer

        self._schema = schema
        self._avro = fastavro.parse_schema(avro_schema(schema))
        self._ready = Drain()
        self._writer: Any = Writer(
            cast("Any", self._ready),
            self._avro,
            codec=codec,
            compression_level=level,
            sync_interval=BLOCK_BYTES,
        )

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the blocks that `batch` has filled.

        Raises:
            EncodeError: a value cannot be written in this format.

        """
        for field, column in zip(self._schema, batch.columns, strict=True):
            if column.null_count and not (field.nullable or pa.types.is_null(field.type)):
                # fastavro would write a boolean as false.
                raise EncodeError(f"Column {field.name!r} has a null, and its schema excludes them")
        try:
            self._write(batch)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            fields = zip(self._schema, batch.columns, strict=True)
            for name in (field.name for field, column in fields if is_malformed(column)):
                raise EncodeError(
                    f"Column {name!r} holds bytes that are no UTF-8 text, as Avro's strings are",
                    hint=f"Write them as bytes, CAST(`{name}` AS BINARY), or as hex(`{name}`)",
                ) from error
            raise EncodeError(f"Rows do not fit Avro: {error}") from error
        return self._ready.take()

    def finish(self) -> Buffer:
        """Return the last block; the header too if no row came."""
        self._writer.flush()
        return self._ready.take()

    def _write(self, batch: pa.RecordBatch) -> None:
        for start in range(0, batch.num_rows, SLICE_ROWS):
            for row in _rows(batch.slice(start, SLICE_ROWS)):
                self._writer.write(row)


class _ColumnEncoder(_AvroEncoder):
    """Encodes the same blocks as its base class in less time; see `vectorized.suits`."""

    def __init__(self, schema: pa.Schema, codec: str, level: int | None) -> None:
        super().__init__(schema, codec, level)
        self._block = _Block()

    def finish(self) -> Buffer:
        """Return the last block; the header too if no row came."""
        if self._block.num_records:
            self._close_block()
        return super().finish()

    def _write(self, batch: pa.RecordBatch) -> None:
        for part in slices(batch):
            for piece in vectorized.pieces(part):
                if piece.num_rows < COLUMN_ROWS:
                    self._write_few(piece)
                else:
                    self._write_many(vectorized.encoded_rows(piece, self._schema))

    def _write_few(self, batch: pa.RecordBatch) -> None:
        import fastavro

        for row in _rows(batch):
            fastavro.schemaless_writer(self._block.bytes_, self._avro, row)
            self._count(1)

    def _write_many(self, rows: pa.BinaryArray) -> None:
        _, starts, data = rows.buffers()
        offsets = memoryview(starts).cast("i")
        data = memoryview(data)
        start, end = 0, len(rows)
        while start < end:
            first = offsets[start]
            full = first + BLOCK_BYTES - self._block.bytes_.tell()
            # The row that fills the block is its last one.
            stop = bisect_left(offsets, full, start + 1, end)
            self._block.bytes_.write(data[first : offsets[stop]])
            self._count(stop - start)
            start = stop

    def _count(self, rows: int) -> None:
        self._block.num_records += rows
        if self._block.bytes_.tell() >= BLOCK_BYTES:
            self._close_block()

    def _close_block(self) -> None:
        self._writer.write_block(self._block)
        self._block = _Block()


class _Block:
    """Rows, before compression, as fastavro's writer takes them."""

    def __init__(self) -> None:
        self.num_records = 0
        self.bytes_ = io.BytesIO()


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield the rows as fastavro takes them."""
    names = batch.schema.names
    for values in zip(*map(column_values, batch.columns), strict=True):
        yield dict(zip(names, values, strict=True))
