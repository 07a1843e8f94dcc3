"""Helpers for Arrow string arrays and batches: join text, see its bytes uncopied, cut slices."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Rows become text in slices of this many bytes, so that the text stays below the 2 GiB that 32-bit
#: string offsets address: JSON's escapes make a byte at most six times longer.
MAX_SLICE_BYTES = 64 * 1024 * 1024
#: And of at most this many rows, so that intermediate arrays fit the processor's caches. Spark's
#: batches have 10,000 rows unless spark.sql.execution.arrow.maxRecordsPerBatch is set.
MAX_SLICE_ROWS = 32 * 1024

#: Batches of fewer rows than this do not pay for the set-up of a row gather.
ROW_GATHER_ROWS = 600

#: Bytes of memory that each array takes besides its values, about; of a batch of few rows and many
#: columns these are the most.
ARRAY_BYTES = 512

_EMPTY = pa.py_buffer(b"")


def slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield `batch` in slices of at most `MAX_SLICE_BYTES` and `MAX_SLICE_ROWS`; most are one."""
    small = batch.num_rows <= MAX_SLICE_ROWS and batch.nbytes <= MAX_SLICE_BYTES
    if batch.num_rows <= 1 or small:
        yield batch
        return
    half = batch.num_rows // 2
    yield from slices(batch.slice(0, half))
    yield from slices(batch.slice(half))


def memory_of(batch: pa.RecordBatch) -> int:
    """Return the bytes of memory that a batch takes, about, its arrays included."""
    return int(batch.nbytes + ARRAY_BYTES * batch.num_columns)


def join(*parts: Any) -> pa.Array:
    """Concatenate string arrays and scalars row by row; a row with a null part is null."""
    return pc.binary_join_element_wise(*parts, "")


def text_buffer(text: pa.Array) -> pa.Buffer:
    """Return the bytes of all values of a string or binary array, concatenated, without a copy."""
    if not len(text):
        return _EMPTY
    _, offsets, data = text.buffers()
    if data is None:
        return _EMPTY
    kind = text.type
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    form, width = ("=q", 8) if large else ("=i", 4)
    (start,) = struct.unpack_from(form, offsets, width * text.offset)
    (end,) = struct.unpack_from(form, offsets, width * (text.offset + len(text)))
    return data.slice(start, end - start)


def lowest_byte(data: pa.Buffer) -> int:
    """Return the lowest of at least one byte."""
    if np is not None:
        return int(np.frombuffer(data, np.uint8).min())
    return int(pc.min(pa.Array.from_buffers(pa.uint8(), data.size, [None, data])).as_py())


def any_true(mask: pa.Array) -> bool:
    """Return whether a boolean array holds a true value."""
    return bool(pc.any(mask).as_py())


def replace_where(mask: pa.Array, text: pa.Array, replacement: pa.Array) -> pa.Array:
    """Put `replacement`, one value for each true of `mask`, into `text`; null is false."""
    return pc.replace_with_mask(text, pc.fill_null(mask, False), replacement)


def null_where(text: pa.Array, value: str) -> pa.Array:
    """Return strings with null in the place of each that equals `value`."""
    mask = pc.equal(text, value)
    return pc.if_else(mask, pa.scalar(None, text.type), text) if any_true(mask) else text


def nullable(kind: pa.DataType) -> pa.DataType:
    """Return a type whose nested fields may all be null.

    Spark calls a struct's field never null even where the struct itself is, and Arrow refuses to
    convert such columns.
    """
    types = pa.types
    if types.is_struct(kind):
        return pa.struct(
            [field.with_type(nullable(field.type)).with_nullable(True) for field in kind]
        )
    if types.is_map(kind):
        return pa.map_(nullable(kind.key_type), nullable(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pa.list_(nullable(kind.value_type), kind.list_size)
    if types.is_list(kind):
        return pa.list_(nullable(kind.value_type))
    if types.is_large_list(kind):
        return pa.large_list(nullable(kind.value_type))
    return kind
