"""The row gather of CSV and JSON Lines: byte for byte the lines of the general encoders."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats.csv import encoder as csv
from sftp_async.formats.json import encoder
from sftp_async.formats.values.row_gather import Lookup, LookupTable, RowGather
from tests.support.encoding import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "+05:30"]
TEXTS = ["", "x", "y", ",", '"', "\\", "#", "\ufeff", "a,b", "c\nd", "tab\t", "é😀", "NULL"]
# Around every limit of the tables: parts of a number, dates, years that are printed otherwise.
NUMBERS = [0, 1, 7, 99, 9_999, 10_000, 10_001, 19_999, 20_000, 123_456, 99_999_999, 100_000_000]
NUMBERS += [199_999_999, 200_000_000, 10**9, 10**12, 1_999_999_999_999, 2 * 10**12, 2**62]
DAYS = [0, 10_000, -25_567, -25_568, 47_846, 47_847, 2_932_896, 2_932_897]
INSTANTS = [0, 1, 999, 1_000, 1_000_000, 86_400_000_000]
INSTANTS += [1_711_846_799_999_999, 1_711_846_800_000_000]  # around a change of Berlin's clocks


def numbers(draw: st.DrawFn, rows: int, most: int) -> list[int]:
    """Draw numbers of one range, as columns have them: low or high, with or without a sign."""
    top = draw(st.sampled_from([number for number in NUMBERS if number <= most]))
    bottom = draw(st.sampled_from([0, -top, -(top // 2), top - top // 3]))
    near = st.integers(min(bottom, top), max(bottom, top))
    return draw(st.lists(near | st.sampled_from([bottom, top]), min_size=rows, max_size=rows))


def integers(kind: pa.DataType) -> Callable[[st.DrawFn, int], pa.Array]:
    most = 2 ** (kind.bit_width - 1) - 1
    return lambda draw, rows: pa.array(numbers(draw, rows, most), kind)


def decimals(precision: int, scale: int) -> Callable[[st.DrawFn, int], pa.Array]:
    def make(draw: st.DrawFn, rows: int) -> pa.Array:
        whole = pa.array(numbers(draw, rows, 10**precision - 1), pa.int64())
        buffers = whole.cast(pa.decimal128(38, 0)).buffers()
        return pa.Array.from_buffers(pa.decimal128(precision, scale), rows, buffers)

    return make


def chosen(values: list[Any], kind: pa.DataType) -> Callable[[st.DrawFn, int], pa.Array]:
    def make(draw: st.DrawFn, rows: int) -> pa.Array:
        few = draw(st.lists(st.sampled_from(values), min_size=1, max_size=4))
        drawn = draw(st.lists(st.sampled_from(few), min_size=rows, max_size=rows))
        storage = {"date32": pa.int32(), "timestamp": pa.int64()}
        plain = storage.get(str(kind).split("[")[0], kind)
        return pa.array(drawn, plain).cast(kind)

    return make


COLUMNS = [
    *(integers(kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *(decimals(*kind) for kind in ((15, 2), (4, 4), (9, 0), (18, 1), (38, 3), (20, 18), (12, 5))),
    chosen([True, False], pa.bool_()),
    chosen(DAYS, pa.date32()),
    *(chosen(INSTANTS, pa.timestamp("us", zone)) for zone in [*ZONES, None]),
    chosen([0.1, -1.5, 1e10, float("nan")], pa.float64()),
    chosen(TEXTS, pa.string()),
    chosen(TEXTS, pa.large_string()),
    chosen(["a", "b", "z"], pa.string()),
]


def with_nulls(draw: st.DrawFn, column: pa.Array) -> pa.Array:
    """Make some values null and leave what stood there: Spark's memory is not cleared either."""
    rows = len(column)
    bits = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    valid = pa.array(bits, pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(column.type, rows, [valid, *column.buffers()[1:]])


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Draw a batch, sometimes a slice of a larger one."""
    rows = draw(st.integers(1, 40))
    columns = []
    for make in draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6)):
        column = make(draw, rows)
        columns.append(with_nulls(draw, column) if draw(st.booleans()) else column)
    batch = pa.RecordBatch.from_arrays(columns, [f"c{number}" for number in range(len(columns))])
    start = draw(st.integers(0, rows - 1))
    return batch.slice(start, draw(st.integers(1, rows - start)))


def both_ways(batch: pa.RecordBatch, **options: Any) -> tuple[bytes, bytes]:
    """Encode a batch by the row gather and by the general encoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "ROW_GATHER_ROWS", 1)
        patch.setattr(encoder, "ROW_GATHER_ROWS", 1)
        gathered = encoded(batch, **options)
        patch.setattr(csv, "CSVRowGather", None)
        patch.setattr(encoder, "JSONRowGather", None)
        return gathered, encoded(batch, **options)


@given(
    batches(),
    st.sampled_from(
        [
            {},
            {"sep": "\t"},
            {"sep": "||", "line_sep": "\r\n"},
            {"sep": "-"},
            {"null_value": "NULL", "empty_value": "-"},
            {"null_value": "0"},
            {"quote": "'", "escape": "'"},
            {"sep": "é"},
            {"date_format": "dd.MM.yyyy", "timestamp_format": "HH:mm, dd.MM."},
        ]
    ),
)
def test_csv_lines_are_those_of_the_general_encoder(
    batch: pa.RecordBatch, options: dict[str, str]
) -> None:
    gathered, general = both_ways(batch, format="csv", **options)
    assert gathered == general


