"""Encodes ORC files stripe by stripe, with the types that Spark gives to its own files."""

from __future__ import annotations

import ctypes
import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import orc as arrow_orc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.compressed_stream import Drain
from sftp_async.formats.schema_checks import (
    check_columns,
    check_intervals,
    is_nested,
    is_spark_type,
    leaves,
    unsupported_type,
)
from sftp_async.formats.values.cell_text import is_text
from sftp_async.options.codecs import embedded
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions
    from sftp_async.options.codecs import Embedded

#: A stripe ends at this many bytes of encoded data (Arrow's default is twice that): the memory that
#: one open file takes.
STRIPE_BYTES = 32 * 1024 * 1024
#: Bytes that Arrow's writer of an open file takes for each column, and each part of a nested one,
#: whatever the rows are; measured as 0.5 MiB of numbers and 0.9 MiB of texts.
COLUMN_BYTES = 512 * 1024
TEXT_COLUMN_BYTES = 1024 * 1024
#: Files of so many columns or more give their writer's memory back to the system when they end.
TRIM_COLUMNS = 32
#: A column of texts has a dictionary if no more than this share of them differ, as in Java's writer
#: (orc.dictionary.key.threshold); Arrow's default is none.
DICTIONARY_SHARE = 0.8

# The attribute with Spark's name of a column's type (OrcFile's attributes), where ORC's own type is
# another.
_SPARK_TYPE = "spark.sql.catalyst.type"

# The first day of the Gregorian calendar. Readers take earlier days in ORC files for days of the
# Julian calendar, and Arrow cannot write them as such.
_FIRST_DAY = dt.date(1582, 10, 15)
_FIRST_DAYS = (_FIRST_DAY - dt.date(1970, 1, 1)).days
_SECOND = 1_000_000


def open_orc(options: FormatOptions, schema: pa.Schema) -> ORCFormat:
    """Check the columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    with problems.collect():
        check_columns(schema, "orc", case_sensitive=options.case_sensitive)
        check_intervals(schema)
    for name, kind in leaves(schema):
        with problems.collect():
            _check_type(name, kind)
    with problems.collect():
        _check_names(schema.names, "column")
    problems.raise_all()
    return ORCFormat(schema, codec=embedded("orc", options.compression))


def _check_type(name: str, kind: pa.DataType) -> None:
    if pa.types.is_struct(kind) and not kind.num_fields:
        raise unsupported_type(name, kind, "ORC", "Leave it out, or give it a field")
    if pa.types.is_null(kind) or not is_spark_type(kind):
        raise unsupported_type(name, kind, "ORC", f"Cast it: CAST(`{name}` AS STRING)")
    fields = [field.name for field in kind] if pa.types.is_struct(kind) else []
    _check_names(fields, f"field of {name!r}")


def _check_names(names: list[str], what: str) -> None:
    for name in names:
        if "`" in name or not name:
            # ORC Java reads "a`b" as "a".
            raise EncodeError(
                f"ORC cannot hold a {what} of the name {name!r}: readers would find another",
                hint="Rename it with withColumnRenamed or toDF: not empty, and without `",
            )


class ORCFormat(Format):
    """ORC files.

    Args:
        schema: the columns, checked by `open_orc`.
        codec: how stripes are compressed.

    """

    concatenable = False

    def __init__(self, schema: pa.Schema, *, codec: Embedded) -> None:
        self.buffered_bytes = STRIPE_BYTES + sum(_writer_bytes(kind) for _, kind in leaves(schema))
        self.extension = f"{codec.extension}orc"
        self._schema = pa.schema([_stored(field) for field in schema])
        self._codec = codec.name

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; every one has its schema."""
        return _ORCEncoder(self._schema, self._codec)


