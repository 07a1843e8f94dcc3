"""Makes record batches sound that Spark sends and pyarrow cannot bear.

A list, map or struct column whose every value is null or empty has a child of no rows. Java's Arrow
(seen in Spark 4.0) sends such a child without an offsets buffer, which the format forbids and which
ends the Python process as soon as pyarrow looks at the size of the batch or formats it.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with every nested child of no rows made anew; most batches as they are.

    Args:
        batch: as it arrives; a slice is taken for sound, since Spark sends none.

    """
    arrived = batch.columns
    columns = [_sound(column) for column in arrived]
    if all(new is old for new, old in zip(columns, arrived, strict=True)):
        return batch
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _sound(array: Any) -> Any:
    kind = array.type
    if array.offset or not pa.types.is_nested(kind):
        return array
    if not len(array):
        return pa.array([], kind)
    if pa.types.is_struct(kind):
        own, children = 1, [array.field(number) for number in range(kind.num_fields)]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        own, children = 2, [array.values]
    else:
        return array
    made = [_sound(child) for child in children]
    if all(new is old for new, old in zip(made, children, strict=True)):
        return array
    return pa.Array.from_buffers(
        kind, len(array), array.buffers()[:own], array.null_count, children=made
    )
