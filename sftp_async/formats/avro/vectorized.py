"""Encodes rows of flat columns in Avro's binary encoding, one column at a time.

Needs NumPy, which pyarrow does not: import it only where the encoder can do without.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.avro.schema import bytes_for
from sftp_async.formats.values.lookup_tables import null_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from sftp_async.formats.values.row_gather import Integers, Mask

    Bytes = npt.NDArray[np.uint8]

#: Rows are encoded in pieces of at most this many fields: each takes up to eleven bytes, twice.
MAX_FIELDS = 512 * 1024

# Bits of a number in one byte of a varint; the eighth bit marks that more bytes follow.
# https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
_BITS, _MORE = 7, 0x80


def suits(schema: pa.Schema) -> bool:
    """Return whether `encoded_rows` supports the types, and every row has bytes."""
    known = all(_is_flat(field.type) or pa.types.is_null(field.type) for field in schema)
    return known and any(map(_is_flat, schema.types)) and sys.byteorder == "little"


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the batch in pieces of at most `MAX_FIELDS`, or of one row."""
    rows = max(MAX_FIELDS // batch.num_columns, 1)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def encoded_rows(batch: pa.RecordBatch, schema: pa.Schema) -> pa.BinaryArray:
    """Return the encoding of each row.

    Args:
        batch: at least one row; all of them have less than 2 GiB.
        schema: of the batch, with the columns that may be null; one that `suits`.

    Raises:
        pyarrow.ArrowException: a string is not UTF-8.

    """
    rows = batch.num_rows
    arrays: list[pa.Array] = []
    runs: list[_Run] = []
    for field, column in zip(schema, batch.columns, strict=True):
        if pa.types.is_null(field.type):
            continue
        missing = null_rows(column)
        if field.nullable:
            runs.append(_branch(missing))
        present = None if missing is None else ~missing
        if _is_bytes(column.type):
            # The length of a string joins the fields before it; the string itself stays apart.
            runs += _varint(_numbers(pc.binary_length(column)), present)
            arrays += [_joined(runs, rows), _as_bytes(column)]
            runs = []
        else:
            runs += _value(column, present)
    if runs:
        arrays.append(_joined(runs, rows))
    if len(arrays) == 1:
        return arrays[0]
    return pc.binary_join_element_wise(*arrays, b"", null_handling="replace")


@dataclass(frozen=True)
class _Run:
    """A run of bytes in every row.

    Args:
        values: rows by bytes; one row stands for all.
        present: the rows that have them; None is all.

    """

    values: Bytes
    present: Mask | None = None


def _joined(runs: list[_Run], rows: int) -> pa.BinaryArray:
    """Return the bytes of each row, all runs concatenated."""
    width = sum(run.values.shape[1] for run in runs)
    grid = np.empty((rows, width), np.uint8)
    kept = None if all(run.present is None for run in runs) else np.ones(grid.shape, np.bool_)
    lengths = np.full(rows, width, np.int32)
    start = 0
    for run in runs:
        columns = slice(start, start + run.values.shape[1])
        grid[:, columns] = run.values
        if kept is not None and run.present is not None:
            kept[:, columns] = run.present[:, None]
            lengths -= ~run.present * np.int32(run.values.shape[1])
        start = columns.stop
    data = grid.reshape(-1) if kept is None else grid.reshape(-1)[kept.reshape(-1)]
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), rows, buffers)


def _branch(missing: Mask | None) -> _Run:
    """Return the branch of `[type, "null"]` of each value: a varint, 0 or 1 doubled."""
    if missing is None:
        return _Run(np.zeros((1, 1), np.uint8))
    branch: Bytes = missing.view(np.uint8)[:, None] << np.uint8(1)
    return _Run(branch)


def _value(column: pa.Array, present: Mask | None) -> list[_Run]:
    kind = column.type
    types = pa.types
    if types.is_boolean(kind):
        return [_Run(_bytes_of(_numbers(column.cast(pa.uint8()))), present)]
    if types.is_floating(kind):
        return [_Run(_bytes_of(_numbers(column)), present)]
    if types.is_decimal128(kind):
        data: Bytes = np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, 16)
        last = bytes_for(kind.precision) - 1
        words = data[column.offset : column.offset + len(column)]
        return [_Run(words[:, last::-1], present)]  # big-endian
    wide = kind.bit_width == 64
    return _varint(_numbers(column.cast(pa.int64() if wide else pa.int32())), present)


def _varint(numbers: Integers, present: Mask | None) -> list[_Run]:
    """Return numbers as zigzag varints, seven bits a byte; numbers that are not present must be 0.

    The first byte has the lowest bits.
    """
    wide = numbers.astype(np.int64)
    rest = ((wide << 1) ^ (wide >> 63)).view(np.uint64)
    if rest.max() < 2**32:
        rest = rest.astype(np.uint32)
    runs = []
    while (more := rest >= _MORE).any():
        low = rest.astype(np.uint8) | np.uint8(_MORE)
        low ^= (~more).view(np.uint8) << np.uint8(_BITS)
        runs.append(_Run(low[:, None], present))
        present = None if more.all() else more
        rest >>= _BITS
    return [*runs, _Run(rest.astype(np.uint8)[:, None], present)]


def _numbers(column: pa.Array) -> Any:
    return column.fill_null(0).to_numpy()


def _bytes_of(numbers: Any) -> Bytes:
    data: Bytes = np.ascontiguousarray(numbers).view(np.uint8)
    return data.reshape(len(numbers), -1)


def _as_bytes(column: pa.Array) -> pa.BinaryArray:
    """Return strings as bytes, checked to be UTF-8: Arrow does not check its own."""
    column.validate(full=True)
    return column.cast(pa.binary())


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _is_flat(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        _is_bytes(kind)
        or types.is_boolean(kind)
        or types.is_signed_integer(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or types.is_decimal128(kind)
        or types.is_date32(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
    )
