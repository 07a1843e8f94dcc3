"""Converts Spark's rows to Arrow batches: Spark 4.0 gives a streaming writer only rows."""

from __future__ import annotations

import itertools
import os
import time
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Rows of an Arrow batch by Spark's default (spark.sql.execution.arrow.maxRecordsPerBatch).
ROWS_PER_BATCH = 10_000


@contextmanager
def process_time_zone_utc() -> Iterator[None]:
    """Set the time zone of this process to UTC within the block.

    Spark converts timestamps to naive datetimes in the process's zone. In a zone with daylight
    saving time, two timestamps an hour apart would become the same one in autumn.
    """
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def record_batches(rows: Iterable[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Gather Spark rows into record batches.

    Args:
        rows: `pyspark.sql.Row`s, with naive datetimes in this process's zone, as Spark makes them.
        schema: of the rows.

    """
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, ROWS_PER_BATCH)):
        columns = [
            pa.array([_arrow_value(row[i], field.type) for row in chunk], field.type)
            for i, field in enumerate(schema)
        ]
        yield pa.record_batch(columns, schema=schema)


def _arrow_value(value: Any, kind: pa.DataType) -> Any:
    """Return a value as `pyarrow.array` takes it."""
    if value is None:
        return None
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return value.astimezone(UTC)
    if pa.types.is_struct(kind):
        return {
            kind.field(i).name: _arrow_value(value[i], kind.field(i).type)
            for i in range(len(value))
        }
    if pa.types.is_map(kind):
        return [
            (_arrow_value(key, kind.key_type), _arrow_value(item, kind.item_type))
            for key, item in value.items()
        ]
    if pa.types.is_list(kind):
        return [_arrow_value(item, kind.value_type) for item in value]
    return value