@given(batches(), st.sampled_from([{}, {"date_format": "dd.MM.yyyy", "line_sep": "\r\n"}]))
def test_json_lines_are_those_of_the_general_encoder(
    batch: pa.RecordBatch, options: dict[str, str]
) -> None:
    gathered, general = both_ways(batch, format="json", **options)
    assert gathered == general


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("zone", [*ZONES, None])
def test_a_large_batch_of_every_type_is_written_the_same_both_ways(
    form: str, zone: str | None
) -> None:
    rows, randomness = 3_000, np.random.default_rng(7)

    def drawn(low: int, high: int) -> pa.Array:
        return pa.array(randomness.integers(low, high, rows))

    year = 31_536_000_000_000
    instant, millis = pa.timestamp("us", zone), pa.timestamp("ms", zone)
    columns = {
        "narrow": drawn(5, 9).cast(pa.int8()),
        "key": drawn(100_000, 140_000),
        "wide": drawn(0, 10**12),
        "signed": drawn(-300_000, 300_000).cast(pa.int32()),
        "any": drawn(-(2**63), 2**63 - 1),
        "flag": pa.array(randomness.choice(["A", "N", "R"], rows)),
        "word": pa.array(randomness.choice(["", "a", "b,c", 'd"', "e\\"], rows)),
        "many marks": pa.array([",".join("abc")] * rows),
        "day": drawn(8_000, 10_500).cast(pa.int32()).cast(pa.date32()),
        "one instant": drawn(50, 51).cast(pa.timestamp("s", zone)).cast(instant),
        "micros": drawn(50 * year, 54 * year).cast(instant),
        "millis": drawn(50 * year, 54 * year).cast(instant).cast(millis, safe=False).cast(instant),
        "double": pa.array(randomness.random(rows)),
    }
    holes = {
        f"{name} or null": pa.Array.from_buffers(
            column.type,
            rows,
            [pa.array(randomness.random(rows) < 0.7).buffers()[1], *column.buffers()[1:]],
        )
        for name, column in columns.items()
    }
    gathered, general = both_ways(pa.record_batch({**holes, **columns}), format=form)
    assert gathered == general


def test_every_number_of_a_table_has_its_own_text() -> None:
    numbers = random.Random(3).sample(range(200_000_000), 20_000) + list(range(25_000))
    whole = pa.array(numbers, pa.int64())
    buffers = whole.cast(pa.decimal128(38, 0)).buffers()
    cents = pa.Array.from_buffers(pa.decimal128(15, 2), len(whole), buffers)
    lines = encoded(pa.record_batch({"whole": whole, "cents": cents})).decode().splitlines()
    assert lines == [f"{number},{number // 100}.{number % 100:02}" for number in numbers]


def test_files_are_the_same_without_numpy() -> None:
    script = """
import sys
if sys.argv[1] == "without":
    sys.modules["numpy"] = None
import pyarrow as pa
from sftp_async.formats import open_format
from sftp_async.formats.csv import encoder as csv
from sftp_async.formats.json import encoder as jsonl
from sftp_async.options import FormatOptions
columns = {"a": [1, None, -20_000], "b": ["x", "y,z", ""], "c": [True, False, True]}
rows = pa.record_batch({name: values * 1_000 for name, values in columns.items()})
for form in ("csv", "json"):
    print(bytes(open_format(FormatOptions(format=form), rows.schema).open().encode(rows)))
print(csv.CSVRowGather is None and jsonl.JSONRowGather is None)
"""

    def run(how: str) -> list[str]:
        root = Path(__file__).parents[4]
        return subprocess.run(
            [sys.executable, "-c", script, how],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(root)},
        ).stdout.splitlines()

    with_numpy, without = run("with"), run("without")
    assert (with_numpy.pop(), without.pop()) == ("False", "True")
    assert with_numpy == without


def test_constants_come_between_the_values_whatever_they_are_joined_to() -> None:
    table = LookupTable(pa.array(["no", "yes"]))
    texts = pa.array([f"t{number}" for number in range(40)])
    rows = np.arange(40)
    missing = rows % 3 == 0
    gather = RowGather(40)
    gather.add_constant("<")
    gather.add_values([Lookup((table, 0, 2), rows % 2)], missing, null="?", before="(", after=")")
    gather.add_constant("; a long constant; ")
    gather.add_values([Lookup([texts], rows)], missing, before="[", after="]")
    gather.add_constant(",")
    gather.add_values(
        [Lookup((table, 1, 1), np.zeros(40, np.int32)), Lookup([texts], rows)], before="'"
    )
    gather.add_constant(">")
    gather.add_constant("\n")
    expected = [
        f"<{'?' if row % 3 == 0 else ('(no)', '(yes)')[row % 2]}; a long constant; "
        f"{'' if row % 3 == 0 else f'[t{row}]'},'yest{row}>"
        for row in range(40)
    ]
    assert gather.gather().to_pybytes().decode().splitlines() == expected
