"""Repairs record batches from Spark that pyarrow cannot handle.

A list, map or struct column whose every value is null or empty has a child array of no rows. Java's
Arrow (seen in Spark 4.0) sends such a child without an offsets buffer, which the format forbids.
pyarrow then ends the Python process as soon as it computes the size of the batch or formats it.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def repair_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with every nested child of no rows replaced; most batches as they are.

    Args:
        batch: as it arrives. Columns that are slices are not looked at, since Spark sends none.

    """
    arrived = batch.columns
    columns = [_repaired(column) for column in arrived]
    if all(new is old for new, old in zip(columns, arrived, strict=True)):
        return batch
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _repaired(array: Any) -> Any:
    kind = array.type
    if array.offset or not pa.types.is_nested(kind):
        return array
    if not len(array):
        return pa.array([], kind)
    # The array's own buffers: validity, and offsets where there are some.
    if pa.types.is_struct(kind):
        own, children = 1, [array.field(number) for number in range(kind.num_fields)]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        own, children = 2, [array.values]
    else:
        return array
    repaired = [_repaired(child) for child in children]
    if all(new is old for new, old in zip(repaired, children, strict=True)):
        return array
    return pa.Array.from_buffers(
        kind, len(array), array.buffers()[:own], array.null_count, children=repaired
    )
