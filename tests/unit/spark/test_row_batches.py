"""Rows become record batches, as the streaming writer of Spark 4.0 needs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.spark.row_batches import ROWS_PER_BATCH, process_time_zone_utc, record_batches

CASES = [
    (pa.int64(), 7, 7),
    (pa.string(), "text", "text"),
    (pa.binary(), bytearray(b"\x00\xff"), b"\x00\xff"),
    (pa.decimal128(38, 18), Decimal("1.5"), Decimal("1.500000000000000000")),
    (pa.date32(), date(2026, 11, 23), date(2026, 11, 23)),
    (pa.timestamp("us"), datetime(2026, 11, 23, 12), datetime(2026, 11, 23, 12)),
    (pa.duration("us"), timedelta(days=1), timedelta(days=1)),
    (pa.list_(pa.int32()), [1, None], [1, None]),
    (pa.map_(pa.string(), pa.int32()), {"a": 1}, [("a", 1)]),
    (
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
        (1, ["x"]),
        {"a": 1, "b": ["x"]},
    ),
]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("kind", "given", "kept"), CASES, ids=lambda value: str(value)[:20])
def test_every_kind_of_value_and_its_null_are_kept(
    kind: pa.DataType, given: Any, kept: Any
) -> None:
    schema = pa.schema([("c", kind)])
    (batch,) = record_batches([(given,), (None,)], schema)
    assert batch.schema == schema
    assert batch.column(0).to_pylist() == [kept, None]


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("hour", "fold"), [(12, 0), (2, 0), (2, 1)], ids=["noon", "summer's 2:30", "winter's 2:30"]
)
def test_a_timestamp_is_kept_even_in_the_hour_that_occurs_twice(hour: int, fold: int) -> None:
    moment = datetime(2026, 10, 25, hour, 30, fold=fold).astimezone(UTC)
    zoned = pa.timestamp("us", "UTC")
    schema = pa.schema([("c", zoned), ("d", pa.list_(zoned))])
    with process_time_zone_utc():
        # As Spark makes it: naive, in the process's zone.
        naive = moment.astimezone().replace(tzinfo=None)
        (batch,) = record_batches([(naive, [naive])], schema)
    assert batch.to_pylist() == [{"c": moment, "d": [moment]}]
    assert datetime(2026, 7, 1).astimezone().utcoffset() == timedelta(hours=2)


def test_rows_are_gathered_into_batches_of_bounded_size() -> None:
    rows = ((n,) for n in range(2 * ROWS_PER_BATCH + 1))
    batches = list(record_batches(rows, pa.schema([("n", pa.int64())])))
    assert [batch.num_rows for batch in batches] == [ROWS_PER_BATCH, ROWS_PER_BATCH, 1]
    assert [n for batch in batches for n in batch.column(0).to_pylist()] == list(
        range(2 * ROWS_PER_BATCH + 1)
    )
