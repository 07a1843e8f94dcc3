"""Values of partition directories in the types that a user gives to their columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.read.partition_values import partition_type, partition_value

MOMENT = pa.timestamp("us", "UTC")


def value(text: str | None, kind: pa.DataType, zone: str = "UTC") -> Any:
    return partition_value(text, pa.field("k", kind), "/in/k=1/a.csv", zone=zone).as_py()


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("007", pa.int32(), 7),
        ("-5", pa.int8(), -5),
        ("007", pa.string(), "007"),
        ("a%2Fb %E4 %zz", pa.string(), "a/b ä %zz"),
        ("1", pa.float32(), 1.0),
        ("0x1p3", pa.float64(), 8.0),
        ("1e2", pa.decimal128(10, 2), Decimal("100.00")),
        ("1.5", pa.decimal128(10, 2), Decimal("1.50")),
        ("TRUE", pa.bool_(), True),
        ("2024-5-1", pa.date32(), date(2024, 5, 1)),
        ("2024", pa.date32(), date(2024, 1, 1)),
        ("2024-05-01 10%3A11%3A12.123456", MOMENT, datetime(2024, 5, 1, 10, 11, 12, 123456, UTC)),
        ("2024-05-01T10%3A11%3A12+02%3A00", MOMENT, datetime(2024, 5, 1, 8, 11, 12, tzinfo=UTC)),
        ("2024-05-01 10", MOMENT, datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01 10%3A11", pa.timestamp("us"), datetime(2024, 5, 1, 10, 11)),
        ("abc", pa.binary(), b"abc"),
        (None, pa.int32(), None),
        (None, pa.string(), None),
    ],
)
def test_texts_become_values_of_the_type(
    text: str | None, kind: pa.DataType, expected: Any
) -> None:
    assert value(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x", pa.int32()),
        ("1.0", pa.int32()),
        ("%31", pa.int32()),
        ("300", pa.int8()),
        ("yes", pa.bool_()),
        ("1.555", pa.decimal128(3, 3)),
        ("123456", pa.decimal128(4, 0)),
        ("2024-02-30", pa.date32()),
        ("2024-05-01 25:00:00", MOMENT),
        ("1", pa.list_(pa.int32())),
    ],
)
def test_a_text_that_does_not_fit_is_an_error_that_names_the_file(
    text: str, kind: pa.DataType
) -> None:
    with pytest.raises(DecodeError, match="does not fit the type") as caught:
        value(text, kind)
    assert caught.value.path == "/in/k=1/a.csv"
    assert "'k'" in str(caught.value)


def test_times_are_in_the_session_s_zone_and_skipped_ones_move_as_in_java() -> None:
    assert value("2024-05-01", MOMENT, "Europe/Berlin") == datetime(2024, 4, 30, 22, tzinfo=UTC)
    skipped = value("2024-03-31 02%3A30%3A00", MOMENT, "Europe/Berlin")
    assert skipped == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    twice = value("2024-10-27 02%3A30%3A00", MOMENT, "Europe/Berlin")
    assert twice == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def test_the_common_type_does_not_depend_on_the_order_of_the_values() -> None:
    texts = ["1", "2147483648", "9223372036854775808", None]
    expected = pa.decimal128(20, 0)
    assert partition_type(texts) == partition_type(texts[::-1]) == expected
    assert partition_type(["1.5", "1", "2147483648"]) == pa.string()
    assert partition_type([None]) == pa.null()
    assert partition_type([]) == pa.null()


@pytest.mark.parametrize("text", ["", "x", "24-05-01", "2024-13-01", "2024-05-01T10%3A11+02%3A00"])
def test_what_is_no_time_is_refused_by_name_and_path(text: str) -> None:
    with pytest.raises(DecodeError, match="'k'") as caught:
        value(text, MOMENT)
    assert caught.value.path == "/in/k=1/a.csv"
