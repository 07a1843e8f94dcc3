"""Spark's rows back to Arrow batches: Spark 4.0 gives a streaming writer nothing else."""

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

#: What Spark puts into an Arrow batch by default (spark.sql.execution.arrow.maxRecordsPerBatch).
ROWS_PER_BATCH = 10_000


@contextmanager
def in_utc() -> Iterator[None]:
    """Let this process's zone be UTC for a while.

    Spark makes naive moments in the process's zone, row by row: an hour that comes twice in autumn
    could not be told from the other one.
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
        rows: `pyspark.sql.Row`s; moments are naive, in this process's zone, as Spark makes them.
        schema: what the rows are.

    """
    rows = iter(rows)
    while some := list(itertools.islice(rows, ROWS_PER_BATCH)):
        columns = [
            pa.array([_plain(row[i], field.type) for row in some], field.type)
            for i, field in enumerate(schema)
        ]
        yield pa.record_batch(columns, schema=schema)


def _plain(value: Any, kind: pa.DataType) -> Any:
    """Return a value as `pyarrow.array` takes it."""
    if value is None:
        return None
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return value.astimezone(UTC)
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _plain(value[i], kind.field(i).type) for i in range(len(value))}
    if pa.types.is_map(kind):
        return [
            (_plain(key, kind.key_type), _plain(item, kind.item_type))
            for key, item in value.items()
        ]
    if pa.types.is_list(kind):
        return [_plain(item, kind.value_type) for item in value]
    return value
