"""Any rows that Excel can hold are the same when they are read back."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.encoding import encoded
from tests.support.readable import MemoryFile, decode_file, read_options

pytestmark = pytest.mark.one_python

#: Texts that XML can hold; an empty one reads back as null.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")),
    st.sampled_from(
        ["=1+1", "_x0041_", "<r>&</r>", " a ", "\r\n\t", "https://a.b", "\x00", "#N/A"]
    ),
)
MILLISECONDS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


def decimals(scale: int) -> st.SearchStrategy[decimal.Decimal]:
    """Return decimals of up to 15 digits."""
    unscaled = st.integers(-(10**15) + 1, 10**15 - 1)
    return unscaled.map(lambda number: decimal.Decimal(number).scaleb(-scale))


COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "byte": (pa.int8(), st.integers(-128, 127)),
    "long": (pa.int64(), st.integers(-(2**53), 2**53)),
    "double": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "single": (pa.float32(), st.floats(allow_nan=False, allow_infinity=False, width=32)),
    "money": (pa.decimal128(38, 2), decimals(2)),
    "small": (pa.decimal128(15, 15), decimals(15)),
    "text": (pa.string(), TEXTS),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(9999, 12, 31))),
    "time": (pa.timestamp("us"), MILLISECONDS),
}
SCHEMA = pa.schema({name: kind for name, (kind, _) in COLUMNS.items()})
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}),
    max_size=6,
)


@settings(deadline=None)
@given(ROWS, st.booleans())
def test_rows_are_the_same_when_they_are_read_back(
    rows: list[dict[str, Any]], header: bool
) -> None:
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    file = MemoryFile("/in/a.xlsx", encoded(batch, format="excel", header=header))
    found = decode_file(file, read_options(format="excel", header=header), SCHEMA).to_pylist()
    for row in rows:
        row["text"] = row["text"] or None
    while rows and not any(value is not None for value in rows[-1].values()):
        rows.pop()  # blank rows at the end are none
    assert found == pa.RecordBatch.from_pylist(rows, SCHEMA).to_pylist()
