"""What is written with a layout is read back with it: types, signs, encodings, line ends, cuts."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sftp_async.formats import open_format, open_read_format
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded
from tests.support.readable import MemoryFile

pytestmark = pytest.mark.once

#: Encodings, and characters of theirs beyond ASCII.
ENCODINGS = {
    "UTF-8": "é€😀",
    "US-ASCII": "",
    "ISO-8859-1": "é¬{}",
    "cp037": "é¬{}[",
    "cp273": "äü{}§",
    "IBM1047": "é¬{}[",
    "windows-1252": "é€",
    "UTF-16": "é€😀",
    "Shift_JIS": "ア漢",
}


class Column(NamedTuple):
    """One column: its field behind the name, its type, and its values."""

    field: str
    kind: pa.DataType
    values: SearchStrategy[Any]


def numbers(digits: int, decimals: int, *, signed: bool = True) -> SearchStrategy[Decimal]:
    most = 10**digits - 1
    whole = st.integers(-most if signed else 0, most)
    # Arithmetic would round to the digits of a context.
    return whole.map(lambda number: Decimal(f"{number}E-{decimals}"))


@st.composite
def columns(draw: DrawFn, characters: str) -> Column:
    kind = draw(
        st.sampled_from(["text", "code", "int", "signed", "plain", "float", "bool", "time"])
    )
    if kind == "text":
        width = draw(st.integers(1, 12))
        side = draw(st.sampled_from(["", "right", 'pad="*"', 'right pad="*"']))
        text = st.text(st.sampled_from("ab 09-" + characters), max_size=width)
        ends = "*" if "*" in side else " "
        strip = str.lstrip if "right" in side else str.rstrip
        return Column(f"{width} {side}", pa.string(), text.map(lambda one: strip(one, ends)))
    if kind == "code":
        return Column("5 zero", pa.string(), st.text("0123456789", min_size=5, max_size=5))
    if kind == "int":
        bits, width = draw(st.sampled_from([(8, 4), (16, 6), (32, 11), (64, 20)]))
        side = draw(st.sampled_from(["", "zero", "left", "leading", "trailing", "overpunch"]))
        limit = (1 << bits - 1) - 1
        values = st.integers(-limit - (side != "overpunch"), limit)
        return Column(f"{width + 1} {side}", getattr(pa, f"int{bits}")(), values)
    if kind == "signed":
        sign = draw(
            st.sampled_from(
                ["", "leading", "trailing", "overpunch", "overpunch_ascii", "unsigned", 'pad=" "']
            )
        )
        digits = draw(st.integers(1, 38))
        decimals = draw(st.integers(0, digits))
        values = numbers(digits, decimals, signed=sign != "unsigned")
        width = digits + (sign in ("", 'pad=" "', "leading", "trailing"))
        if width > 38 and sign in ("", 'pad=" "'):
            width, values = 38, values.map(abs)
        return Column(f"{width}.{decimals} {sign}", pa.decimal128(digits, decimals), values)
    if kind == "plain":
        side = draw(st.sampled_from(["", "zero", "left", 'pad="*"']))
        return Column(f"14 {side}", pa.decimal128(12, 3), numbers(12, 3, signed=False))
    if kind == "float":
        return Column("26", pa.float64(), st.floats(allow_nan=False))
    if kind == "bool":
        return draw(
            st.sampled_from(
                [
                    Column("5", pa.bool_(), st.booleans()),
                    Column('1 true="Y" false="N"', pa.bool_(), st.booleans()),
                ]
            )
        )
    day = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
    second = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 30)).map(
        lambda time: time.replace(microsecond=0)
    )
    zoned = second.map(lambda time: time.replace(year=max(time.year, 1900), tzinfo=dt.UTC))
    return draw(
        st.sampled_from(
            [
                Column('8 "yyyyMMdd"', pa.date32(), day),
                Column('10 "dd.MM.yyyy" null="00.00.0000"', pa.date32(), day),
                Column("10", pa.date32(), day),
                Column('14 "yyyyMMddHHmmss"', pa.timestamp("us"), second),
                Column("23", pa.timestamp("us"), second),
                Column("24", pa.timestamp("us", "UTC"), zoned),
            ]
        )
    )


@st.composite
def files(draw: DrawFn) -> tuple[pa.RecordBatch, dict[str, Any]]:
    """A batch, and options to write it with."""
    encoding = draw(st.sampled_from(list(ENCODINGS)))
    shown = draw(st.lists(columns(ENCODINGS[encoding]), min_size=1, max_size=5))
    rows = draw(st.integers(0, 6))
    fields, arrays = [], []
    for number, column in enumerate(shown):
        fields.append(f"c{number}:{column.field}")
        values = st.one_of(st.none(), column.values)
        arrays.append(pa.array([draw(values) for _ in range(rows)], column.kind))
    fields.insert(
        draw(st.integers(0, len(fields))), draw(st.sampled_from(['"D"', "_:3", '"AB":4']))
    )
    fields.append('"."')  # a record is never blank
    options: dict[str, Any] = {"encoding": encoding, "fixed_layout": ", ".join(fields)}
    bytewise = encoding not in ("UTF-8", "UTF-16", "Shift_JIS")
    ends = draw(st.sampled_from(["\n", "\r\n", ";"] + ["none"] * bytewise))
    if ends == "none":
        options["fixed_line_ends"] = False
    elif ends != "\n" or draw(st.booleans()):
        options["line_sep"] = ends
    names = [f"c{number}" for number in range(len(shown))]
    return pa.RecordBatch.from_arrays(arrays, names), options


def decoded(data: bytes, schema: pa.Schema, options: dict[str, Any], *cuts: int) -> list[Any]:
    form = open_read_format(FormatOptions(format="fixed", **options), schema)
    file = MemoryFile("a.dat", data, chunk=7)
    places = [0, *cuts, len(data)]
    batches = [
        batch
        for start, stop in itertools.pairwise(places)
        for batch in form.decode(file, start, stop)
    ]
    return pa.Table.from_batches(batches, schema).to_pylist()


def read_back(batch: pa.RecordBatch) -> list[Any]:
    """The rows as a read finds them: a blank string is null."""
    return [
        {
            name: None if isinstance(value, str) and not value.strip(" ") else value
            for name, value in row.items()
        }
        for row in batch.to_pylist()
    ]


@given(files())
@settings(max_examples=100)
def test_every_value_is_read_back(made: tuple[pa.RecordBatch, dict[str, Any]]) -> None:
    batch, options = made
    data = encoded(batch, format="fixed", **options)
    assert decoded(data, batch.schema, options) == read_back(batch)
    form = open_read_format(FormatOptions(format="fixed", **options), batch.schema)
    if form.is_splittable("a.dat"):
        places = range(1, len(data))
        for cut in random.Random(data).sample(places, min(len(places), 40)):
            assert decoded(data, batch.schema, options, cut) == read_back(batch)


@given(files(), st.sampled_from(["gzip", "zstd", "bzip2", "xz"]))
@settings(max_examples=20)
def test_a_compressed_file_is_read_back_as_a_whole(
    made: tuple[pa.RecordBatch, dict[str, Any]], codec: str
) -> None:
    batch, options = made
    options = {**options, "compression": codec}
    data = encoded(batch, format="fixed", **options)
    assert not open_read_format(
        FormatOptions(format="fixed", **options), batch.schema
    ).is_splittable("a.dat")
    assert decoded(data, batch.schema, options) == read_back(batch)


@given(files())
@settings(max_examples=50)
def test_parts_one_after_the_other_are_one_file(
    made: tuple[pa.RecordBatch, dict[str, Any]],
) -> None:
    batch, options = made
    form = open_format(FormatOptions(format="fixed", **options), batch.schema)
    assert form.concatenable
    data = b""
    for header in (True, False):
        encoder = form.open(header=header)
        data += bytes(encoder.encode(batch)) + bytes(encoder.finish())
    assert decoded(data, batch.schema, options) == 2 * read_back(batch)
