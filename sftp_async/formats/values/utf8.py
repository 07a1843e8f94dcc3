"""Replaces bytes that are no UTF-8 in strings by U+FFFD, as Java does where Spark makes text.

Spark's strings may hold any bytes: `CAST(X'41FF' AS STRING)`. Its writers of CSV, JSON and XML make
Java strings of them, in which U+FFFD stands for what is malformed; Arrow does not check.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.values.cell_text import is_text

try:
    from sftp_async.formats.values.utf8_vectorized import is_utf8
except ImportError:  # NumPy is not installed
    is_utf8 = None  # type: ignore[assignment]

# Java replaces an encoded surrogate as a whole, even if its last byte is missing, and Python each
# of its bytes. In well-formed text no byte above 0x9F follows 0xED: no other text is affected.
_SURROGATE = re.compile(b"\xed[\xa0-\xbf][\x80-\xbf]?")
#: What stands for bytes that are no UTF-8.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _holds_text(kind: pa.DataType) -> bool:
    if is_text(kind):
        return True
    if not pa.types.is_nested(kind):
        return False
    return any(_holds_text(kind.field(number).type) for number in range(kind.num_fields))


def well_formed_bytes(data: bytes) -> bytes:
    """Return a text in well-formed UTF-8; the same object if it is that already."""
    if data.isascii():
        return data
    # Arrow's check is eight times as fast as Python's decoder.
    offsets = pa.array([0, len(data)], pa.int64()).buffers()[1]
    text = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return _decoded(data).encode()
    return data


def is_malformed(column: pa.Array) -> bool:
    """Return whether a string of a column, map keys and nested fields included, is no UTF-8."""
    kind = column.type
    if not _holds_text(kind):
        return False
    if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and _is_quickly_seen(column):
        return False
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return True
    return False


def _is_quickly_seen(column: pa.Array) -> bool:
    """Return whether a look at all bytes together shows UTF-8; Arrow looks at value by value."""
    data = text_buffer(column)
    if is_utf8 is not None:
        return is_utf8(column, data)
    if not data.size:
        return True
    return bool(pc.min(pa.Array.from_buffers(pa.int8(), data.size, [None, data])).as_py() >= 0)


def well_formed(column: Any) -> Any:
    """Return a column with every string in well-formed UTF-8."""
    kind = column.type
    if not _holds_text(kind):
        return column
    if is_text(kind):
        texts = [None if raw is None else _decoded(raw) for raw in _as_bytes(column).to_pylist()]
        return pa.array(texts, kind)
    column = column.take(pa.array(range(len(column)), pa.int64()))  # no part of a larger array
    if pa.types.is_struct(kind):
        own, children = 1, [column.field(number) for number in range(kind.num_fields)]
    elif pa.types.is_map(kind):
        entries = pa.StructArray.from_arrays(
            [well_formed(column.keys), well_formed(column.items)],
            fields=[kind.key_field, kind.item_field],
        )
        return pa.Array.from_buffers(
            kind, len(column), column.buffers()[:2], column.null_count, children=[entries]
        )
    elif pa.types.is_fixed_size_list(kind):
        own, children = 1, [column.values]
    else:
        own, children = 2, [column.values]
    return pa.Array.from_buffers(
        kind,
        len(column),
        column.buffers()[:own],
        column.null_count,
        children=[well_formed(child) for child in children],
    )


def _as_bytes(column: pa.Array) -> pa.Array:
    if pa.types.is_string_view(column.type):
        return column.cast(pa.binary_view())
    large = pa.types.is_large_string(column.type)
    return column.cast(pa.large_binary() if large else pa.binary())


def _decoded(raw: bytes) -> str:
    return _SURROGATE.sub(REPLACEMENT.encode(), raw).decode("utf-8", "replace")