def _writer_bytes(kind: pa.DataType) -> int:
    types = pa.types
    is_bytes = is_text(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    return TEXT_COLUMN_BYTES if is_bytes or types.is_timestamp(kind) else COLUMN_BYTES


class _ORCEncoder(PartEncoder):
    def __init__(self, schema: pa.Schema, codec: str) -> None:
        self._schema = schema
        self._ready = Drain()
        self._writer: Any = arrow_orc.ORCWriter(
            pa.PythonFile(self._ready, mode="w"),
            compression=codec,
            stripe_size=STRIPE_BYTES,
            dictionary_key_size_threshold=DICTIONARY_SHARE,
        )
        self._empty = True

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return a stripe's bytes when one is full, else nothing.

        Raises:
            EncodeError: a date or a time is one that ORC would change; names the column.

        """
        for field, column in zip(batch.schema, batch.columns, strict=True):
            for name, values in _times(field.name, column):
                _check_calendar(name, values)
        try:
            self._writer.write(pa.Table.from_batches([_whole(batch)]).cast(self._schema))
        except pa.ArrowException as error:
            raise EncodeError(f"Rows do not fit ORC: {error}") from error
        self._empty = False
        return self._ready.take()

    def finish(self) -> Buffer:
        """Return the last stripe and the footer."""
        if self._empty:
            self._writer.write(self._schema.empty_table())
        self._writer.close()
        self._writer = None
        if len(self._schema) >= TRIM_COLUMNS:
            _trim_memory()
        return self._ready.take()


def _trim_memory() -> None:
    """Return freed memory to the system: glibc keeps that of a writer, and takes more for the next.

    Of 1,000 columns that is 0.3 GiB a file.
    """
    with suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _whole(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with copies of nested columns, which are not part of larger ones.

    Arrow 26 writes a struct that begins within another one with the nulls of the wrong rows.
    """
    if not any(is_nested(kind) for kind in batch.schema.types):
        return batch
    rows = pa.array(range(batch.num_rows), pa.int64())
    columns = [column.take(rows) if is_nested(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _stored(field: pa.Field) -> pa.Field:
    """Return a field as it is stored: types that ORC lacks as integers, as Spark stores them."""
    kind, name = field.type, None
    types = pa.types
    if types.is_duration(kind):
        kind, name = pa.int64(), "interval day to second"
    elif types.is_timestamp(kind) and kind.tz is None:
        kind, name = pa.int64(), "timestamp_ntz"
    elif types.is_timestamp(kind):
        name = "timestamp"  # Spark 4.0 does not know ORC's own name, with local time zone
    elif types.is_struct(kind):
        kind = pa.struct([_stored(child) for child in kind])
    elif types.is_map(kind):
        kind = pa.map_(_stored(kind.key_field).with_nullable(False), _stored(kind.item_field))
    elif types.is_list(kind) or types.is_large_list(kind):
        kind = pa.list_(_stored(kind.value_field))
    # All may be null: ORC has no other fields, and Spark declares a struct's field never null even
    # where the struct is null.
    return pa.field(field.name, kind, metadata={_SPARK_TYPE: name} if name else None)


def _times(name: str, column: Any) -> Iterator[tuple[str, Any]]:
    """Yield a column's dates and zoned timestamps, those inside other values too."""
    kind = column.type
    types = pa.types
    if types.is_date32(kind) or (types.is_timestamp(kind) and kind.tz is not None):
        yield name, column
    elif types.is_struct(kind):
        for field, values in zip(kind, column.flatten(), strict=True):
            yield from _times(f"{name}.{field.name}", values)
    elif types.is_map(kind):
        start, end = column.offsets[0].as_py(), column.offsets[-1].as_py()
        yield from _times(f"{name}.key", column.keys.slice(start, end - start))
        yield from _times(f"{name}.value", column.items.slice(start, end - start))
    elif types.is_list(kind) or types.is_large_list(kind):
        yield from _times(f"{name}.element", column.flatten())


def _check_calendar(name: str, values: Any) -> None:
    if pa.types.is_date32(values.type):
        numbers, first, fraction = values.view(pa.int32()), _FIRST_DAYS, False
    else:
        numbers = values.cast(pa.timestamp("us", values.type.tz)).view(pa.int64())
        first, fraction = _FIRST_DAYS * 86_400 * _SECOND, True
    lowest = pc.min(numbers).as_py()
    if lowest is None or lowest >= 0:
        return
    if lowest < first:
        raise EncodeError(
            f"Column {name!r} has a day before {_FIRST_DAY}, which readers of ORC would take for "
            "one of the Julian calendar",
            hint="Take format=parquet, which holds it, or set a later day",
        )
    if fraction and any_true(_splits_second(numbers)):
        raise EncodeError(
            f"Column {name!r} has a time before 1970 with a fraction of a second, which Arrow "
            "writes to ORC in a form that Java cannot read",
            hint=f"Take format=parquet, which holds it, or date_trunc('SECOND', `{name}`)",
        )


def _splits_second(micros: Any) -> Any:
    whole = pc.multiply(pc.divide(micros, _SECOND), _SECOND)
    return pc.and_(pc.less(micros, 0), pc.not_equal(micros, whole))
